/** What must hold in RWKV's WKV operator (lib/variants/rwkv.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import { attention } from "../attention.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 exponentials, and averages of at most 40 values",
};

/** WKV of one sequence: `w [C]`, `u [C]`, `k [T, C]`, `v [T, C]` → `[T, C]`. */
export type OneSequence = Form<[w: tf.Tensor1D, u: tf.Tensor1D, k: tf.Tensor2D, v: tf.Tensor2D]>;

export const wkvIdentities: readonly Identity<OneSequence>[] = [
  {
    sentence:
      "row t is the average of v with weights e^((t−1−i) w + k_i) for i < t, and e^(u + k_t) for t itself",
    hint: "Numerator and denominator have the same weights. The first row has only its own token: it is v_1.",
    async check(form, random) {
      for (const T of [1, 2, 4 + random.integer(9)]) {
        const given = draw(random, T, 2 + random.integer(4));
        assertClose(await form(...given), direct(...given), single, `output at T = ${T}`);
      }
    },
  },
  {
    sentence: "the token before has not decayed yet, however fast the decay",
    hint: "The exponent is (t − 1 − i) w: 0 for i = t − 1. The state decays after it was read, not before.",
    async check(form, random) {
      const [T, C] = [7, 3];
      const [, , k, v] = draw(random, T, C);
      const never: tf.Tensor1D = tf.fill([C], -60);
      const expected = tf.concat([tf.slice(v, 0, 1), tf.slice(v, 0, T - 1)], 0);
      assertClose(await form(never, never, k, v), expected, single, "output, w = u = −60");
    },
  },
  {
    sentence: "a large bonus lets every token hear itself alone",
    hint: "u counts for the newest token only: in the state, its key stands without u.",
    async check(form, random) {
      const [w, , k, v] = draw(random, 7, 3);
      assertClose(await form(w, tf.fill([3], 60), k, v), v, single, "output, u = 60");
    },
  },
  {
    sentence: "a number added to all keys of a channel changes nothing",
    hint: "It multiplies numerator and denominator by the same factor.",
    async check(form, random) {
      const [w, u, k, v] = draw(random, 9, 3);
      const before = plain(await form(w, u, k, v));
      const shift = random.normalTensor<tf.Rank.R1>([3], 3);
      assertClose(await form(w, u, tf.add(k, shift) as tf.Tensor2D, v), before, single, "output");
    },
  },
  {
    sentence:
      "without decay and bonus it is softmax attention whose queries are all 1, with a head for each channel",
    hint: "w = u = 0 leaves e^(k_i) as the weight of every token so far, the newest among them.",
    async check(form, random) {
      const [T, C] = [9, 3];
      const [, , k, v] = draw(random, T, C);
      const heads = (x: tf.Tensor2D) => tf.reshape(tf.transpose(x), [1, C, T, 1]) as tf.Tensor4D;
      const softmax = attention({ q: tf.ones([1, C, T, 1]), k: heads(k), v: heads(v), causal: true });
      const expected = tf.transpose(tf.reshape(softmax, [C, T]));
      assertClose(await form(tf.zeros([C]), tf.zeros([C]), k, v), expected, single, "output");
    },
  },
  {
    sentence: "row t does not change when later tokens change",
    hint: "The sum for position t runs over positions 1 … t and no further.",
    async check(form, random) {
      const [T, C, cut] = [9, 3, 1 + random.integer(7)];
      const [w, u, k, v] = draw(random, T, C);
      const [, , k2, v2] = draw(random, T, C);
      const spliced = (early: tf.Tensor2D, late: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(early, 0, cut), tf.slice(late, cut)], 0);
      const first = (value: Awaited<ReturnType<OneSequence>>) => ({
        shape: [cut, C],
        data: plain(value).data.slice(0, cut * C),
      });
      const before = first(await form(w, u, k, v));
      const changed = first(await form(w, u, spliced(k, k2), spliced(v, v2)));
      assertClose(changed, before, single, `rows 1 … ${cut}`);
    },
  },
];

export const stableWkvIdentities: readonly Identity<OneSequence>[] = [
  {
    sentence: "keys of ±1,000 and decays from e^0 to e^(−1,000) give finite, right rows",
    hint: "Only take exponentials of differences from the largest exponent so far. Start it below every key, at −1e38.",
    async check(form, random) {
      const [T, C] = [24, 4];
      const [, u, k, v] = draw(random, T, C);
      const w = tf.tensor1d([0, -0.5, -8, -1000]);
      // The first keys lie far below 0, so that a maximum that starts there shows.
      const places = Float32Array.from({ length: T * C }, (_, i) =>
        i < C ? -1000 : [-1000, -100, 0, 0, 100, 1000][random.integer(6)]!,
      );
      const extreme = tf.add(k, tf.tensor2d(places, [T, C])) as tf.Tensor2D;
      // u + k is rounded to what float32 has beside 1,000: 6 · 10⁻⁵.
      const coarse = { tolerance: 1e-4, because: "keys of 1,000 have five decimals less in float32" };
      assertClose(await form(w, u, extreme, v), direct(w, u, extreme, v), coarse, "output");
    },
  },
];

function draw(random: Random, T: number, C: number) {
  return [
    random.uniformTensor<tf.Rank.R1>([C], -2, -0.05),
    random.normalTensor<tf.Rank.R1>([C]),
    random.normalTensor<tf.Rank.R2>([T, C], 2),
    random.normalTensor<tf.Rank.R2>([T, C]),
  ] as const satisfies Parameters<OneSequence>;
}

/** The definition, as loops in float64. */
function direct(...[w, u, k, v]: Parameters<OneSequence>) {
  const [decay, bonus, keys, values] = [w.arraySync(), u.arraySync(), k.arraySync(), v.arraySync()];
  const data = keys.flatMap((row, t) =>
    row.map((_, c) => {
      const scores = keys
        .slice(0, t + 1)
        .map((key, i) => key[c]! + (i === t ? bonus[c]! : (t - 1 - i) * decay[c]!));
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const sum = weights.reduce((a, b) => a + b, 0);
      return weights.reduce((total, weight, i) => total + (weight / sum) * values[i]![c]!, 0);
    }),
  );
  return { shape: k.shape, data };
}

/** A matrix as numbers; a wrong rank is left to the comparison that follows. */
function plain(value: Awaited<ReturnType<OneSequence>>) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  return { shape: value.shape, data: Array.from(data as ArrayLike<number>) };
}
