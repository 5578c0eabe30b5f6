/** WKV and its gradient as float64 loops, straight from the sum over all pairs of positions; shares nothing with lib/. */

export interface WkvProblem {
  readonly B: number;
  readonly T: number;
  readonly C: number;
  /** `[C]` each. */
  readonly w: ArrayLike<number>;
  readonly u: ArrayLike<number>;
  /** `[B, T, C]` each; dy is dL/dy. */
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly dy: ArrayLike<number>;
}

/**
 * y and dL/d of w, u, k and v; and the magnitudes of the terms that each is a sum of, summed, at least 1. With P the weights of
 * a row, divided by their sum: dL/dscore = P dy (v − y).
 */
export function referenceWkvGradient({ B, T, C, w, u, k, v, dy }: WkvProblem) {
  const zeros = (...shape: number[]) => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
  const [y, dk, dv] = [zeros(B, T, C), zeros(B, T, C), zeros(B, T, C)];
  const [dw, du] = [zeros(C), zeros(C)];
  const ones = (count: number) => new Float64Array(count).fill(1);
  const magnitudes = { w: ones(C), u: ones(C), k: ones(B * T * C), v: ones(B * T * C) };
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      const at = (t: number) => (b * T + t) * C + c;
      for (let t = 0; t < T; t++) {
        const scores = Array.from(
          { length: t + 1 },
          (_, i) => k[at(i)]! + (i === t ? u[c]! : (t - 1 - i) * w[c]!),
        );
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const sum = weights.reduce((total, weight) => total + weight);
        weights.forEach((weight, i) => {
          y.data[at(t)]! += (weight / sum) * v[at(i)]!;
        });
        weights.forEach((weight, i) => {
          const share = (weight / sum) * dy[at(t)]!;
          const byScore = share * (v[at(i)]! - y.data[at(t)]!);
          const size = Math.abs(share) * (Math.abs(v[at(i)]!) + Math.abs(y.data[at(t)]!));
          dv.data[at(i)]! += share;
          dk.data[at(i)]! += byScore;
          magnitudes.k[at(i)]! += size;
          magnitudes.v[at(i)]! += Math.abs(share);
          if (i === t) {
            du.data[c]! += byScore;
            magnitudes.u[c]! += size;
          } else {
            dw.data[c]! += (t - 1 - i) * byScore;
            magnitudes.w[c]! += (t - 1 - i) * size;
          }
        });
      }
    }
  }
  return { y, magnitudes, w: dw, u: du, k: dk, v: dv };
}
