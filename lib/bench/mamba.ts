/** What `workbook bench mamba` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  type SelectiveScanOptions,
  selectiveScan,
  selectiveScanChunkwise,
  selectiveScanRecurrent,
  zeroOrderHold,
} from "../variants/mamba.js";

const [D, N] = [64, 16] as const;

/** What a selective scan of T tokens reads, and what is done with it. */
function prepared(
  T: number,
  run: (options: SelectiveScanOptions) => unknown,
  sizes: { readonly D: number; readonly N: number } = { D, N },
): Prepared {
  const r = random(T);
  const options = {
    x: r.normalTensor<tf.Rank.R3>([1, T, sizes.D]),
    delta: r.uniformTensor<tf.Rank.R3>([1, T, sizes.D], 0.001, 0.1),
    A: r.uniformTensor<tf.Rank.R2>([sizes.D, sizes.N], -16, -1),
    B: r.normalTensor<tf.Rank.R3>([1, T, sizes.N]),
    C: r.normalTensor<tf.Rank.R3>([1, T, sizes.N]),
  };
  return { run: () => run(options), dispose: () => tf.dispose(options) };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => {
      const x = random(T).normalTensor<tf.Rank.R4>([1, 1, T, D]);
      return { run: () => attention({ q: x, k: x, v: x, causal: true }), dispose: () => x.dispose() };
    },
  },
  {
    label: `selective scan, chunkwise (chunk 16), D = ${D}, N = ${N}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, selectiveScanChunkwise),
  },
  {
    label: "the same by zero-order hold",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, (options) => selectiveScanChunkwise({ ...options, discretise: zeroOrderHold })),
  },
  {
    label: "the same, associative",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, selectiveScan),
  },
  {
    label: "the same, recurrent",
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(T, selectiveScanRecurrent),
  },
  {
    label: "selective scan, chunkwise (chunk 16), D = 8, N = 4",
    sizes: [4096, 16384, 65536, 131072],
    make: (T) => prepared(T, selectiveScanChunkwise, { D: 8, N: 4 }),
  },
];
