/** The one numeric comparison: shape first, then finiteness, then `!(error <= tolerance)`. */

import type * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { formatShape } from "./shapes.js";

/** A tensor, or plain numbers with their shape, or one number. */
export type Numeric =
  | tf.Tensor
  | number
  | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

export interface Tolerance {
  /** Largest |actual − expected| / max(1, |expected|) allowed. */
  readonly tolerance: number;
  /** Why this much: what rounds, and how often. */
  readonly because: string;
}

/**
 * Throws chai's AssertionError, with the largest error, where it is and both values, unless `actual` equals
 * `expected` in shape and, element by element, within the tolerance. NaN and infinities in `actual` always fail.
 */
export function assertClose(
  actual: Numeric,
  expected: Numeric,
  { tolerance, because }: Tolerance,
  label = "value",
): void {
  const got = plain(actual);
  const want = plain(expected);
  const fail = (message: string, showGot: unknown, showWant: unknown) => {
    throw new AssertionError(`${label}: ${message}`, {
      actual: showGot,
      expected: showWant,
      showDiff: false,
    });
  };
  const [shape, wanted] = [formatShape(got.shape), formatShape(want.shape)];
  if (shape !== wanted) fail(`expected shape ${wanted}, got ${shape}`, shape, wanted);
  const { error, index } = largestError(got.data, want.data);
  if (error <= tolerance) return;
  // A single number has no position.
  const at = want.shape.length === 0 ? "" : ` at ${formatShape(position(index, want.shape))}`;
  const [a, b] = [got.data[index]!, want.data[index]!];
  if (!Number.isFinite(a)) fail(`expected finite numbers, got ${a}${at} (expected ${b})`, a, b);
  const [seen, right] = inFewDigits(a, b);
  fail(
    `largest error ${error.toExponential(2)}${at}: expected ${right}, got ${seen} (tolerance ${tolerance}: ${because})`,
    a,
    b,
  );
}

/** Two numbers to read side by side: in six digits, or as many more as leave their difference right to a tenth. */
export function inFewDigits(a: number, b: number): [string, string] {
  // Infinite, or missing in data that is too short.
  if (!Number.isFinite(a - b)) return [String(a), String(b)];
  for (let digits = 6; digits < 17; digits++) {
    const [x, y] = [Number(a.toPrecision(digits)), Number(b.toPrecision(digits))];
    if (Math.abs(x - y - (a - b)) <= 0.1 * Math.abs(a - b)) return [String(x), String(y)];
  }
  return [String(a), String(b)];
}

/** Largest |a − b| / max(1, |b|) and its flat index; a value that is not finite counts as infinitely wrong. */
export function largestError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { error: number; index: number } {
  let [error, index] = [0, 0];
  // As many numbers as the longer list has: a missing one is NaN, and wrong.
  for (let i = 0; i < Math.max(actual.length, expected.length); i++) {
    const wrong = scaledError(actual[i]!, expected[i]!);
    if (wrong > error) [error, index] = [wrong, i];
  }
  return { error, index };
}

/** |a − b| / max(1, |b|); infinite where that is no number. */
export function scaledError(actual: number, expected: number): number {
  const difference = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  return Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
}

function plain(value: Numeric): { shape: readonly number[]; data: ArrayLike<number> } {
  if (typeof value === "number") return { shape: [], data: [value] };
  if ("data" in value && typeof value.data !== "function") {
    return { shape: value.shape, data: value.data as ArrayLike<number> };
  }
  const tensor = value as tf.Tensor;
  return { shape: tensor.shape, data: tensor.dataSync() };
}

/** The index, axis by axis, of a flat position in a tensor of that shape. */
export function position(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}
