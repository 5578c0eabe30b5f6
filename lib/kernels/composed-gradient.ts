/** The gradient of softmax attention out of tfjs's operations, for kernels that have none of their own: it stores every score. */

import * as tf from "@tensorflow/tfjs";
import { attentionWeights } from "../attention.js";

export interface AttentionGradientOptions {
  /** `[B, G, R, D]`: heads that share keys stand behind one another as further queries. */
  readonly q: tf.Tensor4D;
  /** `[B, G, S, D]` */
  readonly k: tf.Tensor4D;
  /** `[B, G, S, E]` */
  readonly v: tf.Tensor4D;
  readonly mask?: tf.Tensor;
  readonly scale: number;
  /** Gradient of the output, `[B, G, R, E]`. */
  readonly dO: tf.Tensor4D;
}

/** With P the pattern and dP = dO Vᵀ:  dS = P ∘ (dP − rowsum(P ∘ dP)) · scale,  dQ = dS K,  dK = dSᵀ Q,  dV = Pᵀ dO. */
export function attentionGradient({
  dO,
  ...options
}: AttentionGradientOptions): Record<"q" | "k" | "v", () => tf.Tensor4D> {
  const { q, k, v, scale } = options;
  const P = attentionWeights(options); // [B, G, R, S]
  const dP = tf.matMul(dO, v, false, true);
  const dS = tf.mul(tf.mul(P, tf.sub(dP, tf.sum(tf.mul(P, dP), -1, true))), scale);
  return {
    q: () => tf.matMul(dS, k) as tf.Tensor4D,
    k: () => tf.matMul(dS, q, true, false) as tf.Tensor4D,
    v: () => tf.matMul(P, dO, true, false) as tf.Tensor4D,
  };
}
