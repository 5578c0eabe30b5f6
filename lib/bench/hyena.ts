/** What `workbook bench hyena` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  type HyenaOptions,
  hyena,
  type LongConvolutionOptions,
  longConvolution,
  longConvolutionDirect,
} from "../variants/hyena.js";

const C = 64;

/** What order 2 over T positions reads, and what is done with it. */
function prepared(T: number, run: (options: HyenaOptions) => unknown, channels = C): Prepared {
  const r = random(T);
  const rows = () => r.normalTensor<tf.Rank.R3>([1, channels, T]);
  const filter = () => r.normalTensor<tf.Rank.R2>([channels, T], T ** -0.5);
  const bias = () => r.normalTensor<tf.Rank.R1>([channels]);
  const options = {
    v: rows(),
    gates: [rows(), rows()],
    filters: [filter(), filter()],
    biases: [bias(), bias()],
  };
  return { run: () => run(options), dispose: () => tf.dispose(options) };
}

const one =
  (convolution: (options: LongConvolutionOptions) => tf.Tensor3D) =>
  ({ v, filters, biases }: HyenaOptions) =>
    convolution({ u: v, h: filters[0]!, bias: biases![0] });

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${C}`,
    sizes: [1024, 2048, 4096],
    make: (T) => {
      const x = random(T).normalTensor<tf.Rank.R4>([1, 1, T, C]);
      return { run: () => attention({ q: x, k: x, v: x, causal: true }), dispose: () => x.dispose() };
    },
  },
  {
    label: `one long convolution with bias, by transforms, C = ${C}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, one(longConvolution)),
  },
  {
    label: "the same, direct (Toeplitz)",
    sizes: [256, 512, 1024],
    make: (T) => prepared(T, one(longConvolutionDirect)),
  },
  {
    label: `Hyena, order 2, C = ${C}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, hyena),
  },
  {
    label: "Hyena, order 2, C = 8",
    sizes: [4096, 16384, 65536, 131072],
    make: (T) => prepared(T, hyena, 8),
  },
];
