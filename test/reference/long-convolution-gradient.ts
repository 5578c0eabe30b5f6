/** The causal convolution and its gradient as float64 loops over all pairs of positions; shares nothing with lib/. */

export interface ConvolutionProblem {
  readonly B: number;
  readonly C: number;
  readonly T: number;
  /** `[B, C, T]` each; dy is dL/dy. */
  readonly u: ArrayLike<number>;
  readonly dy: ArrayLike<number>;
  /** `[C, T]` */
  readonly h: ArrayLike<number>;
  /** `[C]` */
  readonly bias: ArrayLike<number>;
}

/** y and dL/d of u, h and bias. */
export function referenceConvolutionGradient({ B, C, T, u, dy, h, bias }: ConvolutionProblem) {
  const zeros = (...shape: number[]) => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
  const [y, du, dh, dbias] = [zeros(B, C, T), zeros(B, C, T), zeros(C, T), zeros(C)];
  for (let row = 0; row < B * C; row++) {
    const c = row % C;
    for (let t = 0; t < T; t++) {
      const at = row * T + t;
      y.data[at]! += bias[c]! * u[at]!;
      du.data[at]! += bias[c]! * dy[at]!;
      dbias.data[c]! += dy[at]! * u[at]!;
      for (let s = 0; s <= t; s++) {
        y.data[at]! += h[c * T + t - s]! * u[row * T + s]!;
        du.data[row * T + s]! += h[c * T + t - s]! * dy[at]!;
        dh.data[c * T + t - s]! += u[row * T + s]! * dy[at]!;
      }
    }
  }
  return { y, u: du, h: dh, bias: dbias };
}
