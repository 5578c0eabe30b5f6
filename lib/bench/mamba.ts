/** What `workbook bench mamba` measures. */

import type * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  selectiveScan,
  selectiveScanChunkwise,
  selectiveScanRecurrent,
  zeroOrderHold,
} from "../variants/mamba.js";

const [D, N] = [64, 16] as const;

/** What a selective scan of T tokens reads. */
function inputs(T: number, sizes: { readonly D: number; readonly N: number } = { D, N }) {
  const r = random(T);
  return {
    x: r.normalTensor<tf.Rank.R3>([1, T, sizes.D]),
    delta: r.uniformTensor<tf.Rank.R3>([1, T, sizes.D], 0.001, 0.1),
    A: r.uniformTensor<tf.Rank.R2>([sizes.D, sizes.N], -16, -1),
    B: r.normalTensor<tf.Rank.R3>([1, T, sizes.N]),
    C: r.normalTensor<tf.Rank.R3>([1, T, sizes.N]),
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), (sequences) => attention({ ...sequences, causal: true })),
  },
  {
    label: `selective scan, chunkwise (chunk 16), D = ${D}, N = ${N}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), selectiveScanChunkwise),
  },
  {
    label: "the same by zero-order hold",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) =>
      prepared(inputs(T), (options) => selectiveScanChunkwise({ ...options, discretise: zeroOrderHold })),
  },
  {
    label: "the same, associative",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), selectiveScan),
  },
  {
    label: "the same, recurrent",
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(inputs(T), selectiveScanRecurrent),
  },
  {
    label: "selective scan, chunkwise (chunk 16), D = 8, N = 4",
    sizes: [4096, 16384, 65536, 131072],
    make: (T) => prepared(inputs(T, { D: 8, N: 4 }), selectiveScanChunkwise),
  },
];
