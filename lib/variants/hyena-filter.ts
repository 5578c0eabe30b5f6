/**
 * Hyena's filters: not T numbers that are learned, but a small network that says for every distance what its weight is.
 *
 * Poli et al., 2023, arXiv:2302.10866, section 3.3.
 *
 *   h_t = Window(t) · FFN(PositionalEncoding(t))                                                            (eq. 7)
 *   FFN: layers σ(W z + b) with σ(a) = sin(ω a), then a linear map without bias;  Window(t) = exp(−δ t/(L−1))
 *   PositionalEncoding(t) = [t/(L−1), Re ρ(t), Im ρ(t)],  ρ_k(t) = exp(−2πi f_k t/L)
 *
 * Identity (test/variants/hyena-filter.test.ts): a shorter filter is the beginning of a longer one.
 * Cost: 2 T (I F + (l − 1) F² + F N C) FLOPs for l layers; the number of parameters does not depend on T.
 * Deviates from the paper: f_k evenly from 10⁻⁴ to K − 1, and δ evenly from ln(100)/1.5 to ln(100)/0.3 over the channels, are
 * those of the authors' code; there is no shift behind the window; every order has the same rates.
 */

import * as tf from "@tensorflow/tfjs";
import { dims, ensure } from "../shapes.js";

/** I = 1 + 2 K features, F hidden units, N orders of C channels. */
export interface FilterWeights {
  /** W `[I, F]` for the first layer, `[F, F]` for the others; b `[F]`. */
  readonly layers: readonly { readonly w: tf.Tensor2D; readonly b: tf.Tensor1D }[];
  /** ω `[F]`, shared by all layers. */
  readonly frequency: tf.Tensor1D;
  /** `[F, N C]`: the channels of h¹, then those of h², … */
  readonly out: tf.Tensor2D;
}

export interface ImplicitFiltersOptions {
  /** Distances to compute: 0 … T − 1. */
  readonly T: number;
  /** L, the longest text that the filters are made for; at least T. */
  readonly length: number;
  readonly weights: FilterWeights;
  /** δ for each of C channels; `decayRates(C)` unless given. */
  readonly rates?: readonly number[];
  /** N; 1 unless given. */
  readonly order?: number;
}

/** h¹ … hᴺ, `[C, T]` each (eq. 7). */
export function implicitFilters({
  T,
  length,
  weights,
  order = 1,
  rates,
}: ImplicitFiltersOptions): tf.Tensor2D[] {
  const columns = weights.out.shape[1];
  ensure(
    Number.isInteger(order) && order >= 1 && columns % order === 0,
    `implicitFilters: expected an order that divides the ${columns} columns of out, got ${order}`,
  );
  const C = columns / order;
  const decays = rates ?? decayRates(C);
  ensure(
    decays.length === C,
    `implicitFilters: expected as many rates as channels (${C}), got ${decays.length}`,
  );
  const I = weights.layers[0]?.w.shape[0] ?? 0;
  ensure(
    I >= 3 && I % 2 === 1,
    `implicitFilters: expected an odd number of features, 3 or more (a time and pairs of waves), got ${I}`,
  );
  return tf.tidy(() => {
    let z = positionalFeatures({ T, length, bands: (I - 1) / 2 }); // [T, I]
    for (const { w, b } of weights.layers) {
      dims("implicitFilters", {
        z: [z, "T I"],
        w: [w, "I F"],
        b: [b, "F"],
        frequency: [weights.frequency, "F"],
      });
      z = tf.sin(tf.mul(weights.frequency, tf.add(tf.matMul(z, w), b))); // [T, F]
    }
    const h = tf.matMul(weights.out, z, true, true) as tf.Tensor2D; // [N C, T]
    const window = decayWindow({ T, length, rates: decays });
    return tf.split(h, order, 0).map((filter) => tf.mul(filter, window) as tf.Tensor2D);
  });
}

/** Section 3.3's features of a position, `[T, 1 + 2 bands]`: how far along it is, and where in waves of several lengths. */
export function positionalFeatures({
  T,
  length,
  bands,
}: {
  T: number;
  length: number;
  bands: number;
}): tf.Tensor2D {
  checkLength("positionalFeatures", T, length);
  const waves = Array.from({ length: bands }, (_, k) =>
    bands === 1 ? 1e-4 : 1e-4 + (k * (bands - 1 - 1e-4)) / (bands - 1),
  );
  const rows = Array.from({ length: T }, (_, t) => {
    const phases = waves.map((f) => (2 * Math.PI * f * t) / length);
    return [t / Math.max(length - 1, 1), ...phases.map(Math.cos), ...phases.map((phase) => -Math.sin(phase))];
  });
  return tf.tensor2d(rows, [T, 1 + 2 * bands]);
}

/** exp(−δ t/(L−1)) for each rate and t = 0 … T − 1: `[C, T]`. */
export function decayWindow({
  T,
  length,
  rates,
}: {
  T: number;
  length: number;
  rates: readonly number[];
}): tf.Tensor2D {
  checkLength("decayWindow", T, length);
  const bad = rates.find((rate) => !(rate >= 0 && Number.isFinite(rate)));
  ensure(bad === undefined, `decayWindow: expected rates of 0 or more, got ${bad}; a window must not grow`);
  const rows = rates.map((rate) =>
    Array.from({ length: T }, (_, t) => Math.exp((-rate * t) / Math.max(length - 1, 1))),
  );
  return tf.tensor2d(rows, [rates.length, T]);
}

/** δ, so that the slowest channel's window is down to 1/100 at 1.5 L and the fastest's at 0.3 L. */
export function decayRates(C: number): number[] {
  ensure(Number.isInteger(C) && C >= 1, `decayRates: expected a positive number of channels, got ${C}`);
  const [slow, fast] = [Math.log(100) / 1.5, Math.log(100) / 0.3];
  return Array.from({ length: C }, (_, c) => slow + (C === 1 ? 0 : (c * (fast - slow)) / (C - 1)));
}

function checkLength(name: string, T: number, length: number): void {
  ensure(
    Number.isInteger(T) && T >= 1 && Number.isInteger(length) && length >= T,
    `${name}: expected 1 to ${length} positions, the length that the filters are made for, got ${T}`,
  );
}
