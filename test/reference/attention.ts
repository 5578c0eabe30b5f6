/** Attention as float64 loops, straight from the equation; shares nothing with lib/attention.ts. */

/** Numbers in row-major order with their shape. */
export interface Float64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface ReferenceAttention {
  readonly B: number;
  readonly H: number;
  readonly G: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly scale?: number;
  /** May query t of head h in batch b see key s? */
  readonly sees?: (b: number, h: number, t: number, s: number) => boolean;
  /** What is added to that score. */
  readonly bias?: (b: number, h: number, t: number, s: number) => number;
}

/** out[b,h,t,:] = Σ_s softmax_s(q[b,h,t] · k[b,g,s] · scale + bias) v[b,g,s], g = ⌊h G / H⌋, over the keys seen. */
export function referenceAttention(problem: ReferenceAttention): Float64 {
  const { B, H, G, T, S, D, E, q, k, v, sees = () => true, bias = () => 0 } = problem;
  const scale = problem.scale ?? 1 / Math.sqrt(D);
  const data = new Float64Array(B * H * T * E);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * G) / H);
      for (let t = 0; t < T; t++) {
        const scores: [s: number, score: number][] = [];
        for (let s = 0; s < S; s++) {
          if (!sees(b, h, t, s)) continue;
          let dot = 0;
          for (let d = 0; d < D; d++) {
            dot += q[((b * H + h) * T + t) * D + d]! * k[((b * G + g) * S + s) * D + d]!;
          }
          scores.push([s, dot * scale + bias(b, h, t, s)]);
        }
        let largest = Number.NEGATIVE_INFINITY;
        for (const [, score] of scores) largest = Math.max(largest, score);
        let total = 0;
        for (const [, score] of scores) total += Math.exp(score - largest);
        for (const [s, score] of scores) {
          const weight = Math.exp(score - largest) / total;
          for (let e = 0; e < E; e++) {
            data[((b * H + h) * T + t) * E + e]! += weight * v[((b * G + g) * S + s) * E + e]!;
          }
        }
      }
    }
  }
  return { shape: [B, H, T, E], data };
}

/** Gradients of Σ dOut ∘ out: `dq [B, H, T, D]`, `dk [B, G, S, D]`, `dv [B, G, S, E]`, and of each score, `ds [B, H, T, S]`. */
export function referenceAttentionGradient(
  problem: ReferenceAttention & { readonly dOut: ArrayLike<number> },
): Record<"q" | "k" | "v" | "scores", Float64> {
  const { B, H, G, T, S, D, E, q, k, v, dOut, sees = () => true, bias = () => 0 } = problem;
  const scale = problem.scale ?? 1 / Math.sqrt(D);
  const dq = new Float64Array(B * H * T * D);
  const dk = new Float64Array(B * G * S * D);
  const dv = new Float64Array(B * G * S * E);
  const ds = new Float64Array(B * H * T * S);
  for (let row = 0; row < B * H * T; row++) {
    const t = row % T;
    const h = Math.floor(row / T) % H;
    const b = Math.floor(row / (T * H));
    const key = (s: number) => (b * G + Math.floor((h * G) / H)) * S + s;
    const seen = Array.from({ length: S }, (_, s) => s).filter((s) => sees(b, h, t, s));
    const scores = seen.map((s) => {
      let dot = 0;
      for (let d = 0; d < D; d++) dot += q[row * D + d]! * k[key(s) * D + d]!;
      return dot * scale + bias(b, h, t, s);
    });
    const largest = scores.reduce((a, c) => Math.max(a, c), Number.NEGATIVE_INFINITY);
    const exponentials = scores.map((score) => Math.exp(score - largest));
    const total = exponentials.reduce((a, c) => a + c, 0);
    const weights = exponentials.map((x) => x / total);
    const upstream = seen.map((s) => {
      let dot = 0;
      for (let e = 0; e < E; e++) dot += dOut[row * E + e]! * v[key(s) * E + e]!;
      return dot;
    });
    const mean = weights.reduce((sum, weight, i) => sum + weight * upstream[i]!, 0);
    for (const [i, s] of seen.entries()) {
      const slope = weights[i]! * (upstream[i]! - mean);
      ds[row * S + s] = slope;
      for (let d = 0; d < D; d++) {
        dq[row * D + d]! += slope * scale * k[key(s) * D + d]!;
        dk[key(s) * D + d]! += slope * scale * q[row * D + d]!;
      }
      for (let e = 0; e < E; e++) dv[key(s) * E + e]! += weights[i]! * dOut[row * E + e]!;
    }
  }
  return {
    q: { shape: [B, H, T, D], data: dq },
    k: { shape: [B, G, S, D], data: dk },
    v: { shape: [B, G, S, E], data: dv },
    scores: { shape: [B, H, T, S], data: ds },
  };
}
