/** What must hold in "Rethinking Attention with Performers" (lib/variants/performer.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import { positiveError } from "../random-features.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 20 positive terms, divided by each other",
};

/** Rows `[m, D]` made orthogonal in blocks of D, of given lengths: `gaussian [m, D]`, `lengths [m]` → `[m, D]`. */
export type Orthogonalise = Form<[gaussian: tf.Tensor2D, lengths: tf.Tensor1D]>;

export const orthogonaliseIdentities: readonly Identity<Orthogonalise>[] = [
  {
    sentence: "rows of one block are orthogonal to each other",
    hint: "From each row take away its part along every direction that its block already has. A block has D rows.",
    async check(form, random) {
      for (const m of [4, 7, 11]) {
        const got = await form(...rowsProblem(random, m, 4));
        const rows = matrix(got);
        const products = rows.flatMap((a, i) =>
          rows.map((b, j) => (i !== j && Math.floor(i / 4) === Math.floor(j / 4) ? dot(a, b) : 0)),
        );
        assertClose({ shape: [m, m], data: products }, tf.zeros([m, m]), single, `dot products at m = ${m}`);
      }
    },
  },
  {
    sentence: "each row has its given length",
    hint: "Divide a direction by its own length, then multiply by the given one.",
    async check(form, random) {
      for (const m of [3, 9]) {
        const [gaussian, lengths] = rowsProblem(random, m, 4);
        const got = matrix(await form(gaussian, lengths)).map((row) => Math.sqrt(dot(row, row)));
        assertClose({ shape: [m], data: got }, lengths, single, `lengths at m = ${m}`);
      }
    },
  },
  {
    sentence: "the first row of every block keeps its direction",
    hint: "The first row of a block has nothing to be orthogonal to: only its length changes.",
    async check(form, random) {
      const [gaussian, lengths] = rowsProblem(random, 7, 3);
      const got = matrix(await form(gaussian, lengths));
      const [given, target] = [matrix(gaussian), lengths.arraySync()];
      for (const i of [0, 3, 6]) {
        const scale = target[i]! / Math.sqrt(dot(given[i]!, given[i]!));
        const expected = { shape: [3], data: given[i]!.map((x) => x * scale) };
        assertClose({ shape: [3], data: got[i] ?? [] }, expected, single, `row ${i}`);
      }
    },
  },
];

/** Positive random features of one head, nothing subtracted: `x [T, D]`, `w [m, D]` → `[T, m]`. */
export type PositiveMap = Form<[x: tf.Tensor2D, w: tf.Tensor2D]>;

export const positiveIdentities: readonly Identity<PositiveMap>[] = [
  {
    sentence: "φ(x) · φ(−x) is exp(−‖x‖² / √D), whatever w is",
    hint: "The exponents w·x and −w·x cancel. What is left: ‖x‖² / (2√D) from each side, and a mean over m.",
    async check(form, random) {
      const [x, w] = [random.normalTensor<tf.Rank.R2>([3, 4]), random.normalTensor<tf.Rank.R2>([5, 4])];
      const [a, b] = [matrix(await form(x, w)), matrix(await form(tf.neg(x) as tf.Tensor2D, w))];
      const data = a.map((row, t) => dot(row, b[t] ?? []));
      const expected = matrix(x).map((row) => Math.exp(-dot(row, row) / Math.sqrt(4)));
      assertClose({ shape: [3], data }, { shape: [3], data: expected }, single, "φ(x)·φ(−x)");
    },
  },
  {
    sentence: "feature i grows by exp(w_i · s / D^(1/4)) when x grows from 0 to s, times exp(−‖s‖² / (2√D))",
    hint: "Both q and k are divided by D^(1/4), so that together q·k is divided by √D.",
    async check(form, random) {
      const D = 3;
      const [s, w] = [random.normalTensor<tf.Rank.R2>([1, D]), random.normalTensor<tf.Rank.R2>([4, D])];
      const [atZero, atS] = [matrix(await form(tf.zeros([1, D]), w))[0]!, matrix(await form(s, w))[0]!];
      const x = matrix(s)[0]!.map((value) => value / D ** 0.25);
      const expected = matrix(w).map((row) => Math.exp(dot(row, x) - dot(x, x) / 2));
      const data = atS.map((value, i) => value / atZero[i]!);
      assertClose({ shape: [4], data }, { shape: [4], data: expected }, single, "φ(s) / φ(0)");
    },
  },
  {
    sentence: "the mean of φ(q) · φ(k) over many w is exp(q · k / √D)",
    hint: "Unbiased means right on average: check the 1/√m, the squared norm and the D^(1/4).",
    async check(form, random) {
      const [D, m] = [4, 20_000];
      // Long enough for a wrong norm or scale to show, short enough for few w to do.
      const vector = () => random.uniformTensor<tf.Rank.R2>([1, D], 0.4, 0.7);
      const [q, k] = [vector(), vector()];
      const w = random.normalTensor<tf.Rank.R2>([m, D]);
      const estimate = dot(matrix(await form(q, w))[0]!, matrix(await form(k, w))[0] ?? []);
      const [a, b] = [matrix(q)[0]!, matrix(k)[0]!];
      const [xx, yy, xy] = [dot(a, a), dot(b, b), dot(a, b)].map((value) => value / Math.sqrt(D)) as [
        number,
        number,
        number,
      ];
      const five = (5 * Math.sqrt(positiveError({ xx, yy, xy }, m))) / Math.exp(xy);
      assertClose(
        estimate,
        Math.exp(xy),
        { tolerance: five, because: "five standard deviations, by lemma 2" },
        "mean",
      );
    },
  },
];

/** FAVOR+ of one head: `q [T, D]`, `k [S, D]`, `v [S, E]`, `w [m, D]` → `[T, E]`. */
export type Favor = Form<[q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, w: tf.Tensor2D]>;

/** For forms without ε, or with one that does not show in moderate inputs. */
export const favorIdentities: readonly Identity<Favor>[] = [
  {
    sentence: "row t is the average of all values weighted by φ(q_t) · φ(k_s)",
    hint: "One w for queries and keys alike; divide by the sum of the weights.",
    check: (form, random) => equalsDefinition(form, random, () => true),
  },
  {
    sentence: "when all values are equal, every row is that value",
    hint: "The weights must sum to one: the denominator is the sum of exactly those weights that stand above it.",
    check: constantValues,
  },
  {
    sentence: "with no query or key, all exponents zero, every row is the plain mean",
    hint: "q = k = 0 makes all weights equal, whatever w is.",
    async check(form, random) {
      const [x, v, w] = [tf.zeros<tf.Rank.R2>([6, 4]), ...drawValues(random)] as const;
      const mean = tf.tile(tf.mean(v, 0, true), [6, 1]);
      const got = await form(x, x, v, w);
      // Causal forms average over the past alone: their last row is the mean.
      assertClose(lastRow(got), lastRow(mean), single, "last row");
    },
  },
];

export const causalFavorIdentities: readonly Identity<Favor>[] = [
  {
    sentence: "row t is the average of values 0 … t weighted by φ(q_t) · φ(k_s)",
    hint: "Both sums run over s ≤ t.",
    check: (form, random) => equalsDefinition(form, random, (t, s) => s <= t),
  },
  {
    sentence: "without ε, row t does not change when later keys and values change",
    hint: "A maximum that all keys share cancels; features of a key know nothing else of other keys.",
    async check(form, random) {
      const cut = 1 + random.integer(5);
      const [first, later] = [draw(random), draw(random)];
      const spliced = (early: tf.Tensor2D, late: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(early, 0, cut), tf.slice(late, cut)], 0);
      const before = await form(first.q, first.k, first.v, first.w);
      const after = await form(first.q, spliced(first.k, later.k), spliced(first.v, later.v), first.w);
      const rows = (value: Awaited<ReturnType<Favor>>) => ({
        shape: [cut, 3],
        data: matrix(value).slice(0, cut).flat(),
      });
      assertClose(rows(after), rows(before), single, `rows 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "when all values are equal, every row is that value",
    hint: "The denominator is the sum of exactly those weights that stand above it.",
    check: constantValues,
  },
];

/** What stabilisers are for. */
export const stableIdentities: readonly Identity<Favor>[] = [
  {
    sentence: "queries and keys a hundred times as long: finite, and equal values still come out",
    hint: "Subtract from the exponents before exp: for each query its own largest, for keys the largest of all. Then add ε.",
    async check(form, random) {
      const { q, k, w } = draw(random);
      const value = random.normalTensor<tf.Rank.R2>([1, 3]);
      const v: tf.Tensor2D = tf.tile(value, [6, 1]);
      const [long, far] = [tf.mul(q, 100) as tf.Tensor2D, tf.mul(k, 100) as tf.Tensor2D];
      for (const [queries, keys] of [
        [long, k],
        [q, far],
        [long, far],
      ] as const) {
        assertClose(await form(queries, keys, v, w), v, single, "output");
      }
    },
  },
];

async function equalsDefinition(form: Favor, random: Random, sees: (t: number, s: number) => boolean) {
  const { q, k, v, w } = draw(random);
  assertClose(await form(q, k, v, w), direct({ q, k, v, w, sees }), single, "output");
}

async function constantValues(form: Favor, random: Random) {
  const { q, k, w } = draw(random);
  const v: tf.Tensor2D = tf.tile(random.normalTensor<tf.Rank.R2>([1, 3]), [6, 1]);
  assertClose(await form(q, k, v, w), v, single, "output");
}

/** The definition, as loops in float64, without stabilisers. */
function direct({ q, k, v, w, sees }: ReturnType<typeof draw> & { sees: (t: number, s: number) => boolean }) {
  const [W, V] = [matrix(w), matrix(v)];
  const features = (row: number[]) => {
    const x = row.map((value) => value / row.length ** 0.25);
    return W.map((omega) => Math.exp(dot(omega, x) - dot(x, x) / 2));
  };
  const keys = matrix(k).map(features);
  const data = matrix(q).flatMap((row, t) => {
    const phi = features(row);
    const weights = keys.map((key, s) => (sees(t, s) ? dot(phi, key) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    return V[0]!.map((_, e) => weights.reduce((sum, weight, s) => sum + (weight / total) * V[s]![e]!, 0));
  });
  return { shape: v.shape, data };
}

function draw(random: Random) {
  const [v, w] = drawValues(random);
  const near = () => random.normalTensor<tf.Rank.R2>([6, 4], 0.7);
  return { q: near(), k: near(), v, w };
}

function drawValues(random: Random): [v: tf.Tensor2D, w: tf.Tensor2D] {
  return [random.normalTensor<tf.Rank.R2>([6, 3]), random.normalTensor<tf.Rank.R2>([8, 4])];
}

function rowsProblem(random: Random, m: number, D: number): [tf.Tensor2D, tf.Tensor1D] {
  return [random.normalTensor<tf.Rank.R2>([m, D]), random.uniformTensor<tf.Rank.R1>([m], 0.5, 3)];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

/** A matrix as rows of numbers. @throws TypeError for anything of another rank. */
function matrix(value: Awaited<ReturnType<Favor>>): number[][] {
  if (typeof value === "number" || value.shape.length !== 2) {
    throw new TypeError(
      `expected a matrix, got ${typeof value === "number" ? "a number" : `shape [${value.shape.join(", ")}]`}`,
    );
  }
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  const [rows, columns] = value.shape as [number, number];
  const numbers = Array.from(data as ArrayLike<number>);
  return Array.from({ length: rows }, (_, i) => numbers.slice(i * columns, (i + 1) * columns));
}

function lastRow(value: Awaited<ReturnType<Favor>>) {
  const row = matrix(value).at(-1)!;
  return { shape: [row.length], data: row };
}
