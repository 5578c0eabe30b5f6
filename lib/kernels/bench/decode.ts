/** One new token against a long cache: tfjs's operations at once, then every rung with the library's splits, and one worker for each tile. */

import type * as tf from "@tensorflow/tfjs";
import { composedAttention } from "../../attention.js";
import { random } from "../../random.js";
import { type DecodeOptions, decodeAttention } from "../../variants/lean-attention.js";
import { fixedSplit } from "../../variants/lean-splits.js";
import type { Benchmark, Case } from "./frame/benchmark.js";

export const benchmark: Benchmark = ({ software }) => {
  const lengths = software ? [4096] : [4096, 32768, 131072];
  return lengths.flatMap((S) => [decoding(8, 8, S, 64), decoding(32, 8, S, 128)].slice(0, software ? 1 : 2));
};

/** Memory bounds it: two operations for each number of the cache and each head that reads it. */
function decoding(H: number, G: number, S: number, D: number): Case {
  const call = (options: Partial<DecodeOptions>) => (inputs: readonly tf.Tensor[]) =>
    decodeAttention({ ...named(inputs), ...options });
  return {
    label: `one token, H = ${H}, G = ${G}, cache of ${S}, D = ${D}`,
    flops: 4 * H * S * D,
    bytes: 4 * (2 * G * S * D + 2 * H * D),
    torch: { problem: "decode" },
    inputs: () => {
      const r = random(S);
      const normal = (heads: number, rows: number) => r.normalTensor<tf.Rank.R4>([1, heads, rows, D]);
      return [normal(H, 1), normal(G, S), normal(G, S)];
    },
    rungs: {
      composed: (inputs) => composedAttention(named(inputs)),
      plain: call({ rung: "plain" }),
      split: call({ rung: "split" }),
      subgroup: call({ rung: "subgroup" }),
      "one worker a tile": call({ splits: fixedSplit({ lengths: [S], heads: G, parts: 1 }) }),
    },
    rounding: { tolerance: 1e-4, because: "float32 sums of S exponentials, in another order" },
  };
}

function named(inputs: readonly tf.Tensor[]): Record<"q" | "k" | "v", tf.Tensor4D> {
  const [q, k, v] = inputs as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  return { q, k, v };
}
