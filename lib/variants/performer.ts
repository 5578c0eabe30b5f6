/**
 * FAVOR+: softmax attention estimated in linear time, by random features whose dot product is exp(q·k / √D) on average.
 *
 * Choromanski et al., "Rethinking Attention with Performers", 2020, arXiv:2009.14794.
 *
 *   φ⁺(x) = m^(−1/2) (exp(w₁·x − ‖x‖²/2), …, exp(wₘ·x − ‖x‖²/2))                                              (lemma 1)
 *   φᵗ(x) = m^(−1/2) e^(‖x‖²/2) (sin w₁·x, …, sin wₘ·x, cos w₁·x, …, cos wₘ·x)                              (section 2.3)
 *   with x = q / D^(1/4) or k / D^(1/4), so that E[φ(q)·φ(k)] = exp(q·k / √D); attention is linear attention with φ
 *
 * Identities (lib/identities/performer.ts): φ⁺(x)·φ⁺(−x) is exact whatever w is; estimates are unbiased; parallel, recurrent
 * and chunkwise forms agree; the error against softmax attention falls like m^(−1/2).
 * Cost per head: linear attention's with F = m features (2m for φᵗ), and 2 m D FLOPs for each query and key.
 * Deviates from the paper: stabilised, as the authors' code is. What is subtracted from an exponent is a factor of the
 * feature, and cancels between numerator and denominator: for a query its own largest exponent, for keys the largest of all,
 * since one factor must serve them all. Ours are maxima of the whole exponent, the authors' of w·x alone: then ‖q‖²/2
 * can make all features of a query 0. ε keeps features above zero; it is not divided out, and with it causal outputs
 * depend a little on later keys, by way of the shared maximum. The chunkwise form is younger than the paper.
 */

import * as tf from "@tensorflow/tfjs";
import { MASK_VALUE } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import {
  causalLinearAttention,
  causalLinearAttentionChunkwise,
  causalLinearAttentionRecurrent,
  linearAttention,
} from "./linear-transformer.js";

export interface FeaturesOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, H, S, D]`. */
  readonly k: tf.Tensor4D;
  /** Random vectors `[m, D]`, the same for queries and keys: `orthogonalRows` or `independentRows`. */
  readonly w: tf.Tensor2D;
  /** Boolean `[B, S]`, true where the key may be seen: hidden keys have no say in the shared maximum. */
  readonly keyMask?: tf.Tensor2D;
  /** ε, added to each exponential of positive features; 10⁻⁶ unless given. 0 is the paper's formula. */
  readonly eps?: number;
}

/** φ of queries `[B, H, T, F]` and of keys `[B, H, S, F]`, each up to a factor that attention divides out. */
export interface Features {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
}

/** Positive random features, F = m. Their largest is (1 + ε) / √m, for each query and over all visible keys of a head. */
export function positiveFeatures({ q, k, w, keyMask, eps = 1e-6 }: FeaturesOptions): Features {
  checked("positiveFeatures", { q, k, w, keyMask });
  ensure(eps >= 0, `positiveFeatures: expected eps of at least 0, got ${eps}`);
  const exponents = (x: tf.Tensor4D) => tf.sub<tf.Tensor4D>(projected(x, w), halfSquaredNorm(x));
  const map = (z: tf.Tensor4D, largest: tf.Tensor) =>
    tf.mul<tf.Tensor4D>(tf.add(tf.exp(tf.sub(z, largest)), eps), w.shape[0] ** -0.5);
  return tf.tidy(() => {
    const [ofQueries, ofKeys] = [exponents(q), visibleOnly(exponents(k), keyMask)]; // [B, H, ·, m]
    return {
      q: map(ofQueries, tf.max(ofQueries, 3, true)),
      k: map(ofKeys, tf.max(ofKeys, [2, 3], true)),
    };
  });
}

/**
 * Sines and cosines, F = 2m. Their dot products can be negative or zero, and so can attention's denominators: the paper's
 * counterexample, not for use.
 */
export function trigonometricFeatures({ q, k, w, keyMask }: Omit<FeaturesOptions, "eps">): Features {
  checked("trigonometricFeatures", { q, k, w, keyMask });
  const waves = (x: tf.Tensor4D) => {
    const angles = projected(x, w);
    return tf.mul<tf.Tensor4D>(
      tf.concat<tf.Tensor4D>([tf.sin(angles), tf.cos(angles)], 3),
      w.shape[0] ** -0.5,
    );
  };
  return tf.tidy(() => {
    const growth = visibleOnly(halfSquaredNorm(k), keyMask); // [B, H, S, 1]
    const relative = tf.exp(tf.sub(growth, tf.max(growth, 2, true)));
    return { q: waves(q), k: tf.mul<tf.Tensor4D>(waves(k), relative) };
  });
}

export interface PerformerOptions extends FeaturesOptions {
  /** Values `[B, H, S, E]`; in the causal forms S = T. */
  readonly v: tf.Tensor4D;
  /** `positiveFeatures` unless given. */
  readonly features?: (options: FeaturesOptions) => Features;
}

/** Every query sees every key, in O(S m (D + E) + T m (D + E)): `[B, H, T, E]`. */
export function performerAttention(options: PerformerOptions): tf.Tensor4D {
  return tf.tidy(() => linearAttention(mapped(options)));
}

/** Query t sees keys 0 … t, by way of all T × T estimated weights: `[B, H, T, E]`. */
export function causalPerformer(options: PerformerOptions): tf.Tensor4D {
  return tf.tidy(() => causalLinearAttention(mapped(options)));
}

/** The same result position by position, from a state of m (E + 1) numbers. */
export function causalPerformerRecurrent(options: PerformerOptions): tf.Tensor4D {
  return tf.tidy(() => causalLinearAttentionRecurrent(mapped(options)));
}

/** The same result in chunks of c positions. */
export function causalPerformerChunkwise({
  chunk = 64,
  ...options
}: PerformerOptions & { readonly chunk?: number }): tf.Tensor4D {
  return tf.tidy(() => causalLinearAttentionChunkwise({ ...mapped(options), chunk }));
}

/**
 * Linear attention's options. Its own ε only spares rows that see nothing a division by zero: sums of weights are at
 * least ε² here, and 10⁻¹⁸ is the least whose square, in the gradient, is still a float32.
 */
function mapped({ q, k, v, w, keyMask, eps, features = positiveFeatures }: PerformerOptions) {
  return {
    ...features({ q, k, w, keyMask, eps }),
    v,
    keyMask,
    eps: 1e-18,
    featureMap: (x: tf.Tensor4D) => x,
  };
}

/** w·x / D^(1/4): `[B, H, T, m]`. */
function projected(x: tf.Tensor4D, w: tf.Tensor2D): tf.Tensor4D {
  const [B, H, T, D] = x.shape;
  const flat = tf.matMul(tf.reshape(x, [B * H * T, D]), tf.mul<tf.Tensor2D>(w, D ** -0.25), false, true);
  return tf.reshape(flat, [B, H, T, w.shape[0]]);
}

/** ‖x‖² / (2 √D): `[B, H, T, 1]`. */
function halfSquaredNorm(x: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(tf.sum<tf.Tensor4D>(tf.square(x), 3, true), 0.5 * x.shape[3] ** -0.5);
}

/** Exponents of hidden keys so low that their exponential is zero and their maximum nobody's. */
function visibleOnly(exponents: tf.Tensor4D, keyMask?: tf.Tensor2D): tf.Tensor4D {
  if (keyMask === undefined) return exponents;
  const [B, S] = keyMask.shape;
  return tf.where(tf.reshape(keyMask, [B, 1, S, 1]), exponents, MASK_VALUE);
}

function checked(name: string, { q, k, w, keyMask }: Omit<FeaturesOptions, "eps">): void {
  const { m } = dims(name, { q: [q, "B H T D"], k: [k, "B H S D"], w: [w, "m D"] });
  ensure(m! >= 1, `${name}: expected w with 1 or more rows, got ${m}`);
  if (keyMask === undefined) return;
  dims(name, { k: [k, "B H S D"], keyMask: [keyMask, "B S"] });
  ensure(
    keyMask.dtype === "bool",
    `${name}: expected a boolean keyMask (true = seen), got dtype ${keyMask.dtype}`,
  );
}
