/**
 * Growth exponents of measured curves.
 *
 * `fitExponent` fits y = a xᵖ over all sizes, so a curve with lower-order terms (a T² + b T) comes out between its
 * exponents. `localExponents` shows where the curve is heading: its last entry, the slope between the two largest
 * sizes, is the one to hold against an asymptotic claim.
 */

import { ensure } from "../shapes.js";
import { studentQuantile } from "./student-t.js";

export interface ExponentFit {
  /** p in y = a xᵖ. */
  readonly exponent: number;
  /** 95 % confidence interval of the exponent (Student's t); infinite for two points, which fit anything. */
  readonly confidence: readonly [low: number, high: number];
  /** a in y = a xᵖ. */
  readonly prefactor: number;
  /** Share of the variance of log y that the fit explains. */
  readonly r2: number;
}

/**
 * Least squares of log y = log a + p log x.
 *
 * @throws RangeError unless there are at least two sizes that differ, and every number is positive and finite.
 */
export function fitExponent(xs: readonly number[], ys: readonly number[]): ExponentFit {
  const [u, v] = logs("fitExponent", xs, ys);
  const n = u.length;
  const [meanU, meanV] = [mean(u), mean(v)];
  const suu = mean(u.map((x) => (x - meanU) ** 2));
  const suv = mean(u.map((x, i) => (x - meanU) * (v[i]! - meanV)));
  const svv = mean(v.map((y) => (y - meanV) ** 2));
  const exponent = suv / suu;
  const residual = mean(u.map((x, i) => (v[i]! - meanV - exponent * (x - meanU)) ** 2));
  const standardError = Math.sqrt(residual / suu / (n - 2));
  const spread = n === 2 ? Number.POSITIVE_INFINITY : studentQuantile(0.95, n - 2) * standardError;
  return {
    exponent,
    confidence: [exponent - spread, exponent + spread],
    prefactor: Math.exp(meanV - exponent * meanU),
    r2: svv === 0 ? 1 : 1 - residual / svv,
  };
}

/** The log-log slope between each size and the next larger one; one entry fewer than there are sizes. */
export function localExponents(xs: readonly number[], ys: readonly number[]): number[] {
  const [u, v] = logs("localExponents", xs, ys);
  ensure(new Set(xs).size === xs.length, `localExponents: expected each size once, got [${xs.join(", ")}]`);
  const order = u.map((_, i) => i).sort((i, j) => u[i]! - u[j]!);
  return order.slice(1).map((to, i) => {
    const from = order[i]!;
    return (v[to]! - v[from]!) / (u[to]! - u[from]!);
  });
}

function logs(name: string, xs: readonly number[], ys: readonly number[]): [number[], number[]] {
  ensure(xs.length === ys.length, `${name}: expected as many ys as xs (${xs.length}), got ${ys.length}`);
  const bad = [...xs, ...ys].find((value) => !(value > 0 && Number.isFinite(value)));
  ensure(bad === undefined, `${name}: expected positive finite numbers, got ${bad}`);
  ensure(new Set(xs).size >= 2, `${name}: expected at least two different sizes, got [${xs.join(", ")}]`);
  return [xs.map(Math.log), ys.map(Math.log)];
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
