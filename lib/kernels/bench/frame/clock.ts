/** Milliseconds per run of what the GPU does, measured over batches, so that waiting for the GPU counts little. */

import * as tf from "@tensorflow/tfjs";
import { summary, type Timing } from "../../../measure/time.js";
import { gpuBackend } from "../../device.js";

export interface Effort {
  /** Batches; their median counts. */
  readonly batches: number;
  /** What a batch should take, ms. */
  readonly milliseconds: number;
}

type Run = () => tf.Tensor | tf.Tensor[];

/** A rung so slow that its batches would take longer gets fewer of them, ms. */
const PATIENCE = 10_000;

/** Runs once to compile and once to see how long it takes; then batches. Frees what `run` returns. */
export async function timeOnGpu(run: Run, { batches, milliseconds }: Effort): Promise<Timing> {
  await batch(run, 1);
  const once = await batch(run, 1);
  const runs = Math.max(1, Math.round(milliseconds / once));
  const samples: number[] = [];
  const start = performance.now();
  while (samples.length < batches && (samples.length === 0 || performance.now() - start < PATIENCE)) {
    samples.push((await batch(run, runs)) / runs);
  }
  return summary(samples);
}

async function batch(run: Run, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) tf.dispose(tf.tidy(run));
  const backend = gpuBackend();
  // tfjs has none open when it has just submitted, or did the work on the processor.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
  return performance.now() - start;
}
