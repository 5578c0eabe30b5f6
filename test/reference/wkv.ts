/** WKV as float64 loops, straight from its sum; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferenceWkv {
  readonly B: number;
  readonly T: number;
  readonly C: number;
  /** `[C]` each: the logarithm of a step's decay, and the bonus. */
  readonly w: ArrayLike<number>;
  readonly u: ArrayLike<number>;
  /** `[B, T, C]` each. */
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
}

/** Σ e^score v / Σ e^score for each position and channel, relative to the largest score of the row. T² B C steps. */
export function referenceWkv({ B, T, C, w, u, k, v }: ReferenceWkv): Float64 {
  const data = new Float64Array(B * T * C);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      const at = (i: number) => (b * T + i) * C + c;
      for (let t = 0; t < T; t++) {
        const score = (i: number) => k[at(i)]! + (i === t ? u[c]! : (t - 1 - i) * w[c]!);
        let largest = Number.NEGATIVE_INFINITY;
        for (let i = 0; i <= t; i++) largest = Math.max(largest, score(i));
        let [sum, weights] = [0, 0];
        for (let i = 0; i <= t; i++) {
          const weight = Math.exp(score(i) - largest);
          sum += weight * v[at(i)]!;
          weights += weight;
        }
        data[at(t)] = sum / weights;
      }
    }
  }
  return { shape: [B, T, C], data };
}
