/** What must hold in Longformer's attention (lib/variants/longformer.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import { attention } from "../attention.js";
import type { Random } from "../random.js";
import type { LongformerOptions } from "../variants/longformer.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 products of width at most 16, averaged over at most 40 values",
};

/** Projections of one head, `[C, D]` each. */
export type Projections = {
  readonly wq: tf.Tensor2D;
  readonly wk: tf.Tensor2D;
  readonly wv: tf.Tensor2D;
};

/**
 * One Longformer head, from inputs to outputs: `x [T, C]`, the window's projections, the global tokens' projections,
 * window w, global positions → `[T, D]`.
 */
export type LongformerHead = Form<
  [x: tf.Tensor2D, local: Projections, global: Projections, window: number, globals: number[]]
>;

export const longformerHeadIdentities: readonly Identity<LongformerHead>[] = [
  {
    sentence: "without global tokens, row i averages the values of i − w/2 … i + w/2, both ends included",
    hint: "The window has w/2 positions on each side and the query's own: w + 1 keys in the middle of the sequence.",
    async check(form, random) {
      for (const window of [2, 4, 6]) {
        const { x, local, global } = inputs(random, 9 + random.integer(6));
        assertClose(
          await form(x, local, global, window, []),
          direct(x, local, global, window, []),
          single,
          `output at w = ${window}`,
        );
      }
    },
  },
  {
    sentence: "every token also sees every global token, in the same softmax as its window",
    hint: "One softmax over window and global keys together: their weights sum to one.",
    async check(form, random) {
      const T = 12 + random.integer(5);
      const { x, local, global } = inputs(random, T);
      const globals = random.shuffle(Array.from({ length: T }, (_, i) => i)).slice(0, 2);
      const got = await rows(form, [x, local, global, 4, globals]);
      const expected = direct(x, local, global, 4, globals);
      const others = Array.from({ length: T }, (_, i) => i).filter((i) => !globals.includes(i));
      assertClose(
        pick(got, others),
        pick(expected, others),
        single,
        `rows [${others}], globals [${globals}]`,
      );
    },
  },
  {
    sentence: "a global token sees every token, through the global projections alone",
    hint: "For the rows of global tokens, project queries, keys and values by the global matrices, whatever the window.",
    async check(form, random) {
      const T = 10 + random.integer(5);
      const { x, local, global } = inputs(random, T);
      const globals = [random.integer(T)];
      const got = await rows(form, [x, local, global, 2, globals]);
      const expected = direct(x, local, global, 2, globals);
      assertClose(pick(got, globals), pick(expected, globals), single, `row ${globals}`);
    },
  },
  {
    sentence: "the global projections change no other row than the global tokens'",
    hint: "A token that is not global asks with the window's projections, also when it looks at a global token.",
    async check(form, random) {
      const T = 11;
      const { x, local, global } = inputs(random, T);
      const other = inputs(random, T).global;
      const p = random.integer(T);
      const rest = Array.from({ length: T }, (_, i) => i).filter((i) => i !== p);
      const before = await rows(form, [x, local, global, 4, [p]]);
      const after = await rows(form, [x, local, other, 4, [p]]);
      assertClose(pick(after, rest), pick(before, rest), single, `all rows but ${p}`);
    },
  },
  {
    sentence: "when all tokens are alike but for their values, a global token inside the window counts once",
    hint: "Where a global key lies in the window it must not appear twice in the softmax.",
    async check(form, random) {
      const [T, p] = [9, 4];
      const { x, local, global } = inputs(random, T);
      const flat = { wq: tf.zerosLike(local.wq), wk: local.wk, wv: local.wv }; // all scores are 0
      const got = await rows(form, [x, flat, global, 4, [p]]);
      const values = tf.matMul(x, local.wv) as tf.Tensor2D;
      const expected = tf.mean(tf.slice(values, [1, 0], [5, values.shape[1]]), 0, true);
      assertClose(pick(got, [3]), expected, single, "row 3, which sees 1 … 5 with p = 4 among them");
    },
  },
  {
    sentence: "a window over everything is softmax attention",
    async check(form, random) {
      const T = 3 + random.integer(9);
      const { x, local, global } = inputs(random, T);
      const four = (w: tf.Tensor2D) => tf.reshape(tf.matMul(x, w), [1, 1, T, -1]) as tf.Tensor4D;
      const full = attention({ q: four(local.wq), k: four(local.wk), v: four(local.wv) });
      assertClose(await form(x, local, global, 2 * T, []), tf.squeeze(full, [0, 1]), single, "output");
    },
  },
  {
    sentence: "with every token global it is softmax attention through the global projections",
    async check(form, random) {
      const T = 3 + random.integer(9);
      const { x, local, global } = inputs(random, T);
      const all = random.shuffle(Array.from({ length: T }, (_, i) => i));
      const four = (w: tf.Tensor2D) => tf.reshape(tf.matMul(x, w), [1, 1, T, -1]) as tf.Tensor4D;
      const full = attention({ q: four(global.wq), k: four(global.wk), v: four(global.wv) });
      assertClose(await form(x, local, global, 2, all), tf.squeeze(full, [0, 1]), single, "output");
    },
  },
  {
    sentence: "a sequence of one position returns its value",
    async check(form, random) {
      const { x, local, global } = inputs(random, 1);
      assertClose(await form(x, local, global, 2, []), tf.matMul(x, local.wv), single, "output");
    },
  },
];

/** Longformer attention over given queries, keys and values, in any form: all its options → `[B, H, T, E]`. */
export type LongformerForm = Form<[options: LongformerOptions]>;

export const longformerIdentities: readonly Identity<LongformerForm>[] = [
  {
    sentence: "dilation d is an undilated window over each of the d interleaved sequences",
    async check(form, random) {
      for (const dilation of [2, 3]) {
        const L = 5 + random.integer(6);
        const { q, k, v } = heads(random, L * dilation);
        const whole = await form({ q, k, v, window: 4, dilation });
        const part = (x: tf.Tensor4D, rest: number) =>
          tf.gather(
            x,
            Array.from({ length: L }, (_, n) => rest + n * dilation),
            2,
          );
        for (let rest = 0; rest < dilation; rest++) {
          const alone = await form({ q: part(q, rest), k: part(k, rest), v: part(v, rest), window: 4 });
          const label = `positions ${rest}, ${rest + dilation}, … at d = ${dilation}`;
          assertClose(part(tensor(whole), rest), tensor(alone), single, label);
        }
      }
    },
  },
  {
    sentence: "with `causal`, no row changes when later tokens do, global or not",
    async check(form, random) {
      const [T, cut] = [14, 4 + random.integer(6)];
      const [one, other] = [heads(random, T), heads(random, T)];
      const replaceTail = (a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D =>
        tf.concat([tf.slice(a, [0, 0, 0, 0], [-1, -1, cut, -1]), tf.slice(b, [0, 0, cut, 0])], 2);
      const options = (tail: typeof one): LongformerOptions => ({
        q: one.q,
        k: replaceTail(one.k, tail.k),
        v: replaceTail(one.v, tail.v),
        window: 6,
        causal: true,
        global: {
          positions: [1, 12],
          q: tf.gather(one.q, [1, 12], 2),
          k: replaceTail(one.k, tail.k),
          v: replaceTail(one.v, tail.v),
        },
      });
      const first = (x: tf.Tensor4D) => tf.slice(x, [0, 0, 0, 0], [-1, -1, cut, -1]);
      const [before, after] = [await form(options(one)), await form(options(other))];
      assertClose(first(tensor(after)), first(tensor(before)), single, `rows 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "padding is seen by nobody, and gets zeros",
    async check(form, random) {
      const [T, length] = [13, 8];
      const { q, k, v } = heads(random, T);
      const cut = (x: tf.Tensor4D): tf.Tensor4D => tf.slice(x, [0, 0, 0, 0], [-1, -1, length, -1]);
      const mask = tf.tensor2d([Array.from({ length: T }, (_, t) => t < length)], [1, T], "bool");
      const global = (x: tf.Tensor4D, y: tf.Tensor4D) => ({
        positions: [2],
        q: tf.gather(q, [2], 2),
        k: x,
        v: y,
      });
      const padded = await form({ q, k, v, window: 8, mask, global: global(k, v) });
      const alone = tensor(
        await form({ q: cut(q), k: cut(k), v: cut(v), window: 8, global: global(cut(k), cut(v)) }),
      );
      const expected = tf.pad(alone, [
        [0, 0],
        [0, 0],
        [0, T - length],
        [0, 0],
      ]);
      assertClose(padded, expected, single, "output");
    },
  },
  {
    sentence: "scores of ±10⁴ stay finite: each row takes the value of its best key",
    async check(form, random) {
      const T = 12;
      const { v } = heads(random, T);
      // Key j is j times a long vector and every query that vector: the best key is the last one in sight.
      const along = (t: number) => [0, 0, 0, 30 * t];
      const q = tf.tensor4d([[0, 1].map(() => Array.from({ length: T }, () => along(10)))]);
      const k = tf.tensor4d([[0, 1].map(() => Array.from({ length: T }, (_, t) => along(t)))]);
      const last = Array.from({ length: T }, (_, t) => Math.min(t + 2, T - 1));
      assertClose(await form({ q, k, v, window: 4 }), tf.gather(v, last, 2), single, "output");
    },
  },
];

function heads(random: Random, T: number) {
  const draw = (width: number) => random.normalTensor<tf.Rank.R4>([1, 2, T, width]);
  return { q: draw(4), k: draw(4), v: draw(3) };
}

function tensor(value: Awaited<ReturnType<LongformerForm>>): tf.Tensor4D {
  if (!(value instanceof tf.Tensor)) throw new TypeError("expected a tensor");
  return value as tf.Tensor4D;
}

/** Inputs with an outlier token, as uniform noise proves little. */
function inputs(random: Random, T: number) {
  const [C, D] = [6, 4];
  const w = () => random.normalTensor<tf.Rank.R2>([C, D], C ** -0.5);
  const set = (): Projections => ({ wq: w(), wk: w(), wv: w() });
  const scale = Array.from({ length: T }, (_, i) => [i === T >> 1 ? 4 : 1]);
  const x: tf.Tensor2D = tf.mul(random.normalTensor<tf.Rank.R2>([T, C]), tf.tensor2d(scale));
  return { x, local: set(), global: set() };
}

interface Rows {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

async function rows(form: LongformerHead, args: Parameters<LongformerHead>): Promise<Rows> {
  const value = await form(...args);
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  return value instanceof tf.Tensor ? { shape: value.shape, data: value.dataSync() } : (value as Rows);
}

function pick({ shape, data }: Rows, indices: readonly number[]): Rows {
  const width = shape[1] ?? 1;
  const all = Array.from(data);
  return {
    shape: [indices.length, width],
    data: indices.flatMap((i) => all.slice(i * width, (i + 1) * width)),
  };
}

/** The definition, as loops in float64. */
function direct(
  x: tf.Tensor2D,
  local: Projections,
  global: Projections,
  window: number,
  globals: readonly number[],
): Rows {
  const X = x.arraySync();
  const through = (w: tf.Tensor2D) => {
    const W = w.arraySync();
    return X.map((row) => W[0]!.map((_, e) => row.reduce((sum, value, c) => sum + value * W[c]![e]!, 0)));
  };
  const near = { q: through(local.wq), k: through(local.wk), v: through(local.wv) };
  const wide = { q: through(global.wq), k: through(global.wk), v: through(global.wv) };
  const data = X.flatMap((_, i) => {
    const { q, k, v } = globals.includes(i) ? wide : near;
    const keys = X.flatMap((_, j) =>
      globals.includes(i) || globals.includes(j) || 2 * Math.abs(i - j) <= window ? [j] : [],
    );
    const scores = keys.map(
      (j) => q[i]!.reduce((sum, value, n) => sum + value * k[j]![n]!, 0) / Math.sqrt(q[i]!.length),
    );
    const largest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((a, b) => a + b, 0);
    return v[0]!.map((_, e) => keys.reduce((sum, j, n) => sum + (powers[n]! / total) * v[j]![e]!, 0));
  });
  return { shape: [X.length, near.v[0]!.length], data };
}
