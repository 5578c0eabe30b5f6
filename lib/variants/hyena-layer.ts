/**
 * The Hyena layer: projections, a short convolution, and the recurrence of gates and long convolutions.
 *
 * Poli et al., 2023, arXiv:2302.10866, algorithms 1 to 3.
 *
 *   [v | x¹ | … | xᴺ] = conv₃(x W_in + b_in),   y = Hyena_N(v, x¹ … xᴺ; h¹ … hᴺ) W_out + b_out
 *
 * Identities (test/variants/hyena-layer.test.ts): equals a PyTorch implementation; nothing of the future gets into the past.
 * Cost: 2 T (N + 2) C² FLOPs in the projections, besides the filters and convolutions.
 */

import * as tf from "@tensorflow/tfjs";
import { project } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import { shortConvolution } from "../short-convolution.js";
import { hyena, type LongConvolutionOptions } from "./hyena.js";
import { type FilterWeights, implicitFilters } from "./hyena-filter.js";

/** C is the model's width, N the order, W the length of the short convolution (3 in the paper). */
export interface HyenaWeights {
  /** W_in `[C, (N + 1) C]`: v, then x¹, … */
  readonly into: tf.Tensor2D;
  /** `[(N + 1) C]` */
  readonly intoBias: tf.Tensor1D;
  /** `[W, (N + 1) C]`, the present position's weights last. */
  readonly short: tf.Tensor2D;
  /** `[(N + 1) C]` */
  readonly shortBias: tf.Tensor1D;
  readonly filter: FilterWeights;
  /** b¹ … bᴺ `[N, C]`. */
  readonly biases: tf.Tensor2D;
  /** W_out `[C, C]` */
  readonly out: tf.Tensor2D;
  /** `[C]` */
  readonly outBias: tf.Tensor1D;
}

export interface HyenaLayerOptions {
  /** `[B, T, C]` */
  readonly x: tf.Tensor3D;
  readonly weights: HyenaWeights;
  /** L, the longest text that the filters are made for. */
  readonly length: number;
  /** The form of the long convolution; by Fourier transforms unless given. */
  readonly convolution?: (options: LongConvolutionOptions) => tf.Tensor3D;
  /** What multiplies where a gate x stands: x itself unless given. With `tf.onesLike` the layer is a linear filter. */
  readonly gate?: (x: tf.Tensor3D) => tf.Tensor3D;
}

/** A whole text through the layer: `[B, T, C]` → `[B, T, C]`. */
export function hyenaLayer({
  x,
  weights,
  length,
  convolution,
  gate = (x) => x,
}: HyenaLayerOptions): tf.Tensor3D {
  const { into, intoBias, short, shortBias, filter, biases, out, outBias } = weights;
  const { B, T, C, N, P, W } = dims("hyenaLayer", {
    x: [x, "B T C"],
    into: [into, "C P"],
    intoBias: [intoBias, "P"],
    short: [short, "W P"],
    shortBias: [shortBias, "P"],
    biases: [biases, "N C"],
    out: [out, "C C"],
    outBias: [outBias, "C"],
  }) as Record<"B" | "T" | "C" | "N" | "P" | "W", number>;
  for (const [label, columns, expected] of [
    ["into", P, (N + 1) * C],
    ["filter.out", filter.out.shape[1], N * C],
  ] as const) {
    ensure(columns === expected, `hyenaLayer: expected ${label} with ${expected} columns, got ${columns}`);
  }
  return tf.tidy(() => {
    const entering: tf.Tensor3D = tf.add(project(x, into), intoBias); // [B, T, (N + 1) C]
    const padded: tf.Tensor3D = tf.concat([tf.zeros<tf.Rank.R3>([B, W - 1, P]), entering], 1);
    const mixed: tf.Tensor3D = tf.add(shortConvolution({ padded, weights: short }), shortBias);
    const [v, ...gates] = tf.split(tf.transpose(mixed, [0, 2, 1]), N + 1, 1) as [
      tf.Tensor3D,
      ...tf.Tensor3D[],
    ]; // [B, C, T] each
    const y = hyena({
      v,
      gates: gates.map(gate),
      filters: implicitFilters({ T, length, weights: filter, order: N }),
      biases: tf.unstack(biases) as tf.Tensor1D[],
      convolution,
    });
    return tf.add(project(tf.transpose(y, [0, 2, 1]), out), outBias);
  });
}
