/** The gradient of the selective scan as float64 loops, by the chain rule backwards in time; shares nothing with lib/. */

import type { ReferenceScan } from "./selective-scan.js";

/** d hold / dΔ and d hold / dA for one Δ and one entry of A. */
export interface HoldDerivatives {
  readonly byDelta: (delta: number, a: number) => number;
  readonly byA: (delta: number, a: number) => number;
}

export const eulerDerivatives: HoldDerivatives = { byDelta: () => 1, byA: () => 0 };
export const zeroOrderDerivatives: HoldDerivatives = {
  byDelta: (delta, a) => Math.exp(delta * a),
  byA: (delta, a) => (delta * Math.exp(delta * a) - Math.expm1(delta * a) / a) / a,
};

/** dL/d of x, Δ, A, B and C, for dL/dy = `dy` `[batch, T, D]`. */
export function referenceScanGradient(
  scan: ReferenceScan,
  derivatives: HoldDerivatives,
  dy: ArrayLike<number>,
) {
  const { batch, T, D, N, x, delta, A, B, C, hold } = scan;
  const zeros = (...shape: number[]) => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
  const dx = zeros(batch, T, D);
  const dDelta = zeros(batch, T, D);
  const dA = zeros(D, N);
  const dB = zeros(batch, T, N);
  const dC = zeros(batch, T, N);
  for (let b = 0; b < batch; b++) {
    for (let d = 0; d < D; d++) {
      for (let n = 0; n < N; n++) {
        const a = A[d * N + n]!;
        const before = new Float64Array(T);
        let h = 0;
        for (let t = 0; t < T; t++) {
          const at = (b * T + t) * D + d;
          const of = (b * T + t) * N + n;
          before[t] = h;
          h = Math.exp(delta[at]! * a) * h + hold(delta[at]!, a) * B[of]! * x[at]!;
          dC.data[of]! += dy[at]! * h;
        }
        let dh = 0;
        for (let t = T - 1; t >= 0; t--) {
          const at = (b * T + t) * D + d;
          const of = (b * T + t) * N + n;
          const kept = Math.exp(delta[at]! * a);
          const held = hold(delta[at]!, a);
          dh += dy[at]! * C[of]!;
          dx.data[at]! += dh * held * B[of]!;
          dB.data[of]! += dh * held * x[at]!;
          const byHold = dh * B[of]! * x[at]!;
          const byDecay = dh * before[t]! * kept;
          dDelta.data[at]! += byDecay * a + byHold * derivatives.byDelta(delta[at]!, a);
          dA.data[d * N + n]! += byDecay * delta[at]! + byHold * derivatives.byA(delta[at]!, a);
          dh *= kept;
        }
      }
    }
  }
  return { x: dx, delta: dDelta, A: dA, B: dB, C: dC };
}
