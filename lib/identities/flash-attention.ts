/** What must hold in "FlashAttention" (lib/variants/flash-attention.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 20 positive terms, divided by each other",
};

const large: Tolerance = { tolerance: 1e-3, because: "the rounding of scores near 400 in float32" };

/** Softmax attention of one head in tiles of `block` queries and keys: `q [T, D]`, `k [S, D]`, `v [S, E]` → `[T, E]`. */
export type TiledForm = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, block: number]>;

export const tiledIdentities: readonly Identity<TiledForm>[] = [
  {
    sentence: "tiles of any size give softmax attention",
    hint: "One maximum, one sum and one result for each row go from tile to tile; a tile may be smaller at the end, or larger than the table.",
    async check(form, random) {
      const [T, S] = [5 + random.integer(4), 7 + random.integer(6)];
      const { q, k, v } = draw(random, T, S);
      for (const block of [1, 3, 4, 20]) {
        assertClose(await form(q, k, v, block), direct(q, k, v), single, `output in tiles of ${block}`);
      }
    },
  },
  {
    sentence: "scores of several hundred stay finite and right, rising or falling along the keys",
    hint: "exp(89) is infinite in float32: subtract the largest score so far, and shrink what was added up under a smaller one.",
    async check(form, random) {
      for (const slope of [200, -200]) {
        const { q, k, v } = draw(random, 3, 12);
        // One more column, which adds `slope` to the scores from each four keys to the next.
        const width = k.shape[1] + 1;
        const ramp = tf.tensor2d(Array.from({ length: 12 }, (_, s) => [slope * Math.floor(s / 4)]));
        const queries = tf.concat2d([q, tf.fill([3, 1], Math.sqrt(width))], 1);
        const keys = tf.concat2d([k, ramp], 1);
        const expected = direct(queries, keys, v);
        assertClose(await form(queries, keys, v, 4), expected, large, `output with a slope of ${slope}`);
      }
    },
  },
  {
    sentence: "the order of the keys and their values changes nothing",
    hint: "Adding up has no order. Whatever was added under an older maximum must shrink by e^(old − new).",
    async check(form, random) {
      const { q, k, v } = draw(random, 4, 9);
      const order = tf.tensor1d(random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8]), "int32");
      const straight = await form(q, k, v, 3);
      assertClose(await form(q, tf.gather(k, order), tf.gather(v, order), 3), straight, single, "output");
    },
  },
  {
    sentence: "when all values are equal, every row is that value",
    hint: "Divide by the sum of exactly those exponentials that stand above it, once, at the end.",
    async check(form, random) {
      const { q, k } = draw(random, 6, 8);
      const value = random.normalTensor<tf.Rank.R2>([1, 3]);
      const [values, expected] = [tf.tile(value, [8, 1]), tf.tile(value, [6, 1])];
      assertClose(await form(q, k, values, 3), expected, single, "output");
    },
  },
];

function draw(random: Random, T: number, S: number) {
  const [D, E] = [2 + random.integer(4), 2 + random.integer(3)];
  return {
    q: random.normalTensor<tf.Rank.R2>([T, D]),
    k: random.normalTensor<tf.Rank.R2>([S, D]),
    v: random.normalTensor<tf.Rank.R2>([S, E]),
  };
}

/** The definition, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) {
  const [Q, K, V] = [q.arraySync(), k.arraySync(), v.arraySync()];
  const data = Q.flatMap((query) => {
    const scores = K.map((key) => key.reduce((sum, x, i) => sum + x * query[i]!, 0) / Math.sqrt(key.length));
    const largest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((a, b) => a + b, 0);
    return V[0]!.map((_, e) => weights.reduce((sum, w, s) => sum + (w / total) * V[s]![e]!, 0));
  });
  return { shape: [Q.length, V[0]!.length], data };
}
