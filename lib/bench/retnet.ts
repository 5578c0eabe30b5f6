/** What `workbook bench retnet` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  retention,
  retentionAngles,
  retentionChunkwise,
  retentionRecurrent,
  retentionStep,
} from "../variants/retnet.js";

const D = 64;
const angles = retentionAngles(D);

/** One new position after T others, against what was kept of them. */
function decoding(T: number, kept: "state" | "cache"): Prepared {
  const r = random(T);
  const one = () => r.normalTensor<tf.Rank.R4>([1, 1, 1, D]);
  const [q, k, v, state] = [one(), one(), one(), r.normalTensor<tf.Rank.R4>([1, 1, D, D])];
  const cache = { k: tf.ones<tf.Rank.R4>([1, 1, T, D]), v: tf.ones<tf.Rank.R4>([1, 1, T, D]) };
  return {
    // The cache is read only: growing it would copy it here, which no serious decoder does.
    run:
      kept === "state"
        ? () => retentionStep({ q, k, v, state, position: T, angles })
        : () => attention({ q, ...cache }),
    dispose: () => tf.dispose([q, k, v, state, cache]),
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), (inputs) => attention({ ...inputs, causal: true })),
  },
  {
    label: `retention, parallel, B = H = 1, D = ${D}, not turned`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), retention),
  },
  {
    label: "the same, chunkwise (chunk 64)",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(drawSequences(T, D), retentionChunkwise),
  },
  {
    label: "chunkwise, queries and keys turned",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(drawSequences(T, D), (inputs) => retentionChunkwise({ ...inputs, angles })),
  },
  {
    label: "retention, recurrent, not turned",
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), retentionRecurrent),
  },
  {
    label: "one more token after T, retention's state",
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "state"),
  },
  {
    label: "one more token after T, softmax attention's cache",
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "cache"),
  },
];
