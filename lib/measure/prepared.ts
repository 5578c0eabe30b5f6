/** Inputs of benchmarks: drawn once, run on many times, freed at the end. */

import type * as tf from "@tensorflow/tfjs";
import { dispose } from "@tensorflow/tfjs";
import { random } from "../random.js";
import type { Prepared } from "./scaling.js";

/** Queries, keys and values `[1, 1, T, D]`, normal, seeded by T. */
export function drawSequences(T: number, D: number): Record<"q" | "k" | "v", tf.Tensor4D> {
  const r = random(T);
  const sequence = () => r.normalTensor<tf.Rank.R4>([1, 1, T, D]);
  return { q: sequence(), k: sequence(), v: sequence() };
}

/** What a benchmark does with inputs that it owns. */
export function prepared<I extends tf.TensorContainerObject>(
  inputs: I,
  run: (inputs: I) => unknown,
): Prepared {
  return { run: () => run(inputs), dispose: () => dispose(inputs) };
}
