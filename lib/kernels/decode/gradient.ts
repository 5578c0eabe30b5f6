/**
 * The gradient of decode attention, out of tfjs's operations: it stores T · S scores per head, as many as the cache has keys.
 * Decoding happens when nothing is learned, so no kernel of its own is worth its length.
 */

import * as tf from "@tensorflow/tfjs";
import { attentionWeights } from "../../attention.js";
import { cacheMask } from "../../cache-mask.js";
import type { DecodeAttrs } from "../fused.js";

/** With P the pattern and dP = dO Vᵀ:  dS = P ∘ (dP − rowsum(P ∘ dP)),  dQ = dS K · scale,  dK = dSᵀ Q · scale,  dV = Pᵀ dO. */
export const composedGradient: tf.GradFunc = (dy, saved, attrs) => {
  const [q, k, v] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const { scale, lengths } = attrs as unknown as DecodeAttrs;
  const [[B, H, T], [, G, S]] = [q.shape, k.shape];
  // Heads that share keys as further queries of one head: the products then sum over them.
  const rows = (x: tf.Tensor): tf.Tensor4D => tf.reshape(x, [B, G, (T * H) / G, x.shape[3]!]);
  const [Q, dO] = [rows(q), rows([dy].flat()[0]!)];
  const mask = cacheMask({ lengths, T, S, group: H / G });
  const P = attentionWeights({ q: Q, k, v, mask, scale }); // [B, G, R, S]
  const dP = tf.matMul(dO, v, false, true);
  const dS = tf.mul(tf.mul(P, tf.sub(dP, tf.sum(tf.mul(P, dP), -1, true))), scale) as tf.Tensor4D;
  return {
    q: () => tf.reshape(tf.matMul(dS, k), q.shape),
    k: () => tf.matMul(dS, Q, true, false),
    v: () => tf.matMul(P, dO, true, false),
  };
};
