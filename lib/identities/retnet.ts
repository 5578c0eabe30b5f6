/** What must hold in "Retentive Network" (lib/variants/retnet.ts and retnet-layer.ts state the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 20 products",
};

/** Retention of one head that does not turn: `q [T, D]`, `k [T, D]`, `v [T, E]`, γ → `[T, E]`. */
export type OneHead = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, gamma: number]>;

export const retentionIdentities: readonly Identity<OneHead>[] = [
  {
    sentence: "row n is the sum of γⁿ⁻ᵐ (q_n · k_m / √D) v_m over m ≤ n",
    hint: "No softmax, and nothing is divided by a sum: scores over √D, times D, times V.",
    async check(form, random) {
      for (const T of [1, 4 + random.integer(8)]) {
        const { q, k, v } = draw(random, T, 3 + random.integer(4), 2 + random.integer(4));
        const gamma = 0.5 + 0.4 * random.uniform();
        assertClose(await form(q, k, v, gamma), direct(q, k, v, gamma), single, `output at T = ${T}`);
      }
    },
  },
  {
    sentence: "row n does not change when later keys and values change",
    hint: "D is zero above the diagonal: the sum for position n runs over positions 0 … n and no further.",
    async check(form, random) {
      const [T, cut] = [9, 1 + random.integer(7)];
      const { q, k, v } = draw(random, T, 4, 3);
      const after = draw(random, T, 4, 3);
      const spliced = (early: tf.Tensor2D, late: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(early, 0, cut), tf.slice(late, cut)], 0);
      const before = rows(await form(q, k, v, 0.8), 0, cut);
      const changed = rows(await form(q, spliced(k, after.k), spliced(v, after.v), 0.8), 0, cut);
      assertClose(changed, before, single, `rows 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "what was said once counts γ times as much one position later",
    hint: "The exponent is the distance n − m: 0 for the position itself, 1 for the next.",
    async check(form, random) {
      const [T, D, E, at] = [8, 4, 3, random.integer(4)];
      const gamma = 0.5 + 0.4 * random.uniform();
      const { k, v } = draw(random, T, D, E);
      const q: tf.Tensor2D = tf.tile(random.normalTensor<tf.Rank.R2>([1, D]), [T, 1]);
      const alone = tf.mul(v, tf.oneHot(tf.fill([E], at, "int32") as tf.Tensor1D, T).transpose());
      const out = await form(q, k, alone as tf.Tensor2D, gamma);
      const later = rows(out, at + 1, T);
      const faded = rows(out, at, T - 1);
      assertClose(later, { ...faded, data: faded.data.map((x) => gamma * x) }, single, "later rows");
    },
  },
  {
    sentence: "doubling all queries doubles every row",
    hint: "Retention is linear in the queries: there is no softmax, and no division by the sum of the weights.",
    async check(form, random) {
      const { q, k, v } = draw(random, 7, 4, 3);
      const once = rows(await form(q, k, v, 0.7), 0, 7);
      const twice = await form(tf.mul(q, 2), k, v, 0.7);
      assertClose(twice, { ...once, data: once.data.map((x) => 2 * x) }, single, "output");
    },
  },
];

/** The same in chunks of `chunk` positions. */
export type OneHeadInChunks = Form<
  [q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, gamma: number, chunk: number]
>;

export const chunkwiseRetentionIdentities: readonly Identity<OneHeadInChunks>[] = [
  {
    sentence: "chunks of any length that divides T give the definition",
    hint: "Row j of a chunk reads the state γʲ⁺¹ times; key j enters the next state γ^(c−1−j) times; the old state γᶜ times.",
    async check(form, random) {
      const T = 12;
      const { q, k, v } = draw(random, T, 4, 3);
      for (const chunk of [1, 3, 4, 12]) {
        const expected = direct(q, k, v, 0.8);
        assertClose(await form(q, k, v, 0.8, chunk), expected, single, `output in chunks of ${chunk}`);
      }
    },
  },
  {
    sentence: "a last chunk that is shorter, and a chunk longer than T, give the definition too",
    hint: "Either let the last chunk be short, or fill it up and cut the result back to T rows.",
    async check(form, random) {
      for (const [T, chunk] of [
        [1, 4],
        [10, 4],
        [7, 6],
        [5, 8],
      ] as const) {
        const { q, k, v } = draw(random, T, 3, 2);
        const expected = direct(q, k, v, 0.7);
        assertClose(await form(q, k, v, 0.7, chunk), expected, single, `output at T = ${T}, chunk ${chunk}`);
      }
    },
  },
];

/** Any form with the paper's decays and angles, `q` and `k` `[1, H, T, D]`, `v` `[1, H, T, E]`, followed by the norm. */
export type NormedHeads = Form<[q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D]>;

export const normedRetentionIdentities: readonly Identity<NormedHeads>[] = [
  {
    sentence: "after the norm, every row is that of normalised scores",
    hint: "A positive factor on a row cancels in the norm: compare after it, never before.",
    async check(form, random) {
      const { q, k, v } = drawHeads(random, 9);
      assertClose(await form(q, k, v), directNormed(q, k, v), after, "normed output");
    },
  },
  {
    sentence: "where the text starts does not matter: zeros before it only move the rows",
    hint: "Queries turn by n θ and keys by m θ, so their product knows n − m alone.",
    async check(form, random) {
      const { q, k, v } = drawHeads(random, 9);
      const later = (x: tf.Tensor4D): tf.Tensor4D =>
        tf.concat([tf.zeros([1, x.shape[1], 5, x.shape[3]]), x], 2);
      const moved = (await form(later(q), later(k), later(v))) as tf.Tensor4D;
      const expected = await form(q, k, v);
      assertClose(tf.slice(moved, [0, 0, 5, 0], [1, 3, 9, 4]), expected, after, "rows 5 and later");
    },
  },
];

const after: Tolerance = {
  tolerance: 1e-5,
  because:
    "float32 sums of at most 20 products, divided by their spread; the norm's ε must be far below that",
};

function draw(random: Random, T: number, D: number, E: number) {
  const normal = (columns: number) => random.normalTensor<tf.Rank.R2>([T, columns]);
  return { q: normal(D), k: normal(D), v: normal(E) };
}

function drawHeads(random: Random, T: number) {
  const normal = (columns: number) => random.normalTensor<tf.Rank.R4>([1, 3, T, columns]);
  return { q: normal(6), k: normal(6), v: normal(4) };
}

/** The definition, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, gamma: number) {
  const [Q, K, V] = [q.arraySync(), k.arraySync(), v.arraySync()];
  const data = Q.flatMap((query, n) =>
    V[0]!.map((_, e) => {
      let sum = 0;
      for (let m = 0; m <= n; m++) {
        const dot = query.reduce((total, x, d) => total + x * K[m]![d]!, 0);
        sum += (gamma ** (n - m) * dot * V[m]![e]!) / Math.sqrt(query.length);
      }
      return sum;
    }),
  );
  return { shape: v.shape, data };
}

/** Normalised scores under the norm as section 2.2 writes them, turned pair by pair, in float64. */
function directNormed(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) {
  const [, , T, D] = q.shape;
  const [Q, K, V] = [q.arraySync()[0]!, k.arraySync()[0]!, v.arraySync()[0]!];
  const turned = (x: number[], n: number) =>
    x.map((entry, d) => {
      const angle = n * 10_000 ** -(Math.floor(d / 2) / (D / 2 - 1));
      return entry * Math.cos(angle) + (d % 2 === 0 ? -x[d + 1]! : x[d - 1]!) * Math.sin(angle);
    });
  const data = Q.flatMap((head, h) =>
    head.flatMap((query, n) => {
      const gamma = 1 - 2 ** (-5 - h);
      const decays = Array.from({ length: n + 1 }, (_, m) => gamma ** (n - m));
      const weight = Math.sqrt(decays.reduce((a, b) => a + b, 0));
      const scores = decays.map((decay, m) => {
        const key = turned(K[h]![m]!, m);
        const dot = turned(query, n).reduce((sum, x, d) => sum + x * key[d]!, 0);
        return (dot / Math.sqrt(D)) * (decay / weight);
      });
      const size = Math.max(Math.abs(scores.reduce((a, b) => a + b, 0)), 1);
      const row = V[h]![0]!.map((_, e) =>
        scores.reduce((sum, score, m) => sum + (score / size) * V[h]![m]![e]!, 0),
      );
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length);
      return row.map((x) => (x - mean) / deviation);
    }),
  );
  return { shape: [1, q.shape[1], T, v.shape[3]], data };
}

/** Rows `from` to before `to` of a matrix; a wrong rank is left to the comparison that follows. */
function rows(value: Awaited<ReturnType<OneHead>>, from: number, to: number) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const plain =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  const columns = value.shape[1]!;
  const data = Array.from(plain as ArrayLike<number>).slice(from * columns, to * columns);
  return { shape: [to - from, columns], data };
}
