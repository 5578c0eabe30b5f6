/**
 * The gradient of decode attention, out of tfjs's operations: it stores T · S scores per head, as many as the cache has keys.
 * Decoding happens when nothing is learned, so no kernel of its own is worth its length.
 */

import * as tf from "@tensorflow/tfjs";
import { attentionWeights, repeatHeads } from "../../attention.js";
import { cacheMask } from "../../cache-mask.js";
import type { DecodeAttrs } from "../fused.js";

/** With P the pattern and dP = dO Vᵀ:  dS = P ∘ (dP − rowsum(P ∘ dP)),  dQ = dS K · scale,  dK = dSᵀ Q · scale,  dV = Pᵀ dO. */
export const composedGradient: tf.GradFunc = (dy, saved, attrs) => {
  const [dO] = [dy].flat() as [tf.Tensor4D];
  const [q, k, v] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const { scale, lengths } = attrs as unknown as DecodeAttrs;
  const [, H, T] = q.shape;
  const mask = cacheMask({ lengths, T, S: k.shape[2] });
  const P = attentionWeights({ q, k, v, mask, scale }); // [B, H, T, S]
  const dP = tf.matMul(dO, repeatHeads(v, H), false, true);
  const dS = tf.mul(P, tf.sub(dP, tf.sum(tf.mul(P, dP), -1, true))) as tf.Tensor4D;
  return {
    q: () => tf.mul(tf.matMul(dS, repeatHeads(k, H)), scale),
    k: () => sumGroups(tf.mul(tf.matMul(dS, q, true, false), scale), k.shape),
    v: () => sumGroups(tf.matMul(P, dO, true, false), v.shape),
  };
};

/** `[B, H, S, D]` → `[B, G, S, D]`: query heads that share a key head add up. */
function sumGroups(x: tf.Tensor, [B, G, S, D]: tf.Tensor4D["shape"]): tf.Tensor {
  return tf.reshape(tf.sum(tf.reshape(x, [B * G, -1, S * D]), 1), [B, G, S, D]);
}
