/** Linear attention with decay, and its gradient, as float64 loops over pairs, straight from the sum; shares nothing with lib/. */

export interface FadingProblem {
  /** Heads of all batches. */
  readonly N: number;
  readonly T: number;
  readonly D: number;
  readonly E: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  /** ln a of head, position, channel. */
  readonly g: (n: number, t: number, d: number) => number;
}

export interface FadingResult {
  readonly o: Float64Array;
  /** The gradient of Σ o · dO, where dO was given; that of g at each head, position and channel. */
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
  readonly dg: Float64Array;
}

/** o_t = Σ_{s ≤ t} Σ_d q_td k_sd exp(Σ_{s < u ≤ t} g_ud) v_s */
export function referenceFading(
  { N, T, D, E, q, k, v, g }: FadingProblem,
  dO?: ArrayLike<number>,
): FadingResult {
  const zeros = (width: number) => new Float64Array(N * T * width);
  const [o, dq, dk, dv, dg] = [zeros(E), zeros(D), zeros(D), zeros(E), zeros(D)];
  for (let n = 0; n < N; n++) {
    for (let t = 0; t < T; t++) {
      const [q0, o0] = [(n * T + t) * D, (n * T + t) * E];
      const faded = new Float64Array(D); // Σ g over what lies between s and t
      for (let s = t; s >= 0; s--) {
        const [k0, v0] = [(n * T + s) * D, (n * T + s) * E];
        let [weight, slope] = [0, 0];
        for (let d = 0; d < D; d++) weight += q[q0 + d]! * k[k0 + d]! * Math.exp(faded[d]!);
        for (let e = 0; e < E; e++) {
          o[o0 + e]! += weight * v[v0 + e]!;
          if (dO === undefined) continue;
          slope += dO[o0 + e]! * v[v0 + e]!;
          dv[v0 + e]! += weight * dO[o0 + e]!;
        }
        for (let d = 0; d < D; d++) {
          const fade = Math.exp(faded[d]!);
          dq[q0 + d]! += slope * k[k0 + d]! * fade;
          dk[k0 + d]! += slope * q[q0 + d]! * fade;
          // This pair depends on g_u for each u in (s, t]: +x from s + 1 on, −x from t + 1 on, summed below.
          const share = slope * q[q0 + d]! * k[k0 + d]! * fade;
          if (s < t) dg[(n * T + s + 1) * D + d]! += share;
          if (s < t && t + 1 < T) dg[(n * T + t + 1) * D + d]! -= share;
          faded[d]! += g(n, s, d);
        }
      }
    }
  }
  for (let n = 0; n < N; n++) {
    for (let at = n * T * D + D; at < (n + 1) * T * D; at++) dg[at]! += dg[at - D]!;
  }
  return { o, dq, dk, dv, dg };
}
