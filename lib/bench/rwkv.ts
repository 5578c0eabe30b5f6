/** What `workbook bench rwkv` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import { logDecay, wkv, wkvChunkwise, wkvRecurrent, wkvStep } from "../variants/rwkv.js";

/** As wide as one attention head, and as the smallest model of the paper's Table 2. */
const [C, WIDTH] = [64, 768] as const;

/** What WKV of T positions reads. */
function inputs(T: number, channels: number = C) {
  const r = random(T);
  return {
    w: logDecay(r.uniformTensor<tf.Rank.R1>([channels], -5, 3)),
    u: r.normalTensor<tf.Rank.R1>([channels]),
    k: r.normalTensor<tf.Rank.R3>([1, T, channels]),
    v: r.normalTensor<tf.Rank.R3>([1, T, channels]),
  };
}

/** One new position after T others, against what was kept of them. */
function decoding(T: number, kept: "state" | "cache"): Prepared {
  const r = random(T);
  const x = r.normalTensor<tf.Rank.R3>([1, 1, WIDTH]);
  const [w, u] = [tf.fill<tf.Rank.R1>([WIDTH], -0.1), tf.zeros<tf.Rank.R1>([WIDTH])];
  const ones = () => tf.ones<tf.Rank.R2>([1, WIDTH]);
  const state = { a: ones(), b: ones(), m: ones() };
  const heads = [1, WIDTH / 64, T, 64] as const;
  const cache = { k: tf.ones<tf.Rank.R4>([...heads]), v: tf.ones<tf.Rank.R4>([...heads]) };
  const q = tf.reshape(x, [1, WIDTH / 64, 1, 64]) as tf.Tensor4D;
  return {
    // The cache is read only: growing it would copy it here, which no serious decoder does.
    run: kept === "state" ? () => wkvStep({ w, u, k: x, v: x, state }) : () => attention({ q, ...cache }),
    dispose: () => tf.dispose([x, w, u, state, cache, q]),
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${C}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, C), (sequences) => attention({ ...sequences, causal: true })),
  },
  {
    label: `WKV, chunkwise (chunk 8), C = ${C}`,
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), wkvChunkwise),
  },
  {
    label: "the same, parallel (associative scan)",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), wkv),
  },
  { label: "the same, recurrent", sizes: [1024, 2048, 4096], make: (T) => prepared(inputs(T), wkvRecurrent) },
  {
    label: `WKV, chunkwise (chunk 8), C = ${WIDTH}`,
    sizes: [1024, 2048, 4096, 8192],
    make: (T) => prepared(inputs(T, WIDTH), wkvChunkwise),
  },
  {
    label: `the same, recurrent, C = ${WIDTH}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(inputs(T, WIDTH), wkvRecurrent),
  },
  {
    label: `one more token after T, WKV's state, C = ${WIDTH}`,
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "state"),
  },
  {
    label: `one more token after T, softmax attention's cache, ${WIDTH / 64} heads`,
    sizes: [1024, 4096, 16384, 65536],
    make: (T) => decoding(T, "cache"),
  },
];
