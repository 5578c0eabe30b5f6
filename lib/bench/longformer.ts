/** What `workbook bench longformer` measures. */

import * as tf from "@tensorflow/tfjs";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";
import { longformer, longformerDense } from "../variants/longformer.js";

const D = 64;
const sizes = [1024, 2048, 4096];

/** One global token, at position 0. */
function inputs(T: number, H: number) {
  const draw = (length: number) => random(length).normalTensor<tf.Rank.R4>([1, H, length, D]);
  const [q, k, v] = [draw(T), draw(T), draw(T)];
  return { q, k, v, global: { positions: [0], q: draw(1), k: draw(T), v: draw(T) } };
}

function benchmark(
  label: string,
  H: number,
  run: (options: ReturnType<typeof inputs>) => tf.Tensor,
): Benchmark {
  return {
    label: `${label}, forward, B = 1, H = ${H}, D = ${D}, one global token`,
    sizes,
    make: (T) => {
      const options = inputs(T, H);
      return { run: () => run(options), dispose: () => tf.dispose(options as unknown as tf.TensorContainer) };
    },
  };
}

export const benchmarks: readonly Benchmark[] = [
  benchmark("the paper's base model, w = 512", 12, (options) => longformer({ ...options, window: 512 })),
  benchmark("w = 512", 1, (options) => longformer({ ...options, window: 512 })),
  benchmark("w = 128", 1, (options) => longformer({ ...options, window: 128 })),
  benchmark("w = 128, dilation 4", 1, (options) => longformer({ ...options, window: 128, dilation: 4 })),
  benchmark("a dense mask, w = 512", 1, (options) => longformerDense({ ...options, window: 512 })),
];
