/** What must hold in "Attention Is All You Need" (lib/variants/transformer.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import { attention, type MultiHeadWeights, multiHeadAttention, project } from "../attention.js";
import type { Random } from "../random.js";
import { sinusoidalPositions } from "../variants/transformer.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 products of width at most 16, averaged over at most 20 values",
};

/** Causal attention of one head: `q [T, D]`, `k [T, D]`, `v [T, E]` → `[T, E]`. */
export type CausalAttention = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D]>;

export const causalAttentionIdentities: readonly Identity<CausalAttention>[] = [
  {
    sentence: "row t is the average of values 0 … t weighted by softmax(q_t · k_s / √D)",
    hint: "Divide the scores by √D, D the width of a query. Then softmax along the keys, the last axis.",
    async check(form, random) {
      const [T, D, E] = [5 + random.integer(8), 3 + random.integer(6), 2 + random.integer(4)];
      const q = random.normalTensor<tf.Rank.R2>([T, D]);
      const k = random.normalTensor<tf.Rank.R2>([T, D]);
      const v = random.normalTensor<tf.Rank.R2>([T, E]);
      assertClose(await form(q, k, v), direct(q, k, v), single, "output");
    },
  },
  {
    sentence: "row t does not change when later keys and values change",
    hint: "Position t may see positions 0 … t and nothing after. Mask the scores before the softmax.",
    async check(form, random) {
      const [T, D, cut] = [9, 4, 1 + random.integer(7)];
      const draw = () => random.normalTensor<tf.Rank.R2>([T, D]);
      const [q, k, v] = [draw(), draw(), draw()];
      const replaceTail = (x: tf.Tensor2D) =>
        tf.concat([tf.slice(x, 0, cut), random.normalTensor<tf.Rank.R2>([T - cut, D], 5)], 0);
      const before = firstRows(await form(q, k, v), cut);
      const after = firstRows(await form(q, replaceTail(k), replaceTail(v)), cut);
      assertClose(after, before, single, `rows 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "when all keys are equal, row t is the plain mean of values 0 … t",
    hint: "Equal scores must give equal weights, and the weights of the visible positions must sum to 1.",
    async check(form, random) {
      const [T, D, E] = [7, 5, 3];
      const k = tf.tile(random.normalTensor<tf.Rank.R2>([1, D]), [T, 1]);
      const v = random.normalTensor<tf.Rank.R2>([T, E]);
      const counts = tf.reshape(tf.range(1, T + 1), [T, 1]);
      const means = tf.div(tf.cumsum(v, 0), counts);
      assertClose(await form(random.normalTensor<tf.Rank.R2>([T, D]), k, v), means, single, "output");
    },
  },
  {
    sentence: "adding one vector to every key changes nothing",
    hint: "It adds the same number to all scores of a row, and softmax does not see that.",
    async check(form, random) {
      const [T, D] = [6, 4];
      const draw = () => random.normalTensor<tf.Rank.R2>([T, D]);
      const [q, k, v] = [draw(), draw(), draw()];
      const moved: tf.Tensor2D = tf.add(k, random.normalTensor<tf.Rank.R2>([1, D]));
      assertClose(await form(q, moved, v), await form(q, k, v), single, "output");
    },
  },
  {
    sentence: "scores of ±1000 stay finite",
    hint: "exp(1000) overflows: use tf.softmax, or subtract the row's maximum first.",
    async check(form, random) {
      const [T, D] = [4, 4];
      // Rows of ±32, no two alike: the score of a row with itself is 2048, with any other 1024 at most.
      const patterns = random.shuffle(Array.from({ length: 2 ** D }, (_, pattern) => pattern)).slice(0, T);
      const signs = patterns.map((pattern) => [0, 1, 2, 3].map((bit) => ((pattern >> bit) & 1 ? 32 : -32)));
      const q = tf.tensor2d(signs);
      const v = random.normalTensor<tf.Rank.R2>([T, D]);
      assertClose(await form(q, q, v), direct(q, q, v), single, "output");
    },
  },
  {
    sentence: "a sequence of one position returns its value",
    async check(form, random) {
      const draw = () => random.normalTensor<tf.Rank.R2>([1, 3]);
      const v = draw();
      assertClose(await form(draw(), draw(), v), v, single, "output");
    },
  },
];

/** Causal multi-head self-attention in any form: `x [B, T, C]`, projections, number of heads → `[B, T, C]`. */
export type CausalMultiHead = Form<[x: tf.Tensor3D, weights: MultiHeadWeights, heads: number]>;

export const causalMultiHeadIdentities: readonly Identity<CausalMultiHead>[] = [
  {
    sentence: "with one head it is attention between x W_Q, x W_K and x W_V, times W_O",
    async check(form, random) {
      const [B, T, C] = [2, 7, 6];
      const { x, weights } = multiHeadInputs(random, B, T, C);
      const single4d = (w: tf.Tensor2D) => tf.expandDims(project(x, w), 1) as tf.Tensor4D; // [B, 1, T, C]
      const mixed = attention({
        q: single4d(weights.wq),
        k: single4d(weights.wk),
        v: single4d(weights.wv),
        causal: true,
      });
      const expected = project(tf.squeeze(mixed, [1]), weights.wo);
      assertClose(await form(x, weights, 1), expected, single, "output");
    },
  },
  {
    sentence: "decoding with a cache and the full causal pass agree",
    async check(form, random) {
      const { x, weights } = multiHeadInputs(random, 2, 9, 8);
      const expected = multiHeadAttention({ x, weights, heads: 4, causal: true });
      assertClose(await form(x, weights, 4), expected, single, "output");
    },
  },
  {
    sentence: "reordering the heads together with the rows of W_O changes nothing",
    async check(form, random) {
      const [T, C, heads] = [5, 12, 3];
      const { x, weights } = multiHeadInputs(random, 1, T, C);
      const width = C / heads;
      const columns = tf.tensor1d(
        random
          .shuffle([0, 1, 2])
          .flatMap((head) => Array.from({ length: width }, (_, i) => head * width + i)),
        "int32",
      );
      const [wq, wk, wv] = [weights.wq, weights.wk, weights.wv].map((w) => tf.gather(w, columns, 1)) as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ];
      const shuffled = { wq, wk, wv, wo: tf.gather(weights.wo, columns, 0) };
      assertClose(await form(x, shuffled, heads), await form(x, weights, heads), single, "output");
    },
  },
];

function multiHeadInputs(random: Random, B: number, T: number, C: number) {
  const w = () => random.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
  const x = random.normalTensor<tf.Rank.R3>([B, T, C]);
  return { x, weights: { wq: w(), wk: w(), wv: w(), wo: w() } };
}

/** Moves sinusoidal encodings by a shift: `encodings [T, C]`, shift → `[T, C]`. */
export type ShiftPositions = Form<[encodings: tf.Tensor2D, shift: number]>;

export const shiftIdentities: readonly Identity<ShiftPositions>[] = [
  {
    sentence: "the encodings of p … p + T become those of p + s … p + T + s",
    hint: "sin(a + b) = sin a cos b + cos a sin b, with a = p ωᵢ given and b = s ωᵢ known.",
    async check(form, random) {
      const [T, C] = [4 + random.integer(5), 2 * (2 + random.integer(7))];
      const [start, shift] = [10 + random.integer(200), 1 + random.integer(9)];
      const moved = await form(sinusoidalPositions({ T, C, start }), shift);
      assertClose(moved, sinusoidalPositions({ T, C, start: start + shift }), single, "encodings");
    },
  },
  {
    sentence: "a negative shift goes back",
    hint: "cos(−b) = cos b but sin(−b) = −sin b.",
    async check(form, random) {
      const [T, C, shift] = [5, 12, -1 - random.integer(9)];
      const moved = await form(sinusoidalPositions({ T, C, start: 40 }), shift);
      assertClose(moved, sinusoidalPositions({ T, C, start: 40 + shift }), single, "encodings");
    },
  },
  {
    sentence: "each row moves by itself, in whatever order the rows come",
    hint: "The position is inside the row, not in its index: use only the numbers of that row.",
    async check(form, random) {
      const [T, C] = [6, 8];
      const order = tf.tensor1d(random.shuffle([0, 1, 2, 3, 4, 5]), "int32");
      const shuffled = tf.gather(sinusoidalPositions({ T, C, start: 3 }), order);
      const expected = tf.gather(sinusoidalPositions({ T, C, start: 8 }), order);
      assertClose(await form(shuffled, 5), expected, single, "encodings");
    },
  },
];

function firstRows(value: Awaited<ReturnType<CausalAttention>>, rows: number) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  const width = value.shape[1] ?? 1;
  return { shape: [rows, width], data: Array.from(data as ArrayLike<number>).slice(0, rows * width) };
}

/** The definition, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) {
  const [Q, K, V] = [q.arraySync(), k.arraySync(), v.arraySync()];
  const data = Q.flatMap((query, t) => {
    const scores = K.slice(0, t + 1).map(
      (key) => key.reduce((sum, x, i) => sum + x * query[i]!, 0) / Math.sqrt(query.length),
    );
    const largest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((a, b) => a + b, 0);
    return V[0]!.map((_, e) => weights.reduce((sum, w, s) => sum + (w / total) * V[s]![e]!, 0));
  });
  return { shape: v.shape, data };
}
