/** FAVOR+ as float64 loops, straight from the equations; shares nothing with lib/. */

import type { Float64 } from "./attention.js";

export interface ReferencePerformer {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
  readonly m: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly w: ArrayLike<number>;
  /** May query t in batch b see key s? */
  readonly sees: (b: number, t: number, s: number) => boolean;
  /** May anybody in batch b see key s? All unless given. */
  readonly exists?: (b: number, s: number) => boolean;
  /** ε beside each stabilised exponential. */
  readonly eps: number;
}

/**
 * out[b,h,t,:] = Σ_s a v[b,h,s] / Σ_s a over the keys seen, a = Σ_i (e^(x_i − max_i x_i) + ε)(e^(y_i − max_(s,i) y_i) + ε) with
 * x_i = w_i·q / D^(1/4) − ‖q‖² / (2√D), y_i the same of the key; zeros where no key is seen.
 */
export function referencePerformer(problem: ReferencePerformer): Float64 {
  const { B, H, T, S, D, E, m, q, k, v, w, sees, exists = () => true, eps } = problem;
  const exponent = (x: ArrayLike<number>, row: number, i: number) => {
    let [along, squared] = [0, 0];
    for (let d = 0; d < D; d++) {
      along += w[i * D + d]! * x[row * D + d]!;
      squared += x[row * D + d]! ** 2;
    }
    return along / D ** 0.25 - squared / (2 * Math.sqrt(D));
  };
  const data = new Float64Array(B * H * T * E);
  for (let bh = 0; bh < B * H; bh++) {
    const b = Math.floor(bh / H);
    const ofKeys: number[][] = [];
    let top = Number.NEGATIVE_INFINITY;
    for (let s = 0; s < S; s++) {
      ofKeys.push(Array.from({ length: m }, (_, i) => exponent(k, bh * S + s, i)));
      if (exists(b, s)) top = Math.max(top, ...ofKeys[s]!);
    }
    for (let t = 0; t < T; t++) {
      const ofQuery = Array.from({ length: m }, (_, i) => exponent(q, bh * T + t, i));
      const peak = Math.max(...ofQuery);
      let total = 0;
      const row = new Float64Array(E);
      for (let s = 0; s < S; s++) {
        if (!sees(b, t, s)) continue;
        let weight = 0;
        for (let i = 0; i < m; i++) {
          weight += (Math.exp(ofQuery[i]! - peak) + eps) * (Math.exp(ofKeys[s]![i]! - top) + eps);
        }
        total += weight;
        for (let e = 0; e < E; e++) row[e]! += weight * v[(bh * S + s) * E + e]!;
      }
      for (let e = 0; e < E; e++) data[(bh * T + t) * E + e] = total === 0 ? 0 : row[e]! / total;
    }
  }
  return { shape: [B, H, T, E], data };
}
