/**
 * Linear attention: softmax's exponential replaced by a dot product of features, so that past keys and values add up
 * in one matrix of fixed size.
 *
 * Katharopoulos et al., "Transformers are RNNs", 2020, arXiv:2006.16236.
 *
 *   oₜ = Σⱼ (φ(qₜ)·φ(kⱼ)) vⱼ / Σⱼ φ(qₜ)·φ(kⱼ) = φ(qₜ)ᵀ S / φ(qₜ)ᵀ z,   S = Σⱼ φ(kⱼ) vⱼᵀ,  z = Σⱼ φ(kⱼ)     (eqs. 4, 5)
 *   φ(x) = elu(x) + 1                                                                                        (eq. 7)
 *   causal: Sₜ = Sₜ₋₁ + φ(kₜ) vₜᵀ,  zₜ = zₜ₋₁ + φ(kₜ)                                                (sections 3.3, 3.4)
 *
 * Identities (lib/identities/linear-transformer.ts): parallel, recurrent and chunkwise forms agree; the last row of the
 * causal forms is the bidirectional one's; with features whose dot product is exp(q·k / √D) it is softmax attention.
 * Cost per head with F features: parallel 2 T² (F + E) FLOPs and T² numbers; recurrent 5 T F E FLOPs and a state of F (E + 1);
 * chunkwise T (4 F E + 2 c (F + E)) and T numbers for a fixed chunk c.
 * Deviates from the paper: z is the last column of S, since it is the sum for a value that is always 1; ε is added to
 * the denominator, as the authors' code does; φ is computed so that small values survive float32; the chunkwise form
 * is younger than the paper.
 */

import * as tf from "@tensorflow/tfjs";
import { causalMask } from "../attention.js";
import { mergeChunks, splitChunks, sumsBefore } from "../chunks.js";
import { eluPlusOne, type FeatureMap } from "../feature-maps.js";
import { fadingLinearAttention, hasFadingKernel } from "../linear-attention.js";
import { dims, ensure } from "../shapes.js";

export interface LinearAttentionOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, H, S, D]`; in the causal forms S = T. */
  readonly k: tf.Tensor4D;
  /** Values `[B, H, S, E]`. */
  readonly v: tf.Tensor4D;
  /** Boolean `[B, S]`, true where the key may be seen by anybody; all of them unless given. */
  readonly keyMask?: tf.Tensor2D;
  /** `eluPlusOne` unless given; `(x) => x` where q and k are features already. */
  readonly featureMap?: FeatureMap;
  /** ε, added to the denominator; 10⁻⁶ unless given, as in the authors' code. 0 is the paper's formula: then a query that sees nothing gets NaN, not zeros. */
  readonly eps?: number;
}

/** Every query sees every key, in O(S F E + T F E): `[B, H, T, E]` (eq. 6). */
export function linearAttention(options: LinearAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, eps } = features("linearAttention", options);
    const state = tf.matMul(k, v, true, false); // [B, H, F, E + 1]
    return normalised(tf.matMul(q, state) as tf.Tensor4D, eps); // [B, H, T, E]
  });
}

/**
 * Query t sees keys 0 … t, by way of all T × T weights: `[B, H, T, E]`. With the identity matrix for `v` these weights
 * themselves come out.
 */
export function causalLinearAttention(options: LinearAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, eps } = features("causalLinearAttention", options, "T");
    return normalised(tf.matMul(visible(q, k), v), eps); // [B, H, T, E]
  });
}

export interface ChunkwiseOptions extends LinearAttentionOptions {
  /** c, positions in a chunk: 1 is the recurrent form, T the parallel one. The kernel on `webgpu` has its own. */
  readonly chunk?: number;
}

/**
 * The same result chunk by chunk: weights inside a chunk, the state of all earlier chunks for the rest. No loop: all
 * chunks go through the same four matrix products. `[B, H, T, E]`.
 */
export function causalLinearAttentionChunkwise({ chunk = 64, ...options }: ChunkwiseOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, eps, B, H, T } = features("causalLinearAttentionChunkwise", options, "T");
    if (hasFadingKernel({ q, v })) return normalised(fadingLinearAttention({ q, k, v }), eps);
    const [Q, K, V] = [splitChunks(q, chunk), splitChunks(k, chunk), splitChunks(v, chunk)];
    const inside = tf.matMul(visible(Q, K), V); // [B·H, N, c, E + 1]
    const added: tf.Tensor4D = tf.matMul(K, V, true, false); // [B·H, N, F, E + 1], what each chunk adds to the state
    // Exclusive: a chunk's own keys are already inside.
    const earlier = sumsBefore(added); // [B·H, N, F, E + 1]
    const sums = tf.add<tf.Tensor4D>(inside, tf.matMul(Q, earlier)); // [B·H, N, c, E + 1]
    return normalised(mergeChunks(sums, { B, H, T }), eps); // [B, H, T, E]
  });
}

/** [S | z] after the positions read so far, `[B, H, F, E + 1]`: the same size after ten tokens and after ten thousand. */
export type LinearState = tf.Tensor4D;

export interface StepOptions extends Omit<LinearAttentionOptions, "keyMask"> {
  /** The state before this position; none before the first. */
  readonly state?: LinearState;
}

/**
 * One position, `q`, `k` and `v` of shape `[B, H, 1, ·]`: its output `[B, H, 1, E]`, and the state after it
 * (section 3.4). The old state is left alone: its owner disposes it.
 */
export function linearAttentionStep({ state, ...options }: StepOptions): {
  y: tf.Tensor4D;
  state: LinearState;
} {
  return tf.tidy(() => {
    const { q, k, v, eps, T } = features("linearAttentionStep", options, "T");
    ensure(T === 1, `linearAttentionStep: expected one position, got ${T}`);
    if (state !== undefined) {
      const fits = { k: [k, "B H T F"], v: [v, "B H T E+1"], state: [state, "B H F E+1"] } as const;
      dims("linearAttentionStep", fits);
    }
    const next = advanced(k, v, state);
    return { y: normalised(tf.matMul(q, next) as tf.Tensor4D, eps), state: next };
  });
}

/** The same result position by position, with nothing but the state in between: `[B, H, T, E]`. */
export function causalLinearAttentionRecurrent(options: LinearAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, eps, T } = features("causalLinearAttentionRecurrent", options, "T");
    const [qs, ks, vs] = [q, k, v].map((x) => tf.split<tf.Tensor4D>(x, T, 2)) as [
      tf.Tensor4D[],
      tf.Tensor4D[],
      tf.Tensor4D[],
    ];
    let state: LinearState | undefined;
    const sums = qs.map((query, t) => {
      const next: LinearState = tf.tidy(() => advanced(ks[t]!, vs[t]!, state));
      state?.dispose();
      state = next;
      return tf.matMul(query, next) as tf.Tensor4D; // [B, H, 1, E + 1]
    });
    return normalised(tf.concat<tf.Tensor4D>(sums, 2), eps); // [B, H, T, E]
  });
}

function advanced(k: tf.Tensor4D, v: tf.Tensor4D, state?: LinearState): LinearState {
  const product = tf.matMul(k, v, true, false) as tf.Tensor4D; // φ(k) vᵀ, [B, H, F, E + 1]
  return state === undefined ? product : tf.add(state, product);
}

/** Dot products of queries with the keys at and before them, zero elsewhere; the last two axes are `[T, T]`. */
function visible(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(tf.matMul(q, k, false, true), tf.cast(causalMask(q.shape[2]), "float32"));
}

/** Numerators `[…, E]` over denominators, the last column: `[B, H, T, E]`. */
function normalised(sums: tf.Tensor4D, eps: number): tf.Tensor4D {
  const [B, H, T, columns] = sums.shape;
  const numerators = tf.slice(sums, [0, 0, 0, 0], [B, H, T, columns - 1]);
  const denominators = tf.slice(sums, [0, 0, 0, columns - 1], [B, H, T, 1]);
  return tf.div(numerators, tf.add(denominators, eps));
}

/** Entry checks; then φ(q), φ(k) with hidden keys zeroed, and v with a column of ones, whose sums are the denominators. */
function features(
  name: string,
  { q, k, v, keyMask, featureMap = eluPlusOne, eps = 1e-6 }: LinearAttentionOptions,
  keys = "S",
) {
  const { B, H, T } = dims(name, { q: [q, "B H T D"], k: [k, `B H ${keys} D`], v: [v, `B H ${keys} E`] });
  ensure(eps >= 0, `${name}: expected eps of at least 0, got ${eps}`);
  const S = k.shape[2];
  let mapped = featureMap(k); // [B, H, S, F]
  if (keyMask !== undefined) {
    dims(name, { k: [k, `B H ${keys} D`], keyMask: [keyMask, `B ${keys}`] });
    ensure(
      keyMask.dtype === "bool",
      `${name}: expected a boolean keyMask (true = seen), got dtype ${keyMask.dtype}`,
    );
    mapped = tf.mul(mapped, tf.reshape(tf.cast(keyMask, "float32"), [B!, 1, S, 1]));
  }
  const ones = tf.ones([B!, H!, S, 1]);
  return { q: featureMap(q), k: mapped, v: tf.concat([v, ones as tf.Tensor4D], 3), eps, B: B!, H: H!, T: T! };
}
