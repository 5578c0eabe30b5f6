/** Hyena's convolution and recurrence as float64 loops, straight from definition 3.1; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferenceConvolution {
  readonly B: number;
  readonly C: number;
  readonly T: number;
  /** `[B, C, T]` */
  readonly u: ArrayLike<number>;
  /** `[C, T]` */
  readonly h: ArrayLike<number>;
  /** `[C]` */
  readonly bias?: ArrayLike<number>;
}

/** y[b,c,t] = Σ_{s ≤ t} h[c,t−s] u[b,c,s] + bias[c] u[b,c,t]. */
export function referenceConvolution({ B, C, T, u, h, bias }: ReferenceConvolution): Float64 {
  const data = new Float64Array(B * C * T);
  for (let row = 0; row < B * C; row++) {
    const c = row % C;
    for (let t = 0; t < T; t++) {
      let sum = (bias?.[c] ?? 0) * u[row * T + t]!;
      for (let s = 0; s <= t; s++) sum += h[c * T + t - s]! * u[row * T + s]!;
      data[row * T + t] = sum;
    }
  }
  return { shape: [B, C, T], data };
}

/** z ← xⁿ · (hⁿ * z + bⁿ z) for each order. */
export function referenceHyena(problem: {
  readonly B: number;
  readonly C: number;
  readonly T: number;
  readonly v: ArrayLike<number>;
  readonly gates: readonly ArrayLike<number>[];
  readonly filters: readonly ArrayLike<number>[];
  readonly biases?: readonly ArrayLike<number>[];
}): Float64 {
  const { B, C, T, v, gates, filters, biases } = problem;
  let z = Float64Array.from(v);
  for (const [n, gate] of gates.entries()) {
    const sums = referenceConvolution({ B, C, T, u: z, h: filters[n]!, bias: biases?.[n] }).data;
    z = Float64Array.from(sums, (sum, i) => sum * gate[i]!);
  }
  return { shape: [B, C, T], data: z };
}
