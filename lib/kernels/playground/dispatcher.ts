/** The buffers of one job, and its pipeline run on them. Owns GPU memory: `destroy` frees it. */

import { guarded, guardedLength, POISON } from "./guards.js";
import type { Job, Ran } from "./job.js";

export interface RunOptions {
  /** Which poison the output holds before, and which guards lie behind the inputs. */
  readonly round: 0 | 1;
  /** Given, the guards are bound too, except those of these bindings. */
  readonly unwatched?: readonly number[];
  /** False: nobody wants the output. */
  readonly isRead?: boolean;
}

export class Dispatcher {
  readonly clock: Ran["clock"];
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #job: Job;
  readonly #inputs: readonly GPUBuffer[];
  readonly #output: GPUBuffer;
  readonly #sizes: readonly GPUBuffer[];
  readonly #readback: GPUBuffer;
  /** Whose guards lie behind the inputs. */
  #round: 0 | 1 | undefined;
  readonly #times:
    | { readonly set: GPUQuerySet; readonly raw: GPUBuffer; readonly copy: GPUBuffer }
    | undefined;

  constructor(device: GPUDevice, pipeline: GPUComputePipeline, job: Job) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#job = job;
    const buffer = (bytes: number, usage: number) => device.createBuffer({ size: bytes, usage });
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ, QUERY_RESOLVE } = GPUBufferUsage;
    const bytes = (words: number) => 4 * guardedLength(words);
    this.#inputs = job.inputs.map(({ length }) => buffer(bytes(length), STORAGE | COPY_DST));
    this.#output = buffer(bytes(job.output), STORAGE | COPY_SRC | COPY_DST);
    this.#readback = buffer(bytes(job.output), MAP_READ | COPY_DST);
    this.#sizes = (job.sizes === undefined ? [] : [job.sizes]).map((sizes) => {
      const made = buffer(16 * Math.ceil(sizes.length / 4), UNIFORM | COPY_DST);
      device.queue.writeBuffer(made, 0, Uint32Array.from(sizes));
      return made;
    });
    this.clock = device.features.has("timestamp-query") ? "timestamps" : "wall";
    if (this.clock === "wall") return;
    this.#times = {
      set: device.createQuerySet({ type: "timestamp", count: 2 }),
      raw: buffer(16, QUERY_RESOLVE | COPY_SRC),
      copy: buffer(16, MAP_READ | COPY_DST),
    };
  }

  /** One run: how long it took, and the output's bits with the guards behind them, none where it is not read. */
  async run({
    round,
    unwatched,
    isRead = true,
  }: RunOptions): Promise<{ words: Uint32Array; milliseconds: number }> {
    const { queue } = this.#device;
    if (round !== this.#round) {
      for (const [i, input] of this.#job.inputs.entries()) {
        queue.writeBuffer(this.#inputs[i]!, 0, guarded(input, round));
      }
      this.#round = round;
    }
    queue.writeBuffer(this.#output, 0, new Uint32Array(this.#output.size / 4).fill(POISON[round]));
    await queue.onSubmittedWorkDone();
    const encoder = this.#device.createCommandEncoder();
    const times = this.#times;
    const pass = encoder.beginComputePass(
      times && {
        timestampWrites: { querySet: times.set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
      },
    );
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#bind(unwatched));
    pass.dispatchWorkgroups(...this.#job.workgroups);
    pass.end();
    if (times !== undefined) {
      encoder.resolveQuerySet(times.set, 0, 2, times.raw, 0);
      encoder.copyBufferToBuffer(times.raw, 0, times.copy, 0, 16);
    }
    const start = performance.now();
    queue.submit([encoder.finish()]);
    await queue.onSubmittedWorkDone();
    const wall = performance.now() - start;
    const milliseconds = times === undefined ? wall : await elapsed(times.copy);
    return { words: isRead ? await this.#read() : new Uint32Array(), milliseconds };
  }

  destroy(): void {
    const { set, raw, copy } = this.#times ?? {};
    const all = [...this.#inputs, this.#output, this.#readback, ...this.#sizes, set, raw, copy];
    for (const each of all) each?.destroy();
  }

  #bind(unwatched: readonly number[] | undefined): GPUBindGroup {
    const storage = [...this.#inputs, this.#output];
    const lengths = [...this.#job.inputs.map(({ length }) => length), this.#job.output];
    const entries = storage.map((buffer, binding) => {
      const isGuarded = unwatched !== undefined && !unwatched.includes(binding);
      // No binding may be empty.
      const size = isGuarded ? buffer.size : 4 * Math.max(1, lengths[binding]!);
      return { binding, resource: { buffer, size } };
    });
    const uniform = this.#sizes.map((buffer, i) => ({ binding: storage.length + i, resource: { buffer } }));
    return this.#device.createBindGroup({
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: [...entries, ...uniform],
    });
  }

  async #read(): Promise<Uint32Array> {
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#output, 0, this.#readback, 0, this.#output.size);
    this.#device.queue.submit([encoder.finish()]);
    return new Uint32Array(await mapped(this.#readback));
  }
}

/** From the first of two timestamps, in nanoseconds, to the second. */
async function elapsed(copy: GPUBuffer): Promise<number> {
  const [begin = 0n, end = 0n] = new BigUint64Array(await mapped(copy));
  return Number(end - begin) / 1e6;
}

async function mapped(buffer: GPUBuffer): Promise<ArrayBuffer> {
  await buffer.mapAsync(GPUMapMode.READ);
  const copy = buffer.getMappedRange().slice(0);
  buffer.unmap();
  return copy;
}
