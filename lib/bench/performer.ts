/** What `workbook bench performer` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import { orthogonalRows } from "../random-features.js";
import {
  causalPerformer,
  causalPerformerChunkwise,
  causalPerformerRecurrent,
  type PerformerOptions,
  performerAttention,
} from "../variants/performer.js";

const [D, m] = [64, 64];

function prepared(T: number, run: (inputs: PerformerOptions) => unknown): Prepared {
  const r = random(T);
  const sequence = () => r.normalTensor<tf.Rank.R4>([1, 1, T, D]);
  const inputs = { q: sequence(), k: sequence(), v: sequence(), w: orthogonalRows({ m, D, random: r }) };
  return { run: () => run(inputs), dispose: () => tf.dispose(inputs) };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(T, ({ q, k, v }) => attention({ q, k, v, causal: true })),
  },
  {
    label: `FAVOR+, parallel, causal, D = m = ${m}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(T, causalPerformer),
  },
  {
    label: "the same, chunkwise (chunk 64)",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, causalPerformerChunkwise),
  },
  {
    label: "the same, recurrent",
    sizes: [4096],
    make: (T) => prepared(T, causalPerformerRecurrent),
  },
  {
    label: "FAVOR+, every query sees every key",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(T, performerAttention),
  },
];
