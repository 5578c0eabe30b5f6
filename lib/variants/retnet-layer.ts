/**
 * Gated multi-scale retention: what the paper builds around retention to make a layer of it.
 *
 * Sun et al., 2023, arXiv:2307.08621, section 2.2.
 *
 *   Y = GroupNorm_h(head₁ … head_h),   headᵢ = Retention(X, γᵢ),   MSR(X) = (swish(X W_G) ⊙ Y) W_O          (eq. 8)
 *   score normalisation: D̃ = D / √(Σᵢ Dₙᵢ),  R = Q Kᵀ/√d ⊙ D̃,  R̃ = R / max(|Σᵢ Rₙᵢ|, 1),  R̃ V           (section 2.2)
 *
 * Identities (lib/identities/retnet.ts): under the norm, normalised scores equal plain retention; every form gives the
 * same layer; the layer token by token equals the layer as a whole.
 * Cost of a layer of width C with values twice as wide: 16 T C² FLOPs in its five projections, besides retention.
 * Deviates from the paper: GroupNorm without gain and bias, as the authors' code has it (that code has dropped the mean
 * as well; the paper's has it, and so do we).
 */

import * as tf from "@tensorflow/tfjs";
import { mergeHeads, project, splitHeads } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import {
  decayMatrix,
  positioned,
  type RetentionOptions,
  retention,
  retentionAngles,
  retentionStep,
} from "./retnet.js";

/** ε of the norm unless given, as in the authors' code. Only with ε = 0 is the norm quite blind to scale. */
const EPSILON = 1e-6;

/**
 * Shifts and scales each row of each head by itself to mean 0 and variance 1: `[B, H, T, E]`. A row of equal entries,
 * such as one that sees nothing, becomes zeros.
 */
export function headNorm({ x, epsilon = EPSILON }: { x: tf.Tensor4D; epsilon?: number }): tf.Tensor4D {
  dims("headNorm", { x: [x, "B H T E"] });
  ensure(epsilon > 0, `headNorm: expected an epsilon above 0, got ${epsilon}`);
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true); // [B, H, T, 1]
    return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
  });
}

/**
 * Parallel retention with the paper's three normalisations of its scores, `[B, H, T, E]`. Each row differs from
 * `retention`'s by a positive factor, so they are equal after `headNorm` and not before.
 */
export function scoreNormalisedRetention(options: RetentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, decays, T } = positioned("scoreNormalisedRetention", options);
    const D = decayMatrix(decays, T); // [H, T, T]
    const scores = tf.mul(
      tf.matMul(q, k, false, true),
      tf.div(D, tf.sqrt(tf.sum(D, -1, true))),
    ) as tf.Tensor4D;
    const size = tf.maximum(tf.abs(tf.sum(scores, -1, true)), 1); // [B, H, T, 1]
    return tf.matMul(tf.div(scores, size), v) as tf.Tensor4D;
  });
}

/** `wq` and `wk` `[C, H D]`, `wv` and `wg` `[C, H E]`, `wo` `[H E, C]`; the paper takes E = 2 D and H D = C. */
export interface RetentionWeights {
  readonly wq: tf.Tensor2D;
  readonly wk: tf.Tensor2D;
  readonly wv: tf.Tensor2D;
  readonly wg: tf.Tensor2D;
  readonly wo: tf.Tensor2D;
}

export interface MultiScaleRetentionOptions {
  /** `[B, T, C]` */
  readonly x: tf.Tensor3D;
  readonly weights: RetentionWeights;
  readonly heads: number;
  /** γ for each head; the paper's unless given. */
  readonly decays?: readonly number[];
  /** ε of the norm; 10⁻⁶ unless given. */
  readonly epsilon?: number;
  /** The form: `retention` unless given, or any other that takes the same options. */
  readonly mix?: (options: RetentionOptions) => tf.Tensor4D;
}

/** The layer, `[B, T, C]` (eq. 8). */
export function multiScaleRetention({
  mix = retention,
  ...options
}: MultiScaleRetentionOptions): tf.Tensor3D {
  return tf.tidy(() => gated(options, mix(heads(options))));
}

export interface MultiScaleStepOptions extends Omit<MultiScaleRetentionOptions, "mix"> {
  /** n, how many positions came before this one. */
  readonly position: number;
  /** `[B, H, D, E]`; none before the first position. */
  readonly state?: tf.Tensor4D;
}

/** The layer for one position, `x [B, 1, C]`: `y [B, 1, C]`, and the state after it. The old state is left alone. */
export function multiScaleRetentionStep({ position, state, ...options }: MultiScaleStepOptions): {
  y: tf.Tensor3D;
  state: tf.Tensor4D;
} {
  return tf.tidy(() => {
    const next = retentionStep({ ...heads(options), position, state });
    return { y: gated(options, next.y), state: next.state };
  });
}

function heads({ x, weights, heads, decays }: Omit<MultiScaleRetentionOptions, "mix">) {
  const { wq, wk, wv, wg, wo } = weights;
  dims("multiScaleRetention", {
    x: [x, "B T C"],
    wq: [wq, "C HD"],
    wk: [wk, "C HD"],
    wv: [wv, "C HE"],
    wg: [wg, "C HE"],
    wo: [wo, "HE C"],
  });
  const [q, k, v] = [wq, wk, wv].map((w) => splitHeads(project(x, w), heads)) as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  return { q, k, v, decays, angles: retentionAngles(q.shape[3]) };
}

function gated(
  { x, weights, epsilon }: Omit<MultiScaleRetentionOptions, "mix">,
  mixed: tf.Tensor4D,
): tf.Tensor3D {
  const gate = project(x, weights.wg);
  const swish = tf.mul(gate, tf.sigmoid(gate));
  return project(tf.mul(swish, mergeHeads(headNorm({ x: mixed, epsilon }))), weights.wo);
}
