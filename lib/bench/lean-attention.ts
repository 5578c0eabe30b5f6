/** What `workbook bench lean-attention` measures: one new token against a cache of T. */

import type * as tf from "@tensorflow/tfjs";
import { composedAttention } from "../attention.js";
import { prepared } from "../measure/prepared.js";
import type { Benchmark, Prepared } from "../measure/scaling.js";
import { random } from "../random.js";
import { type DecodeOptions, decodeAttention } from "../variants/lean-attention.js";
import { fixedSplit } from "../variants/lean-splits.js";

const [H, G, D] = [8, 2, 64];
const sizes = [1024, 4096, 16384, 65536];

function decoding(T: number, run: (options: DecodeOptions) => tf.Tensor): Prepared {
  const r = random(T);
  const cache = () => r.normalTensor<tf.Rank.R4>([1, G, T, D]);
  return prepared({ q: r.normalTensor<tf.Rank.R4>([1, H, 1, D]), k: cache(), v: cache() }, run);
}

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, one token, B = 1, H = ${H}, G = ${G}, D = ${D}`,
    sizes,
    make: (T) => decoding(T, composedAttention),
  },
  {
    label: "decode attention, cut as the library chooses",
    sizes,
    make: (T) => decoding(T, decodeAttention),
  },
  {
    label: "decode attention in pieces of 1,024 keys, merged",
    sizes,
    make: (T) =>
      decoding(T, (options) => {
        const splits = fixedSplit({ lengths: [T], heads: G, parts: T / 1024 });
        return decodeAttention({ ...options, splits });
      }),
  },
];
