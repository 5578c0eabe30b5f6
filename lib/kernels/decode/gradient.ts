/**
 * The gradient of decode attention, out of tfjs's operations. Decoding happens when nothing is learned, so no kernel of its own is
 * worth its length.
 */

import * as tf from "@tensorflow/tfjs";
import { cacheMask } from "../../cache-mask.js";
import { attentionGradient } from "../composed-gradient.js";
import type { DecodeAttrs } from "../fused.js";

export const decodeGradient: tf.GradFunc = (dy, saved, attrs) => {
  const [q, k, v] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const { scale, lengths } = attrs as unknown as DecodeAttrs;
  const [[B, H, T], [, G, S]] = [q.shape, k.shape];
  const rows = (x: tf.Tensor): tf.Tensor4D => tf.reshape(x, [B, G, (T * H) / G, x.shape[3]!]);
  const mask = cacheMask({ lengths, T, S, group: H / G });
  const gradient = attentionGradient({ q: rows(q), k, v, mask, scale, dO: rows([dy].flat()[0]!) });
  return { ...gradient, q: () => tf.reshape(gradient.q(), q.shape) };
};
