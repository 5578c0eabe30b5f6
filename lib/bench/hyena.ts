/** What `workbook bench hyena` measures. */

import type * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  type HyenaOptions,
  hyena,
  type LongConvolutionOptions,
  longConvolution,
  longConvolutionDirect,
} from "../variants/hyena.js";

const C = 64;

/** What order 2 over T positions reads. */
function inputs(T: number, channels = C) {
  const r = random(T);
  const rows = () => r.normalTensor<tf.Rank.R3>([1, channels, T]);
  const filter = () => r.normalTensor<tf.Rank.R2>([channels, T], T ** -0.5);
  const bias = () => r.normalTensor<tf.Rank.R1>([channels]);
  return {
    v: rows(),
    gates: [rows(), rows()],
    filters: [filter(), filter()],
    biases: [bias(), bias()],
  };
}

const one =
  (convolution: (options: LongConvolutionOptions) => tf.Tensor3D) =>
  ({ v, filters, biases }: HyenaOptions) =>
    convolution({ u: v, h: filters[0]!, bias: biases![0] });

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${C}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, C), (sequences) => attention({ ...sequences, causal: true })),
  },
  {
    label: `one long convolution with bias, by transforms, C = ${C}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), one(longConvolution)),
  },
  {
    label: "the same, direct (Toeplitz)",
    sizes: [256, 512, 1024],
    make: (T) => prepared(inputs(T), one(longConvolutionDirect)),
  },
  {
    label: `Hyena, order 2, C = ${C}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), hyena),
  },
  {
    label: "Hyena, order 2, C = 8",
    sizes: [4096, 16384, 65536, 131072],
    make: (T) => prepared(inputs(T, 8), hyena),
  },
];
