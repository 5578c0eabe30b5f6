/**
 * Which tiles of the table of scores there are, and what stands in one: FlashAttention's loops (Dao et al., 2022,
 * arXiv:2205.14135) without what happens in them.
 */

import * as tf from "@tensorflow/tfjs";
import { MASK_VALUE } from "../attention.js";

/** Positions from `from` up to, but without, `to`. */
export interface Block {
  readonly from: number;
  readonly to: number;
}

/** T queries and S keys; where causal, query t sees keys up to t + (S − T). */
export interface Table {
  readonly T: number;
  readonly S: number;
  readonly causal: boolean;
}

/** `length` positions in blocks of `size`; the last one may be shorter. */
export function blocks(length: number, size: number): Block[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(length, (i + 1) * size),
  }));
}

/** The rows of a block, `[B, H, t, D]`. */
export function rows(x: tf.Tensor4D, { from, to }: Block): tf.Tensor4D {
  const [B, H, , D] = x.shape;
  return tf.slice(x, [0, 0, from, 0], [B, H, to - from, D]);
}

/** True where no query of one block may see any key of the other: such a tile need not be computed. */
export function isHidden({ causal, T, S }: Table, queries: Block, keys: Block): boolean {
  return causal && keys.from > queries.to - 1 + S - T;
}

/** Scores of a block's queries `Q [B, H, t, D]`, scaled already, and of a block of all keys `k`; masked where the diagonal passes. */
export function tileScores(
  { causal, T, S }: Table,
  Q: tf.Tensor4D,
  k: tf.Tensor4D,
  queries: Block,
  keys: Block,
): tf.Tensor4D {
  return tf.tidy(() => {
    const s: tf.Tensor4D = tf.matMul(Q, rows(k, keys), false, true); // [B, H, t, s]
    if (!causal || keys.to - 1 <= queries.from + S - T) return s;
    const last = tf.reshape(tf.range(queries.from + S - T, queries.to + S - T), [-1, 1]);
    return tf.where(tf.lessEqual(tf.range(keys.from, keys.to), last), s, MASK_VALUE);
  });
}
