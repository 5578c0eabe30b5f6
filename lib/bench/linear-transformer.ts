/** What `workbook bench linear-transformer` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import {
  causalLinearAttention,
  causalLinearAttentionChunkwise,
  causalLinearAttentionRecurrent,
  linearAttention,
  linearAttentionStep,
} from "../variants/linear-transformer.js";

const D = 64;

/** One new position after T others, against what was kept of them. */
function decoding(T: number, kept: "state" | "cache"): Prepared {
  const r = random(T);
  const one = () => r.normalTensor<tf.Rank.R4>([1, 1, 1, D]);
  const [q, k, v] = [one(), one(), one()];
  const [keys, values] = [0, 1].map(() => r.normalTensor<tf.Rank.R4>([1, 1, T, D])) as [
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const state = r.uniformTensor<tf.Rank.R4>([1, 1, D, D + 1]);
  const withCache = () =>
    tf.tidy(() => {
      const cache = { k: tf.concat([keys, k], 2), v: tf.concat([values, v], 2) };
      return { y: attention({ q, ...cache }), cache };
    });
  return {
    run: kept === "state" ? () => linearAttentionStep({ q, k, v, state }) : withCache,
    dispose: () => tf.dispose([q, k, v, keys, values, state]),
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), (inputs) => attention({ ...inputs, causal: true })),
  },
  {
    label: `linear attention, parallel, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), causalLinearAttention),
  },
  {
    label: "the same, chunkwise (chunk 64)",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(drawSequences(T, D), causalLinearAttentionChunkwise),
  },
  {
    label: "the same, recurrent",
    sizes: [4096],
    make: (T) => prepared(drawSequences(T, D), causalLinearAttentionRecurrent),
  },
  {
    label: "linear attention, every query sees every key",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(drawSequences(T, D), linearAttention),
  },
  {
    label: "one more token after T, linear attention's state",
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "state"),
  },
  {
    label: "one more token after T, softmax attention's cache",
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "cache"),
  },
];
