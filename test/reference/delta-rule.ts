/** The delta rule and its gradient as float64 loops that keep every state; shares nothing with lib/. */

export interface DeltaProblem {
  readonly N: number;
  readonly T: number;
  readonly D: number;
  readonly E: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly beta: ArrayLike<number>;
}

/** o_t = S_tᵀ q_t with S_t = S_{t−1} + β_t k_t (v_t − S_{t−1}ᵀ k_t)ᵀ; the gradient is that of Σ o · dO. */
export function referenceDelta({ N, T, D, E, q, k, v, beta }: DeltaProblem, dO?: ArrayLike<number>) {
  const zeros = (width: number) => new Float64Array(N * T * width);
  const [o, dq, dk, dv, dBeta] = [zeros(E), zeros(D), zeros(D), zeros(E), zeros(1)];
  for (let n = 0; n < N; n++) {
    const states = [new Float64Array(D * E)];
    for (let t = 0; t < T; t++) {
      const at = n * T + t;
      const next = states[t]!.slice();
      for (let e = 0; e < E; e++) {
        let rest = v[at * E + e]!;
        for (let d = 0; d < D; d++) rest -= states[t]![d * E + e]! * k[at * D + d]!;
        for (let d = 0; d < D; d++) next[d * E + e]! += beta[at]! * k[at * D + d]! * rest;
        for (let d = 0; d < D; d++) o[at * E + e]! += next[d * E + e]! * q[at * D + d]!;
      }
      states.push(next);
    }
    if (dO === undefined) continue;
    const dS = new Float64Array(D * E);
    for (let t = T - 1; t >= 0; t--) {
      const [at, S] = [n * T + t, states[t]!];
      for (let e = 0; e < E; e++) {
        const out = dO[at * E + e]!;
        let [rest, dWrite] = [v[at * E + e]!, 0];
        for (let d = 0; d < D; d++) {
          dq[at * D + d]! += states[t + 1]![d * E + e]! * out;
          dS[d * E + e]! += q[at * D + d]! * out;
          rest -= S[d * E + e]! * k[at * D + d]!;
          dWrite += dS[d * E + e]! * k[at * D + d]!;
        }
        dv[at * E + e] = beta[at]! * dWrite;
        dBeta[at]! += rest * dWrite;
        for (let d = 0; d < D; d++) {
          dk[at * D + d]! += dS[d * E + e]! * beta[at]! * rest - S[d * E + e]! * beta[at]! * dWrite;
          dS[d * E + e]! -= k[at * D + d]! * beta[at]! * dWrite;
        }
      }
    }
  }
  return { o, dq, dk, dv, dBeta };
}
