/**
 * Longformer's window by fused kernels, on backends that have them: one for the window, one for the global keys, joined by
 * their log-sum-exps. Nothing of size T w is stored.
 *
 *   o = (e^(λ₁ − m) o₁ + e^(λ₂ − m) o₂) / (e^(λ₁ − m) + e^(λ₂ − m)),  λ = ln Σ e^score of each part,  m = max(λ₁, λ₂)
 *
 * Identity (test/variants/longformer.test.ts): equals the form by blocks, and so do its gradients.
 */

import * as tf from "@tensorflow/tfjs";
import { type AttentionPart, fusedPart } from "../attention.js";
import { inOrder, remainders } from "./longformer-blocks.js";

export interface FusedWindow {
  /** Queries and keys `[B, H, T, D]`, values `[B, H, T, E]`. */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** w/2, in steps of the dilation. */
  readonly radius: number;
  readonly dilation: number;
  readonly causal: boolean;
  /** 1 where there is a token: `[B or 1, 1, T, 1]`. */
  readonly present: tf.Tensor4D;
  /** The same without the global tokens. */
  readonly inWindow: tf.Tensor4D;
  /** The g global positions. */
  readonly positions: readonly number[];
}

/** What every query sees of its window and of the global keys, `[B, H, T, E]`; undefined where there is no such kernel. */
export function fusedWindow(options: FusedWindow): tf.Tensor4D | undefined {
  return tf.tidy(() => {
    const { q, k, v, radius, dilation: d, causal, inWindow, positions } = options;
    const T = q.shape[2];
    // The positions of one remainder modulo d are a sequence by themselves, with an ordinary window.
    const [qs, ks, vs, seen] = [q, k, v, inWindow].map((x) => remainders(x, d)) as Four;
    const window = fusedPart({ q: qs, k: ks, v: vs, mask: keysMask(seen), causal, radius });
    if (window === undefined) return undefined;
    const near = { out: inOrder(window.out, d, T), lse: inOrder(window.lse, d, T) };
    if (positions.length === 0) return near.out;
    const [kg, vg] = [tf.gather(k, positions, 2), tf.gather(v, positions, 2)];
    return joined(near, fusedPart({ q, k: kg, v: vg, mask: globalsMask(options) })!);
  });
}

type Four = [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

/** One softmax over the keys of both parts. */
function joined(a: AttentionPart, b: AttentionPart): tf.Tensor4D {
  const m = tf.maximum(a.lse, b.lse);
  const [x, y] = [tf.exp(tf.sub(a.lse, m)), tf.exp(tf.sub(b.lse, m))]; // [B, H, T, 1]
  return tf.div(tf.add(tf.mul(x, a.out), tf.mul(y, b.out)), tf.add(x, y));
}

/** True where a global key may be seen, `[B or 1, 1, T or 1, g]`. */
function globalsMask({ q, present, causal, positions }: FusedWindow): tf.Tensor {
  const there = keysMask(tf.gather(present, positions, 2));
  if (!causal) return there;
  const times = tf.reshape(tf.range(0, q.shape[2]), [1, 1, -1, 1]);
  return tf.logicalAnd(tf.lessEqual(tf.tensor1d([...positions]), times), there);
}

/** `[·, 1, S, 1]` of zeros and ones → `[·, 1, 1, S]` of booleans. */
function keysMask(ones: tf.Tensor4D): tf.Tensor4D {
  return tf.cast(tf.transpose(ones, [0, 1, 3, 2]), "bool");
}
