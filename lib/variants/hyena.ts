/**
 * Hyena: long convolutions, whose filters are as long as the text, with gates between them.
 *
 * Poli et al., "Hyena Hierarchy: Towards Larger Convolutional Language Models", 2023, arXiv:2302.10866.
 *
 *   z¹ = v,   zⁿ⁺¹_t = xⁿ_t (hⁿ * zⁿ)_t,   y = z^(N+1),   (h * z)_t = Σ_(s≤t) h_(t−s) z_s          (definition 3.1)
 *   as one matrix:  y = D_x^N S_h^N … D_x¹ S_h¹ v,  D diagonal (data), S lower triangular Toeplitz  (section 3.2)
 *   h * z = first T entries of F⁻¹(F h ⊙ F z), both with zeros behind them up to a length of 2T − 1 or more
 *
 * Identities (lib/identities/hyena.ts): the transform equals the direct sum; nothing of the future gets into the past; with
 * h¹ = δ and h² = γᵗ, order 2 is retention with heads of width 1.
 * Cost of order N over C channels: N C (7.5 n log₂ n + O(n)) FLOPs, n the power of two from 2T − 1 on, and O(C n) numbers.
 * Deviates from the paper: the bias (h * z) + b z, "fftconv" with a residual in the authors' code, is here an option. Their code
 * has no h¹ at order 2: pass a filter that is 1 and then 0. Its filters and layer are in hyena-filter.ts and hyena-layer.ts.
 */

import * as tf from "@tensorflow/tfjs";
import { inverseRealFft, multiplySpectra, realFft } from "../fft.js";
import { hasKernel, LONG_CONVOLUTION, runKernel } from "../kernels/fused.js";
import { dims, ensure } from "../shapes.js";

export interface LongConvolutionOptions {
  /** `[B, C, T]` */
  readonly u: tf.Tensor3D;
  /** h `[C, T]`: entry k weighs what was read k positions ago. */
  readonly h: tf.Tensor2D;
  /** b `[C]`, added to h₀; nothing unless given. */
  readonly bias?: tf.Tensor1D;
}

/**
 * Σ_(s≤t) h_(t−s) u_s + b u_t for each channel, by Fourier transforms: `[B, C, T]`, in O(T log T). On the backend `webgpu` by kernels
 * (lib/kernels/long-convolution).
 */
export function longConvolution({ u, h, bias }: LongConvolutionOptions): tf.Tensor3D {
  check("longConvolution", { u, h, bias });
  return tf.tidy(() => {
    if (!hasKernel(LONG_CONVOLUTION)) return withBias(convolve(u, h), u, bias);
    const inputs = { u, h, bias: bias ?? tf.zeros([u.shape[1]]) };
    return runKernel(LONG_CONVOLUTION, inputs, {})[0] as tf.Tensor3D;
  });
}

/** The same sums as a product with each channel's Toeplitz matrix: `[B, C, T]`, in O(T²). */
export function longConvolutionDirect({ u, h, bias }: LongConvolutionOptions): tf.Tensor3D {
  check("longConvolutionDirect", { u, h, bias });
  return tf.tidy(() => {
    const columns = tf.transpose(u, [1, 2, 0]); // [C, T, B]
    const sums: tf.Tensor3D = tf.matMul(toeplitz(h), columns); // [C, T, B]
    return withBias(tf.transpose(sums, [2, 0, 1]), u, bias);
  });
}

/** S of section 3.2 for each channel, `[C, T, T]`: h_(t−s) in row t and column s ≤ t, zero above the diagonal. */
export function toeplitz(h: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => {
    const position = tf.range(0, h.shape[1]);
    const distance: tf.Tensor2D = tf.sub(tf.expandDims(position, 1), position); // t − s, [T, T]
    const index: tf.Tensor2D = tf.cast(tf.relu(distance), "int32");
    const entries = tf.gather(h, index, 1) as tf.Tensor as tf.Tensor3D; // [C, T, T]
    return tf.mul(entries, tf.cast(tf.greaterEqual(distance, 0), "float32"));
  });
}

export interface HyenaOptions {
  /** Values `[B, C, T]`. */
  readonly v: tf.Tensor3D;
  /** x¹ … xᴺ `[B, C, T]` each: as many as the order. */
  readonly gates: readonly tf.Tensor3D[];
  /** h¹ … hᴺ `[C, T]` each. */
  readonly filters: readonly tf.Tensor2D[];
  /** b¹ … bᴺ `[C]` each; none unless given. */
  readonly biases?: readonly tf.Tensor1D[];
  /** The form of the convolution; `longConvolution` unless given. */
  readonly convolution?: (options: LongConvolutionOptions) => tf.Tensor3D;
}

/** The recurrence of definition 3.1, over orders and not over positions: `[B, C, T]`. */
export function hyena({
  v,
  gates,
  filters,
  biases,
  convolution = longConvolution,
}: HyenaOptions): tf.Tensor3D {
  const N = gates.length;
  ensure(N >= 1, "hyena: expected one gate or more, got none");
  ensure(filters.length === N, `hyena: expected as many filters as gates (${N}), got ${filters.length}`);
  ensure(
    biases === undefined || biases.length === N,
    `hyena: expected as many biases as gates (${N}), got ${biases?.length}`,
  );
  dims("hyena", {
    v: [v, "B C T"],
    ...Object.fromEntries(gates.map((x, i) => [`gates[${i}]`, [x, "B C T"]])),
  });
  return tf.tidy(() =>
    gates.reduce<tf.Tensor3D>(
      (z, x, n) => tf.mul(x, convolution({ u: z, h: filters[n]!, bias: biases?.[n] })),
      v,
    ),
  );
}

function check(name: string, { u, h, bias }: LongConvolutionOptions): void {
  dims(name, {
    u: [u, "B C T"],
    h: [h, "C T"],
    ...(bias === undefined ? {} : { bias: [bias, "C"] as const }),
  });
}

function withBias(sums: tf.Tensor3D, u: tf.Tensor3D, bias?: tf.Tensor1D): tf.Tensor3D {
  return bias === undefined ? sums : tf.add(sums, tf.mul(u, tf.expandDims(bias, 1)));
}

/**
 * The causal convolution, with its gradient written out: with g = dL/dy and all rows reversed in time,
 * dL/du is again a causal convolution of g with h, and dL/dh of g with u.
 */
function convolve(u: tf.Tensor3D, h: tf.Tensor2D): tf.Tensor3D {
  const withGradient = tf.customGrad((...args) => {
    const [u, h, save] = args as unknown as [tf.Tensor3D, tf.Tensor2D, tf.GradSaveFunc];
    const [U, H] = [spectra(u), spectra(h)];
    save([U, H]);
    const gradFunc = (g: tf.Tensor, saved: tf.Tensor[]) => {
      const [U, H] = saved as [tf.Tensor3D, tf.Tensor2D];
      const G = spectra(tf.reverse(g as tf.Tensor3D, 2));
      const T = g.shape[2]!;
      const backwards = (product: tf.Tensor): tf.Tensor3D => tf.reverse(firstRows(product, T), 2);
      return [backwards(multiplySpectra(G, H)), tf.sum(backwards(multiplySpectra(G, U)), 0)];
    };
    return { value: firstRows(multiplySpectra(U, H), u.shape[2]), gradFunc };
  });
  return withGradient(u, h) as tf.Tensor3D;
}

/** Spectra of rows with zeros behind them, so many that no product reaches round into the first T entries. */
function spectra<R extends tf.Tensor2D | tf.Tensor3D>(rows: R): R {
  const T = rows.shape.at(-1)!;
  const n = Math.max(2, 2 ** Math.ceil(Math.log2(2 * T - 1)));
  const X = realFft(tf.reshape(rows, [-1, T]), n);
  return tf.reshape(X, [...rows.shape.slice(0, -1), n / 2 + 1]) as tf.Tensor as R;
}

/** The first T entries of the rows that have these spectra, `[B, C, T]`. */
function firstRows(spectrum: tf.Tensor, T: number): tf.Tensor3D {
  const [B, C, K] = spectrum.shape as [number, number, number];
  const rows = inverseRealFft(tf.reshape(spectrum, [B * C, K]));
  return tf.reshape(tf.slice(rows, [0, 0], [B * C, T]), [B, C, T]);
}
