/** Retention and its layer as float64 loops, straight from the equations; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferenceRetention {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly D: number;
  readonly E: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  /** γ for each head. */
  readonly gammas: readonly number[];
  /** θ for each pair of entries; none turns nothing. */
  readonly thetas?: readonly number[];
  readonly hidden?: (b: number, m: number) => boolean;
}

/** out[b,h,n,:] = Σ_{m ≤ n} γⁿ⁻ᵐ Re(Σ_i q_ni e^{inθ_i} conj(k_mi e^{imθ_i})) / √D v[m], pairs (2i, 2i + 1) as complex numbers. */
export function referenceRetention(problem: ReferenceRetention): Float64 {
  const { B, H, T, D, E, q, k, v, gammas, thetas, hidden } = problem;
  const data = new Float64Array(B * H * T * E);
  for (let bh = 0; bh < B * H; bh++) {
    for (let n = 0; n < T; n++) {
      for (let m = 0; m <= n; m++) {
        if (hidden?.(Math.floor(bh / H), m)) continue;
        let score = 0;
        for (let d = 0; d < D; d++) {
          const [qa, ka] = [q[(bh * T + n) * D + d]!, k[(bh * T + m) * D + d]!];
          if (thetas === undefined) {
            score += qa * ka;
          } else if (d % 2 === 0) {
            const [qb, kb] = [q[(bh * T + n) * D + d + 1]!, k[(bh * T + m) * D + d + 1]!];
            const turn = (n - m) * thetas[d / 2]!;
            // (qa + i qb) conj(ka + i kb) e^(i turn), its real part
            score += (qa * ka + qb * kb) * Math.cos(turn) - (qb * ka - qa * kb) * Math.sin(turn);
          }
        }
        const weight = (gammas[bh % H]! ** (n - m) * score) / Math.sqrt(D);
        for (let e = 0; e < E; e++) data[(bh * T + n) * E + e]! += weight * v[(bh * T + m) * E + e]!;
      }
    }
  }
  return { shape: [B, H, T, E], data };
}

/** Each run of `width` numbers shifted and scaled to mean 0 and variance 1; zeros where all are equal. */
export function referenceNorm({ shape, data }: Float64, epsilon: number): Float64 {
  const width = shape.at(-1)!;
  const out = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += width) {
    let [mean, variance] = [0, 0];
    for (let e = 0; e < width; e++) mean += data[start + e]! / width;
    for (let e = 0; e < width; e++) variance += (data[start + e]! - mean) ** 2 / width;
    for (let e = 0; e < width; e++)
      out[start + e] = (data[start + e]! - mean) / Math.sqrt(variance + epsilon);
  }
  return { shape, data: out };
}
