/** What must hold in "Transformers are RNNs" (lib/variants/linear-transformer.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 40 positive terms, divided by each other",
};

/** Causal linear attention of one head with φ = elu + 1: `q [T, D]`, `k [T, D]`, `v [T, E]` → `[T, E]`. */
export type CausalLinear = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D]>;

export const causalLinearIdentities: readonly Identity<CausalLinear>[] = [
  {
    sentence: "row t is the average of values 0 … t weighted by φ(q_t) · φ(k_s)",
    hint: "φ(x) = x + 1 above zero and exp(x) below. No 1/√D here, and no softmax: divide by the sum of the weights.",
    async check(form, random) {
      for (const T of [1, 4 + random.integer(8)]) {
        const { q, k, v } = draw(random, T, 3 + random.integer(4), 2 + random.integer(4));
        assertClose(await form(q, k, v), direct(q, k, v), single, `output at T = ${T}`);
      }
    },
  },
  {
    sentence: "row t does not change when later keys and values change",
    hint: "The sums for position t run over positions 0 … t and no further.",
    async check(form, random) {
      const [T, D, E, cut] = [9, 4, 3, 1 + random.integer(7)];
      const { q, k, v } = draw(random, T, D, E);
      const after = draw(random, T, D, E);
      const spliced = (early: tf.Tensor2D, late: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(early, 0, cut), tf.slice(late, cut)], 0);
      const before = firstRows(await form(q, k, v), cut);
      const changed = firstRows(await form(q, spliced(k, after.k), spliced(v, after.v)), cut);
      assertClose(changed, before, single, `rows 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "when all values are equal, every row is that value",
    hint: "The weights must sum to one: the denominator is the sum of exactly those weights that stand above it.",
    async check(form, random) {
      const { q, k } = draw(random, 8, 4, 1);
      const value = random.normalTensor<tf.Rank.R2>([1, 3]);
      const expected: tf.Tensor2D = tf.tile(value, [8, 1]);
      assertClose(await form(q, k, expected), expected, single, "output");
    },
  },
  {
    sentence: "the last row does not depend on the order of keys and values",
    hint: "The memory is a sum, and a sum knows no order.",
    async check(form, random) {
      const { q, k, v } = draw(random, 7, 4, 3);
      // A form that leaves the last position out shows only when that position moves.
      const order = tf.tensor1d([6, ...random.shuffle([0, 1, 2, 3, 4, 5])], "int32");
      const last = (value: Awaited<ReturnType<CausalLinear>>) => {
        const { shape, data } = plain(value);
        return { shape: [shape[1]!], data: data.slice(-shape[1]!) };
      };
      const shuffled = await form(q, tf.gather(k, order), tf.gather(v, order));
      assertClose(last(shuffled), last(await form(q, k, v)), single, "last row");
    },
  },
  {
    sentence: "lowering every entry of negative queries by one changes nothing",
    hint: "Below zero φ(x − 1) = φ(x) / e: that factor stands above and below the line, and cancels.",
    async check(form, random) {
      const { q, k, v } = draw(random, 6, 4, 3);
      const negative = tf.neg(tf.abs(q)) as tf.Tensor2D;
      const lower = tf.sub(negative, 1) as tf.Tensor2D;
      assertClose(await form(lower, k, v), await form(negative, k, v), single, "output");
    },
  },
];

/** The same in chunks of `chunk` positions. */
export type ChunkwiseLinear = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, chunk: number]>;

export const chunkwiseIdentities: readonly Identity<ChunkwiseLinear>[] = [
  {
    sentence: "chunks of any length that divides T give the definition",
    hint: "A position sees its own chunk up to itself, and all earlier chunks whole.",
    async check(form, random) {
      const T = 12;
      const { q, k, v } = draw(random, T, 4, 3);
      for (const chunk of [1, 3, 4, 12]) {
        assertClose(await form(q, k, v, chunk), direct(q, k, v), single, `output in chunks of ${chunk}`);
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
        assertClose(
          await form(q, k, v, chunk),
          direct(q, k, v),
          single,
          `output at T = ${T}, chunk ${chunk}`,
        );
      }
    },
  },
];

function draw(random: Random, T: number, D: number, E: number) {
  const normal = (columns: number) => random.normalTensor<tf.Rank.R2>([T, columns]);
  return { q: normal(D), k: normal(D), v: normal(E) };
}

/** The definition, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) {
  const phi = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
  const [Q, K, V] = [q.arraySync(), k.arraySync(), v.arraySync()];
  const data = Q.flatMap((query, t) => {
    const weights = K.slice(0, t + 1).map((key) =>
      key.reduce((sum, x, i) => sum + phi(x) * phi(query[i]!), 0),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    return V[0]!.map((_, e) => weights.reduce((sum, w, s) => sum + (w / total) * V[s]![e]!, 0));
  });
  return { shape: v.shape, data };
}

function firstRows(value: Awaited<ReturnType<CausalLinear>>, rows: number) {
  const { shape, data } = plain(value);
  return { shape: [rows, shape[1]!], data: data.slice(0, rows * shape[1]!) };
}

/** A matrix as numbers; a wrong rank is left to the comparison that follows. */
function plain(value: Awaited<ReturnType<CausalLinear>>) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  return { shape: value.shape, data: Array.from(data as ArrayLike<number>) };
}
