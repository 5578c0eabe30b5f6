/** The selective scan as float64 loops, straight from the equation; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferenceScan {
  readonly batch: number;
  readonly T: number;
  readonly D: number;
  readonly N: number;
  /** `[batch, T, D]` */
  readonly x: ArrayLike<number>;
  readonly delta: ArrayLike<number>;
  /** `[D, N]` */
  readonly A: ArrayLike<number>;
  /** `[batch, T, N]` */
  readonly B: ArrayLike<number>;
  readonly C: ArrayLike<number>;
  /** B̄ / B for one Δ and one entry of A. */
  readonly hold: (delta: number, a: number) => number;
}

export const eulerHold = (delta: number) => delta;
export const zeroOrder = (delta: number, a: number) => (delta === 0 ? 0 : Math.expm1(delta * a) / a);

/** h[n] ← exp(Δ a) h[n] + hold B[n] x, y = Σ_n C[n] h[n], for each batch and channel. */
export function referenceScan({ batch, T, D, N, x, delta, A, B, C, hold }: ReferenceScan): Float64 {
  const data = new Float64Array(batch * T * D);
  for (let b = 0; b < batch; b++) {
    for (let d = 0; d < D; d++) {
      const h = new Float64Array(N);
      for (let t = 0; t < T; t++) {
        const at = (b * T + t) * D + d;
        for (let n = 0; n < N; n++) {
          const a = A[d * N + n]!;
          const of = (b * T + t) * N + n;
          h[n] = Math.exp(delta[at]! * a) * h[n]! + hold(delta[at]!, a) * B[of]! * x[at]!;
          data[at]! += C[of]! * h[n]!;
        }
      }
    }
  }
  return { shape: [batch, T, D], data };
}
