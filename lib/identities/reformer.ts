/** What must hold in Reformer's attention (lib/variants/reformer.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { LshAttentionOptions } from "../variants/reformer.js";
import { sharedAttention } from "../variants/reformer.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 products of width at most 8, averaged over at most 40 values",
};

/** One causal round in one head, buckets given: `qk [T, D]`, `v [T, E]`, `buckets [T]` int32, chunk length → `[T, E]`. */
export type LshRound = Form<[qk: tf.Tensor2D, v: tf.Tensor2D, buckets: tf.Tensor1D, chunk: number]>;

export const lshRoundIdentities: readonly Identity<LshRound>[] = [
  {
    sentence: "row i averages the earlier values of its bucket that stand in its chunk or the one before",
    hint: "Sort by bucket, then by position; cut into chunks. A key needs the same bucket, an earlier position, and its chunk or the one before.",
    async check(form, random) {
      for (const [T, chunk, kinds] of [
        [12, 4, 3],
        [24, 4, 2],
        [16, 8, 5],
      ] as const) {
        const { qk, v } = draw(random, T);
        const buckets = bucketsOf(random, T, kinds);
        const expected = direct({ qk, v, rounds: [buckets], chunk, causal: true });
        const got = await form(qk, v, tf.tensor1d(buckets, "int32"), chunk);
        assertClose(got, expected, single, `output at T = ${T}, chunk ${chunk}, buckets [${buckets}]`);
      }
    },
  },
  {
    sentence: "a position that meets only itself keeps its own value",
    hint: "Its own score must stay above the masked ones: −10⁵ for itself, −10⁹ for what it may not see.",
    async check(form, random) {
      const T = 8;
      const { qk, v } = draw(random, T);
      const alone = random.shuffle(Array.from({ length: T }, (_, t) => t));
      assertClose(await form(qk, v, tf.tensor1d(alone, "int32"), 4), v, single, "output");
    },
  },
  {
    sentence: "when all queries are alike, row i is the plain mean of the values before it",
    hint: "A query always likes itself best. So its own position counts only where there is nothing else.",
    async check(form, random) {
      const T = 8;
      const { qk, v } = draw(random, 1);
      const values = tf.concat([v, draw(random, T - 1).v], 0) as tf.Tensor2D;
      const means = tf.div(tf.cumsum(values, 0), tf.reshape(tf.range(1, T + 1), [T, 1]));
      const expected = tf.concat([tf.slice(values, 0, 1), tf.slice(means, 0, T - 1)], 0);
      const got = await form(tf.tile(qk, [T, 1]), values, tf.zeros([T], "int32"), T);
      assertClose(got, expected, single, "output");
    },
  },
  {
    sentence: "making a vector longer changes no other row",
    hint: "As a key every vector has length 1: kⱼ = qⱼ / ‖qⱼ‖. Only its own query keeps the length.",
    async check(form, random) {
      const [T, j] = [8, random.integer(4)]; // early: many later rows see it
      const { qk, v } = draw(random, T);
      const buckets = tf.zeros<tf.Rank.R1>([T], "int32");
      const factor = tf.tensor2d(Array.from({ length: T }, (_, t) => [t === j ? 3 : 1]));
      const others = Array.from({ length: T }, (_, t) => t).filter((t) => t !== j);
      const before = pick(await form(qk, v, buckets, T), others);
      const after = pick(await form(tf.mul(qk, factor), v, buckets, T), others);
      assertClose(after, before, single, `all rows but ${j}`);
    },
  },
  {
    sentence: "row i does not change when later vectors change and keep their buckets",
    hint: "Sorting moves later positions in front of earlier ones: compare positions, not places.",
    async check(form, random) {
      const [T, cut] = [16, 5 + random.integer(6)];
      const [first, second] = [draw(random, T), draw(random, T)];
      const buckets = tf.tensor1d(bucketsOf(random, T, 3), "int32");
      const spliced = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(a, 0, cut), tf.slice(b, cut)], 0);
      const rows = Array.from({ length: cut }, (_, t) => t);
      for (const chunk of [4, T]) {
        const before = pick(await form(first.qk, first.v, buckets, chunk), rows);
        const changed = await form(spliced(first.qk, second.qk), spliced(first.v, second.v), buckets, chunk);
        assertClose(pick(changed, rows), before, single, `rows 0 … ${cut - 1} in chunks of ${chunk}`);
      }
    },
  },
];

/** LSH attention in any form, several rounds: all its options → `[B, H, T, E]`. */
export type LshForm = Form<[options: LshAttentionOptions]>;

export const lshIdentities: readonly Identity<LshForm>[] = [
  {
    sentence: "several rounds equal one softmax over the union of their pairs",
    async check(form, random) {
      for (const causal of [false, true]) {
        for (const [T, chunk, R] of [
          [1, 2, 2],
          [13, 4, 3],
          [16, 4, 2],
        ] as const) {
          const { qk, v } = draw(random, T);
          const rounds = Array.from({ length: R }, () => bucketsOf(random, T, 3));
          const expected = direct({ qk, v, rounds, chunk, causal });
          const out = await form({ ...four(qk, v, rounds), chunk, causal });
          assertClose(out, { shape: [1, 1, ...expected.shape], data: expected.data }, single, `T = ${T}`);
        }
      }
    },
  },
  {
    sentence: "the same round twice is that round once",
    async check(form, random) {
      const { qk, v } = draw(random, 12);
      const round = bucketsOf(random, 12, 3);
      const once = await form({ ...four(qk, v, [round]), chunk: 4 });
      assertClose(await form({ ...four(qk, v, [round, round]), chunk: 4 }), once, single, "output");
    },
  },
  {
    sentence: "the order of the rounds does not matter",
    async check(form, random) {
      const { qk, v } = draw(random, 12);
      const rounds = [2, 3, 4].map((kinds) => bucketsOf(random, 12, kinds));
      const turned = await form({ ...four(qk, v, rounds.toReversed()), chunk: 4, causal: true });
      assertClose(turned, await form({ ...four(qk, v, rounds), chunk: 4, causal: true }), single, "output");
    },
  },
  {
    sentence: "one bucket in one chunk is full attention with shared queries and keys",
    async check(form, random) {
      for (const causal of [false, true]) {
        const T = 3 + random.integer(9);
        const { qk, v } = draw(random, T);
        const zeros = new Array<number>(T).fill(0);
        const options = { ...four(qk, v, [zeros]), causal };
        assertClose(await form({ ...options, chunk: T }), sharedAttention(options), single, "output");
      }
    },
  },
  {
    sentence: "padding at the end changes nothing before it, and gets zeros",
    async check(form, random) {
      const [T, length] = [14, 9];
      const { qk, v } = draw(random, T);
      const rounds = [0, 1].map(() => bucketsOf(random, T, 3));
      const cut = (x: tf.Tensor2D): tf.Tensor2D => tf.slice(x, 0, length);
      const short = await form({
        ...four(
          cut(qk),
          cut(v),
          rounds.map((round) => round.slice(0, length)),
        ),
        chunk: 4,
      });
      const mask = tf.tensor2d([Array.from({ length: T }, (_, t) => t < length)], [1, T], "bool");
      const long = await form({ ...four(qk, v, rounds), chunk: 4, mask });
      const zeros = new Array<number>((T - length) * v.shape[1]).fill(0);
      assertClose(
        long,
        { shape: [1, 1, T, v.shape[1]], data: [...numbers(short), ...zeros] },
        single,
        "output",
      );
    },
  },
];

function draw(random: Random, T: number, D = 6, E = 3) {
  return {
    qk: random.normalTensor<tf.Rank.R2>([T, D]),
    v: random.normalTensor<tf.Rank.R2>([T, E]),
  };
}

function bucketsOf(random: Random, T: number, kinds: number): number[] {
  return Array.from({ length: T }, () => random.integer(kinds));
}

function four(qk: tf.Tensor2D, v: tf.Tensor2D, rounds: readonly (readonly number[])[]) {
  const [T] = qk.shape;
  return {
    qk: tf.reshape(qk, [1, 1, T, -1]) as tf.Tensor4D,
    v: tf.reshape(v, [1, 1, T, -1]) as tf.Tensor4D,
    buckets: tf.tensor4d(rounds.flat(), [1, 1, rounds.length, T], "int32"),
  };
}

interface Definition {
  readonly qk: tf.Tensor2D;
  readonly v: tf.Tensor2D;
  readonly rounds: readonly (readonly number[])[];
  readonly chunk: number;
  readonly causal: boolean;
}

/** The definition, as loops in float64: one softmax over the union of all rounds' pairs. */
function direct({ qk, v, rounds, chunk, causal }: Definition) {
  const [Q, V] = [qk.arraySync(), v.arraySync()];
  const positions = Q.map((_, t) => t);
  const meets = rounds.map((buckets) => {
    const sorted = [...positions].sort((a, b) => buckets[a]! - buckets[b]! || a - b);
    const place = Object.fromEntries(sorted.map((t, at) => [t, Math.floor(at / chunk)]));
    return (i: number, j: number) =>
      buckets[i] === buckets[j] && (place[j] === place[i] || place[j] === place[i]! - 1);
  });
  const data = Q.flatMap((query, i) => {
    const seen = positions.filter(
      (j) => j !== i && (!causal || j < i) && meets.some((inRound) => inRound(i, j)),
    );
    if (seen.length === 0) return V[i]!;
    const powers = seen.map((j) => {
      const length = Math.sqrt(Q[j]!.reduce((sum, x) => sum + x * x, 0));
      return Math.exp(query.reduce((sum, x, d) => sum + x * Q[j]![d]!, 0) / length);
    });
    const total = powers.reduce((a, b) => a + b, 0);
    return V[i]!.map((_, e) => seen.reduce((sum, j, n) => sum + (powers[n]! / total) * V[j]![e]!, 0));
  });
  return { shape: v.shape as number[], data };
}

type Result = Awaited<ReturnType<LshRound>>;

function numbers(value: Result): number[] {
  if (typeof value === "number") throw new TypeError(`expected a tensor, got the number ${value}`);
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  return Array.from(data as ArrayLike<number>);
}

/** Some rows of a matrix. */
function pick(value: Result, rows: readonly number[]) {
  const all = numbers(value);
  const width = (value as tf.Tensor).shape[1]!;
  return {
    shape: [rows.length, width],
    data: rows.flatMap((row) => all.slice(row * width, (row + 1) * width)),
  };
}
