/**
 * How a window is laid over blocks: what makes Longformer's attention linear (arXiv:2004.05150, section 3.2, "chunks").
 *
 * Identity (test/variants/longformer.test.ts): attention over these blocks equals attention under the dense mask.
 * Here L counts positions of one sequence, N blocks, c positions of a block, F whatever a position holds.
 */

import * as tf from "@tensorflow/tfjs";
import { MASK_VALUE } from "../attention.js";

/** `[B, H, T, F]` → `[B d, H, ⌈T/d⌉, F]`: row b d + a holds positions a, a + d, a + 2 d, … of b, and zeros at the end. */
export function remainders(x: tf.Tensor4D, d: number): tf.Tensor4D {
  const [B, H, T, F] = x.shape;
  if (d === 1) return x;
  const L = Math.ceil(T / d);
  return tf.tidy(() => {
    const steps = tf.reshape(padTime(x, 0, L * d - T), [B, H, L, d, F]);
    return tf.reshape(tf.transpose(steps, [0, 3, 1, 2, 4]), [B * d, H, L, F]);
  });
}

/** Undoes `remainders`, and drops what lies beyond T: `[B d, H, L, F]` → `[B, H, T, F]`. */
export function inOrder(x: tf.Tensor4D, d: number, T: number): tf.Tensor4D {
  const [rows, H, L, F] = x.shape;
  return tf.tidy(() => {
    const steps = tf.transpose(tf.reshape(x, [rows / d, d, H, L, F]), [0, 2, 3, 1, 4]);
    const joined: tf.Tensor4D = tf.reshape(steps, [rows / d, H, L * d, F]);
    return tf.slice(joined, [0, 0, 0, 0], [rows / d, H, T, F]);
  });
}

export interface Frame {
  /** Blocks of c positions each. */
  readonly N: number;
  readonly c: number;
  /** Positions of the neighbouring blocks that come along, at most c each: none, some before, or some on both sides. */
  readonly before: number;
  readonly after: number;
}

/** `[B, H, L, F]` → `[B, H, N, before + c + after, F]`, with zeros beyond both ends; `alongside` is joined to each block. */
export function frame(
  x: tf.Tensor4D,
  { N, c, before, after }: Frame,
  alongside: readonly tf.Tensor5D[] = [],
): tf.Tensor5D {
  const [B, H, L, F] = x.shape;
  return tf.tidy(() => {
    if (before + after === 0) return tf.reshape(padTime(x, 0, N * c - L), [B, H, N, c, F]);
    const chunks = tf.reshape(padTime(x, c, (N + 1) * c - L), [B, H, N + 2, c, F]);
    const cut = (block: number, from: number, length: number) =>
      tf.slice(chunks, [0, 0, block, from, 0], [B, H, N, length, F]) as tf.Tensor5D;
    const [left, own, right] = [cut(0, c - before, before), cut(1, 0, c), cut(2, 0, after)];
    return tf.concat([left, own, ...(after === 0 ? [] : [right]), ...alongside], 3);
  });
}

/** `[B, H, g, F]` → `[B d, H, N, g, F]`, the same for every block. Added to zeros: `tf.tile` has no gradient at rank 5. */
export function forEveryBlock(x: tf.Tensor4D, d: number, N: number): tf.Tensor5D {
  const [B, H, g, F] = x.shape;
  return tf.tidy(() => {
    const spread = tf.add(tf.zeros([B, d, H, N, g, F]), tf.reshape(x, [B, 1, H, 1, g, F]));
    return tf.reshape(spread, [B * d, H, N, g, F]);
  });
}

/** 0 where key b of a block's surroundings is in the window of its query a or global, MASK_VALUE elsewhere: `[c, K + g]`. */
export function windowBias({ c, before: r, after }: Omit<Frame, "N">, g: number): tf.Tensor2D {
  const [K, width] = [r + c + after, r + c + after + g];
  const bias = new Float32Array(c * width);
  for (let a = 0; a < c; a++) {
    bias.fill(MASK_VALUE, a * width, a * width + a);
    bias.fill(MASK_VALUE, a * width + a + r + after + 1, a * width + K);
  }
  return tf.tensor2d(bias, [c, width]);
}

function padTime(x: tf.Tensor4D, before: number, after: number): tf.Tensor4D {
  if (before + after === 0) return x;
  return tf.pad(x, [
    [0, 0],
    [0, 0],
    [before, after],
    [0, 0],
  ]);
}
