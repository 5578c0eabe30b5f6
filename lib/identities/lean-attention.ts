/** What must hold in LeanAttention (lib/variants/lean-attention.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 60 exponentials, rescaled a few times",
};

/** Of no keys at all: below every score, and finite. */
const NOTHING = -1e30;

/**
 * Joins what is known after two sets of keys. Each is a row `[2 + E]`: m, the largest score; l, the sum of e^(score − m); then o, the values
 * weighted by e^(score − m) and summed. No keys: m = −10³⁰, and zeros.
 */
export type Merge = Form<[a: tf.Tensor1D, b: tf.Tensor1D]>;

export const mergeIdentities: readonly Identity<Merge>[] = [
  {
    sentence: "two sets of keys together give m, l and o of all their keys",
    hint: "Both sides were scaled by their own maximum. Bring both to the common one first: factors e^(m_a − m) and e^(m_b − m).",
    async check(form, random) {
      for (const [count, cut] of [
        [2, 1],
        [9, 1 + random.integer(8)],
      ] as const) {
        const { scores, values } = draw(random, count, 3);
        const a = tensor(row(scores.slice(0, cut), values));
        const b = tensor(row(scores.slice(cut), values.slice(cut)));
        // In both orders, so that either side has the larger score once.
        for (const joined of [await form(a, b), await form(b, a)]) {
          assertClose(joined, plain(row(scores, values)), single, "m, l and o");
        }
      }
    },
  },
  {
    sentence: "it does not matter which comes first",
    async check(form, random) {
      const { scores, values } = draw(random, 6, 2);
      const [a, b] = [tensor(row(scores.slice(0, 2), values)), tensor(row(scores.slice(2), values.slice(2)))];
      assertClose(await form(b, a), await form(a, b), single, "m, l and o");
    },
  },
  {
    sentence: "it does not matter which two of three are joined first",
    hint: "What comes out must be of the same kind as what goes in, its o not yet divided by l: it will be joined again.",
    async check(form, random) {
      const { scores, values } = draw(random, 9, 3);
      // Close to each other, so that a wrong but associative merge passes whatever it rounds.
      const near = scores.map((score) => score / 3);
      const [a, b, c] = [0, 3, 6].map((at) => tensor(row(near.slice(at, at + 3), values.slice(at)))) as [
        tf.Tensor1D,
        tf.Tensor1D,
        tf.Tensor1D,
      ];
      const left = await form(asRow(await form(a, b)), c);
      assertClose(await form(a, asRow(await form(b, c))), left, single, "m, l and o");
    },
  },
  {
    sentence: "no keys change nothing",
    hint: "e^(−10³⁰ − m) is 0, and that is right; e^(−∞ + ∞) would be NaN.",
    async check(form, random) {
      const { scores, values } = draw(random, 4, 3);
      const [some, none] = [tensor(row(scores, values)), tensor([NOTHING, 0, 0, 0, 0])];
      assertClose(await form(some, none), some, single, "some keys, then none");
      assertClose(await form(none, some), some, single, "none, then some keys");
    },
  },
  {
    sentence: "scores of ±1000 stay finite",
    hint: "e^1000 overflows. Only differences to the larger maximum may be exponentiated: they are never positive.",
    async check(form, random) {
      const { scores, values } = draw(random, 6, 2);
      const large = scores.map((score, i) => score + (i < 3 ? 1000 : -1000));
      const [a, b] = [tensor(row(large.slice(0, 3), values)), tensor(row(large.slice(3), values.slice(3)))];
      assertClose(await form(a, b), plain(row(large, values)), single, "m, l and o");
    },
  },
];

/**
 * Attention of one query over keys that are cut into pieces: `q [1, D]`, `k [S, D]`, `v [S, E]`, and where the pieces end, rising,
 * the last at S → `[1, E]`.
 */
export type PiecewiseAttention = Form<
  [q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, ends: readonly number[]]
>;

export const piecewiseIdentities: readonly Identity<PiecewiseAttention>[] = [
  {
    sentence: "however the keys are cut, the average of the values weighted by softmax(q · k / √D) comes out",
    async check(form, random) {
      for (const S of [2, 17, 40 + random.integer(20)]) {
        const { q, k, v } = drawHead(random, S);
        const expected = direct(q, k, v);
        for (const cuts of [[], [1], [Math.floor(S / 2)], someCuts(random, S), someCuts(random, S)]) {
          assertClose(await form(q, k, v, [...cuts, S]), expected, single, `pieces end at ${[...cuts, S]}`);
        }
      }
    },
  },
  {
    sentence: "pieces of one key each give the same",
    async check(form, random) {
      const { q, k, v } = drawHead(random, 7);
      assertClose(await form(q, k, v, [1, 2, 3, 4, 5, 6, 7]), direct(q, k, v), single, "output");
    },
  },
  {
    sentence: "a single key gives its value, whatever its score",
    async check(form, random) {
      const { q, k, v } = drawHead(random, 1);
      assertClose(await form(tf.mul(q, 30), k, v, [1]), v, single, "output");
    },
  },
  {
    sentence: "one number added to all scores changes nothing, nor do scores of 1,000",
    async check(form, random) {
      const { q, k, v } = drawHead(random, 12);
      // A direction that all keys share adds the same to each score.
      const wide = (x: tf.Tensor2D, last: number): tf.Tensor2D =>
        tf.concat([x, tf.fill([x.shape[0], 1], last)], 1);
      const scaled: tf.Tensor2D = tf.mul(q, Math.sqrt(5 / 4)); // the width grows from 4 to 5
      const shifted = await form(wide(scaled, 50), wide(k, 20 * Math.sqrt(5)), v, [5, 6, 12]);
      const tolerance = { tolerance: 2e-3, because: "float32 holds scores of 1,000 to 6 · 10⁻⁵ only" };
      assertClose(shifted, direct(q, k, v), tolerance, "output");
    },
  },
];

/** Up to three cuts between 1 and S − 1, rising. */
function someCuts(random: Random, S: number): number[] {
  const cuts = [0, 1, 2].map(() => 1 + random.integer(S - 1));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

function drawHead(random: Random, S: number) {
  const normal = (rows: number, columns: number) => random.normalTensor<tf.Rank.R2>([rows, columns]);
  return { q: tf.mul<tf.Tensor2D>(normal(1, 4), 2), k: normal(S, 4), v: normal(S, 3) };
}

function draw(random: Random, count: number, E: number) {
  const scores = Array.from({ length: count }, () => Math.fround(3 * random.normal()));
  const values = scores.map(() => Array.from({ length: E }, () => Math.fround(random.normal())));
  return { scores, values };
}

/** m, l and o of these scores and the values of as many keys, in float64. */
function row(scores: readonly number[], values: readonly (readonly number[])[]): number[] {
  const m = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - m));
  const o = values[0]!.map((_, e) => weights.reduce((sum, weight, i) => sum + weight * values[i]![e]!, 0));
  return [m, weights.reduce((a, b) => a + b, 0), ...o];
}

const tensor = (numbers: readonly number[]) => tf.tensor1d([...numbers]);
const plain = (data: readonly number[]) => ({ shape: [data.length], data });

/** A form's answer as the next call's argument. */
function asRow(value: Awaited<ReturnType<Merge>>): tf.Tensor1D {
  if (value instanceof tf.Tensor) return value as tf.Tensor1D;
  if (typeof value === "number") throw new TypeError(`expected a row, got the number ${value}`);
  return tf.tensor1d(Array.from(value.data as ArrayLike<number>));
}

/** The definition, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) {
  const [[query], K, V] = [q.arraySync() as [number[]], k.arraySync(), v.arraySync()];
  const scores = K.map((key) => key.reduce((sum, x, d) => sum + x * query[d]!, 0) / Math.sqrt(query.length));
  const [, l, ...o] = row(scores, V) as [number, number, ...number[]];
  return { shape: [1, o.length], data: o.map((x) => x / l) };
}
