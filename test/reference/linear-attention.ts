/** Linear attention as float64 loops, straight from the equation; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferenceLinearAttention {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  /** May query t in batch b see key s? */
  readonly sees: (b: number, t: number, s: number) => boolean;
}

/** out[b,h,t,:] = Σ_s w v[b,h,s] / Σ_s w over the keys seen, w = Σ_d φ(q[b,h,t,d]) φ(k[b,h,s,d]); zeros where none is. */
export function referenceLinearAttention(problem: ReferenceLinearAttention): Float64 {
  const { B, H, T, S, D, E, q, k, v, sees } = problem;
  const phi = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
  const data = new Float64Array(B * H * T * E);
  for (let bh = 0; bh < B * H; bh++) {
    for (let t = 0; t < T; t++) {
      let total = 0;
      const row = new Float64Array(E);
      for (let s = 0; s < S; s++) {
        if (!sees(Math.floor(bh / H), t, s)) continue;
        let weight = 0;
        for (let d = 0; d < D; d++) weight += phi(q[(bh * T + t) * D + d]!) * phi(k[(bh * S + s) * D + d]!);
        total += weight;
        for (let e = 0; e < E; e++) row[e]! += weight * v[(bh * S + s) * E + e]!;
      }
      for (let e = 0; e < E; e++) data[(bh * T + t) * E + e] = total === 0 ? 0 : row[e]! / total;
    }
  }
  return { shape: [B, H, T, E], data };
}
