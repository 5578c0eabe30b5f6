/**
 * Random features of the exponential of a dot product: the vectors w behind them, and how far their estimates scatter.
 *
 * Choromanski et al., "Rethinking Attention with Performers", 2020, arXiv:2009.14794.
 *
 *   exp(x·y) = E[e^(w·x − ‖x‖²/2) e^(w·y − ‖y‖²/2)],   w ~ N(0, I)                                           (lemma 1)
 *   mean squared error with m independent w:                                                                (lemma 2)
 *     positive        e^(2 x·y) (e^(‖x+y‖²) − 1) / m
 *     trigonometric   e^(‖x‖²+‖y‖²) (1 − e^(−‖x−y‖²))² / 2m
 *
 * Identities (test/random-features.test.ts, lib/identities/performer.ts): orthogonalised rows are orthogonal in blocks of
 * D and keep the lengths they are given; estimates scatter as lemma 2 says.
 * Deviates from the paper: lemma 2's formulas stand here with exp(x·y) multiplied out.
 */

import * as tf from "@tensorflow/tfjs";
import type { Random } from "./random.js";
import { dims, ensure } from "./shapes.js";

export interface RowsOptions {
  /** How many vectors w. */
  readonly m: number;
  /** Width of queries and keys. */
  readonly D: number;
  readonly random: Random;
}

/** m independent draws of w ~ N(0, I): `[m, D]`. @throws RangeError unless m and D are positive integers. */
export function independentRows({ m, D, random }: RowsOptions): tf.Tensor2D {
  positiveSizes("independentRows", { m, D });
  return random.normalTensor<tf.Rank.R2>([m, D]);
}

/**
 * m vectors `[m, D]`, each distributed like N(0, I), orthogonal to each other in blocks of D: directions by
 * orthogonalising, lengths drawn apart from them (a χ distribution with D degrees of freedom).
 *
 * @throws RangeError unless m and D are positive integers.
 */
export function orthogonalRows({ m, D, random }: RowsOptions): tf.Tensor2D {
  positiveSizes("orthogonalRows", { m, D });
  return tf.tidy(() => {
    const gaussian = random.normalTensor<tf.Rank.R2>([m, D]);
    const others = random.normalTensor<tf.Rank.R2>([m, D]).arraySync();
    return orthogonalised({ gaussian, lengths: tf.tensor1d(others.map((row) => Math.hypot(...row))) });
  });
}

/**
 * Gram and Schmidt's procedure on the rows of `gaussian` `[m, D]`, in blocks of D rows, each row then brought to its
 * entry of `lengths` `[m]`. The last block may be shorter.
 */
export function orthogonalised({
  gaussian,
  lengths,
}: {
  gaussian: tf.Tensor2D;
  lengths: tf.Tensor1D;
}): tf.Tensor2D {
  const { D } = dims("orthogonalised", { gaussian: [gaussian, "m D"], lengths: [lengths, "m"] });
  const [rows, target] = [gaussian.arraySync(), lengths.arraySync()];
  const directions: number[][] = [];
  rows.forEach((row, i) => {
    const block = directions.slice(i - (i % D!));
    directions.push(unit(block.reduce(withoutPartAlong, row)));
  });
  return tf.tensor2d(
    directions.map((row, i) => row.map((x) => x * target[i]!)),
    gaussian.shape,
  );
}

/** ‖x‖², ‖y‖² and x·y of a pair whose weight exp(x·y) is estimated; x = q / D^(1/4) and y = k / D^(1/4) in attention. */
export interface Pair {
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/** Mean squared error of exp(x·y) from m independent positive features (lemma 2). */
export function positiveError({ xx, yy, xy }: Pair, m: number): number {
  return (Math.exp(2 * xy) * Math.expm1(xx + yy + 2 * xy)) / m;
}

/** Mean squared error of exp(x·y) from sines and cosines of m independent projections (lemma 2). */
export function trigonometricError({ xx, yy, xy }: Pair, m: number): number {
  return (Math.exp(xx + yy) * Math.expm1(-(xx + yy - 2 * xy)) ** 2) / (2 * m);
}

function positiveSizes(name: string, sizes: Readonly<Record<string, number>>): void {
  for (const [size, value] of Object.entries(sizes)) {
    ensure(Number.isInteger(value) && value >= 1, `${name}: expected ${size} of 1 or more, got ${value}`);
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

function withoutPartAlong(row: number[], direction: number[]): number[] {
  const along = dot(row, direction);
  return row.map((x, i) => x - along * direction[i]!);
}

function unit(row: number[]): number[] {
  const length = Math.sqrt(dot(row, row));
  return row.map((x) => x / length);
}
