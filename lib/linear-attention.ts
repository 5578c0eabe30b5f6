/**
 * Linear attention whose state fades, channel by channel: what linear attention, RetNet and gated linear attention share.
 *
 * Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training", 2023, arXiv:2312.06635.
 *
 *   S_t = diag(e^{g_t}) S_{t−1} + k_t v_tᵀ,   o_t = S_tᵀ q_t                         S [D, E], g ≤ 0
 *       = Σ_{s ≤ t} (q_t ∘ e^{b_t − b_s}) · k_s v_s,   b = the running sum of g
 *
 * Identities (test/kernels/linear-attention.test.ts): equals a float64 loop; g = 0 is linear attention without a denominator; g = ln γ
 * is retention. On `webgpu` one kernel of ours, elsewhere chunk by chunk out of tfjs's operations.
 * Cost: O(T D E). Only differences b_t − b_s ≤ 0 are exponentiated: k_s / e^{b_s} would overflow.
 */

import * as tf from "@tensorflow/tfjs";
import { causalMask } from "./attention.js";
import { mergeChunks, splitChunks } from "./chunks.js";
import { hasKernel, LINEAR_ATTENTION, MAX_STATE, runKernel } from "./kernels/fused.js";
import { associativeScan } from "./scan.js";
import { dims, ensure, formatShape } from "./shapes.js";

export interface FadingAttentionOptions {
  /** `[B, H, T, D]`, already scaled. */
  readonly q: tf.Tensor4D;
  /** `[B, H, T, D]` */
  readonly k: tf.Tensor4D;
  /** `[B, H, T, E]` */
  readonly v: tf.Tensor4D;
  /** g = ln a, at most 0; each axis is 1 or that of `[B, H, T, D]`. Nothing fades unless given. */
  readonly logDecay?: tf.Tensor4D;
}

/** Positions in a chunk of the composed form, which holds c numbers for each of T·D. */
const CHUNK = 16;

/** o, `[B, H, T, E]`. @throws RangeError when shapes disagree. */
export function fadingLinearAttention(options: FadingAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const inputs = checked(options);
    if (!hasFadingKernel(inputs)) return composed(inputs);
    return runKernel(LINEAR_ATTENTION, { ...inputs }, {})[0] as tf.Tensor4D;
  });
}

/** The same out of tfjs's operations, on every backend. */
export function composedFadingAttention(options: FadingAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => composed(checked(options)));
}

/** Whether the current backend has a kernel for this, and for heads as wide as these. */
export function hasFadingKernel({ q, v }: Pick<FadingAttentionOptions, "q" | "v">): boolean {
  return hasKernel(LINEAR_ATTENTION) && Math.max(q.shape[3], v.shape[3]) <= MAX_STATE;
}

type Checked = Required<FadingAttentionOptions>;

function checked({ q, k, v, logDecay }: FadingAttentionOptions): Checked {
  dims("fadingLinearAttention", { q: [q, "B H T D"], k: [k, "B H T D"], v: [v, "B H T E"] });
  const decay = logDecay ?? tf.zeros<tf.Rank.R4>([1, 1, 1, 1]);
  ensure(
    decay.rank === 4 && decay.shape.every((size, axis) => size === 1 || size === q.shape[axis]),
    `fadingLinearAttention: expected logDecay broadcastable to [B, H, T, D] = ${formatShape(q.shape)}, got ${formatShape(decay.shape)}`,
  );
  return { q, k, v, logDecay: decay };
}

function composed({ q, k, v, logDecay }: Checked): tf.Tensor4D {
  const [[B, H, T, D], E] = [q.shape, v.shape[3]];
  const g = tf.broadcastTo(logDecay, q.shape) as tf.Tensor4D;
  const [Q, K, V, G] = [q, k, v, g].map((x) => splitChunks(x, CHUNK)) as [
    ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D],
  ]; // [B·H, N, c, ·]
  const N = Q.shape[1];
  const sees = tf.cast(causalMask(CHUNK), "float32");
  // Running sums as a product: the gradient of tfjs's cumsum along any axis but the last is transposed.
  const b: tf.Tensor4D = tf.matMul(tf.reshape(sees, [1, 1, CHUNK, CHUNK]), G);
  const end: tf.Tensor4D = tf.slice(b, [0, 0, CHUNK - 1, 0], [B * H, N, 1, D]);
  const fade = tf.exp(tf.minimum(tf.sub(tf.expandDims(b, 3), tf.expandDims(b, 2)), 0)); // [B·H, N, c, c, D]
  const products = tf.mul(tf.mul(tf.expandDims(Q, 3), tf.expandDims(K, 2)), fade);
  const A = tf.mul(tf.sum(products, 4), sees) as tf.Tensor4D; // [B·H, N, c, c]
  const added = tf.matMul(tf.mul(K, tf.exp(tf.sub(end, b))), V, true, false); // [B·H, N, D, E]
  const flat = (x: tf.Tensor) => tf.reshape(x, [B * H, N, D * E]) as tf.Tensor3D;
  const decay = tf.tile(tf.reshape(tf.exp(end), [B * H, N, D, 1]), [1, 1, 1, E]);
  const states = associativeScan({ decay: flat(decay), input: flat(added) }); // after each chunk
  const before = tf.concat(
    [tf.zeros<tf.Rank.R3>([B * H, 1, D * E]), tf.slice(states, [0, 0, 0], [B * H, N - 1, D * E])],
    1,
  );
  const earlier = tf.matMul(tf.mul(Q, tf.exp(b)), tf.reshape(before, [B * H, N, D, E])); // [B·H, N, c, E]
  return mergeChunks(tf.add(tf.matMul(A, V), earlier) as tf.Tensor4D, { B, H, T });
}
