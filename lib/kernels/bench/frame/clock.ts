/**
 * Milliseconds per run of what the GPU does, measured over batches, so that waiting for the GPU counts little.
 *
 * Where the device has timestamps they count: from before the first kernel of a batch to after its last one. A batch of short runs
 * is submitted as one, so that the GPU never waits for JavaScript inside of it.
 */

import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { summary, type Timing } from "../../../measure/time.js";
import { gpuBackend, hasFeature } from "../../device.js";

export interface Effort {
  /** Batches; their median counts. */
  readonly batches: number;
  /** What a batch should take, ms. */
  readonly milliseconds: number;
  /** The wall's time counts, whatever the device has: on software timestamps were seen to differ from the wall by a factor of ten. */
  readonly byWall?: boolean;
}

export interface GpuTiming extends Timing {
  /** Milliseconds per run that passed for whoever waits: more than the GPU's where kernels are short. Median. */
  readonly wall: number;
}

type Run = () => tf.Tensor | tf.Tensor[];

/** A rung so slow that its batches would take longer gets fewer of them, ms. */
const PATIENCE = 5_000;
/** Shorter runs are submitted as one batch, ms: the buffers of all of them are in use at once then. */
const SHORT = 2;
/** Most runs in a batch, for the same reason. */
const MOST_RUNS = 50;

/** Runs once to compile and some more times to see how long it takes; then batches. Frees what `run` returns. */
export async function timeOnGpu(run: Run, { batches, milliseconds, byWall }: Effort): Promise<GpuTiming> {
  const clock = new Clock(byWall === true);
  try {
    await clock.batch(run, 1, false);
    let once = (await clock.batch(run, 1, false)).milliseconds;
    const short = once < SHORT;
    const runsFor = (ms: number) => Math.min(MOST_RUNS, Math.max(1, Math.round(milliseconds / ms)));
    // Also makes the buffers that the batches use.
    if (short) once = (await clock.batch(run, runsFor(once), true)).milliseconds;
    const runs = runsFor(once);
    const samples: Sample[] = [];
    const start = performance.now();
    while (samples.length < batches && (samples.length === 0 || performance.now() - start < PATIENCE)) {
      samples.push(await clock.batch(run, runs, short));
    }
    const of = (key: keyof Sample) => summary(samples.map((sample) => sample[key]));
    return { ...of("milliseconds"), wall: of("wall").median };
  } finally {
    clock.dispose();
  }
}

/** Whether times come from the GPU's own clock. */
export function hasGpuClock(): boolean {
  return hasFeature("timestamp-query");
}

/** Destroys the buffers that tfjs keeps for later: what ran before leaves its memory to what comes next. */
export function forgetFreeBuffers(): void {
  const manager = gpuBackend().bufferManager as unknown as {
    freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesAllocated: number;
  };
  for (const buffers of manager.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      manager.numFreeBuffers--;
      manager.numBytesAllocated -= buffer.size;
      buffer.destroy();
    }
  }
}

/** Milliseconds per run. */
interface Sample {
  readonly milliseconds: number;
  readonly wall: number;
}

const BATCH_SIZE = "WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE";

class Clock {
  readonly #backend = gpuBackend();
  readonly #stamps: Stamps | undefined;

  constructor(byWall: boolean) {
    this.#stamps = hasGpuClock() && !byWall ? new Stamps(this.#backend.device) : undefined;
  }

  async batch(run: Run, runs: number, atOnce: boolean): Promise<Sample> {
    const usual = tf.env().getNumber(BATCH_SIZE);
    if (atOnce) tf.env().set(BATCH_SIZE, 1e9);
    const start = performance.now();
    try {
      this.#stamps?.begin(encoder(this.#backend));
      for (let i = 0; i < runs; i++) tf.dispose(tf.tidy(run));
      this.#stamps?.end(encoder(this.#backend));
      encoder(this.#backend);
      this.#backend.submitQueue();
    } finally {
      tf.env().set(BATCH_SIZE, usual);
    }
    await this.#backend.queue.onSubmittedWorkDone();
    const wall = (performance.now() - start) / runs;
    const gpu = await this.#stamps?.milliseconds();
    // What tfjs computed on the processor has no time on the GPU.
    return { wall, milliseconds: gpu === undefined || gpu <= 0 ? wall : gpu / runs };
  }

  dispose(): void {
    this.#stamps?.dispose();
  }
}

/** tfjs's open encoder, between passes. tfjs has none when it has just submitted. */
function encoder(backend: WebGPUBackend): GPUCommandEncoder {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  return (backend as unknown as { commandEncoder: GPUCommandEncoder }).commandEncoder;
}

/** Two moments on the GPU's clock. */
class Stamps {
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #read: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#set = device.createQuerySet({ type: "timestamp", count: 2 });
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#read = device.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
  }

  begin(encoder: GPUCommandEncoder): void {
    const timestampWrites = { querySet: this.#set, beginningOfPassWriteIndex: 0 };
    encoder.beginComputePass({ timestampWrites }).end();
  }

  end(encoder: GPUCommandEncoder): void {
    const timestampWrites = { querySet: this.#set, endOfPassWriteIndex: 1 };
    encoder.beginComputePass({ timestampWrites }).end();
    encoder.resolveQuerySet(this.#set, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#read, 0, 16);
  }

  /** Between them. */
  async milliseconds(): Promise<number> {
    await this.#read.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigUint64Array(this.#read.getMappedRange().slice(0));
    this.#read.unmap();
    return Number(end! - begin!) / 1e6;
  }

  dispose(): void {
    this.#set.destroy();
    this.#resolved.destroy();
    this.#read.destroy();
  }
}
