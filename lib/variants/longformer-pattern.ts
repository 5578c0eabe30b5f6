/**
 * Which pairs of positions Longformer lets meet: window, dilation, global tokens. For drawing, for counting, and for
 * the dense form; `longformer.ts` computes without ever building this table.
 *
 * Beltagy, Peters & Cohan, 2020, arXiv:2004.05150, section 3.1.
 *
 *   window:  j = i + m d,  |m| ≤ w/2          (w + 1 keys with the query's own; the paper says ½w on each side)
 *   global:  row p and column p are full, for every global position p
 *   causal:  all that, where j ≤ i
 */

import * as tf from "@tensorflow/tfjs";
import { ensure } from "../shapes.js";

export interface LongformerPattern {
  /** w: a query sees w/2 positions on each side, and itself. Even, at least 2. */
  readonly window: number;
  /** d: the window takes every d-th position; 1 unless given. */
  readonly dilation?: number;
  /** Hides later positions from earlier ones, global ones too. */
  readonly causal?: boolean;
}

/** Refuses a pattern that means nothing, in words. */
export function checkPattern(name: string, { window, dilation = 1 }: LongformerPattern): void {
  ensure(
    Number.isInteger(window) && window >= 2 && window % 2 === 0,
    `${name}: expected an even window of at least 2 (half of it on each side), got ${window}`,
  );
  ensure(
    Number.isInteger(dilation) && dilation >= 1,
    `${name}: expected a dilation of at least 1 (1 leaves no gaps), got ${dilation}`,
  );
}

/** Refuses global positions that are not different whole numbers in 0 … T − 1. */
export function checkGlobals(name: string, positions: readonly number[], T: number): void {
  const outside = positions.find((p) => !(Number.isInteger(p) && p >= 0 && p < T));
  ensure(
    outside === undefined,
    `${name}: expected global positions in 0 … ${T - 1}, the sequence's, got ${outside}`,
  );
  ensure(
    new Set(positions).size === positions.length,
    `${name}: expected each global position once, got [${positions.join(", ")}]`,
  );
}

/** True at (i, j) where query i may see key j: `[T, T]`, bool. */
export function longformerMask({
  T,
  globals = [],
  ...pattern
}: LongformerPattern & { readonly T: number; readonly globals?: readonly number[] }): tf.Tensor2D {
  checkPattern("longformerMask", pattern);
  checkGlobals("longformerMask", globals, T);
  const { window, dilation = 1, causal = false } = pattern;
  const everywhere = new Set(globals);
  const allowed = Array.from({ length: T * T }, (_, n) => {
    const [i, j] = [Math.floor(n / T), n % T];
    const near = Math.abs(i - j) <= (window / 2) * dilation && (i - j) % dilation === 0;
    return (near || everywhere.has(i) || everywhere.has(j)) && (!causal || j <= i);
  });
  return tf.tensor2d(allowed, [T, T], "bool");
}

/**
 * How many pairs a window without global tokens lets meet: T + 2 Σₘ max(0, T − m d), m = 1 … w/2. Of the w/2 offsets
 * to one side, the m-th has T − m d pairs inside the sequence.
 */
export function windowPairs({ T, window, dilation = 1 }: LongformerPattern & { readonly T: number }): number {
  checkPattern("windowPairs", { window, dilation });
  let pairs = T;
  for (let m = 1; m <= window / 2; m++) pairs += 2 * Math.max(0, T - m * dilation);
  return pairs;
}

/** How far to one side a stack of layers can look: Σ d w/2 over its layers, in positions. */
export function reach(layers: readonly LongformerPattern[]): number {
  return layers.reduce((sum, { window, dilation = 1 }) => sum + (dilation * window) / 2, 0);
}
