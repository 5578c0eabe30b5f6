/**
 * Exercises to "Attention Is All You Need" (notebooks/2017-transformer.ipynb).
 *
 * Shapes here have no batch and no heads, so that nothing hides the idea: T positions, width D or C.
 *
 * Write the answers with tfjs: `workbook/attention`, `workbook/block-sparse`, `workbook/packed-attention`,
 * `workbook/variants/transformer` and `workbook/learn/mixer` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * The variance of the dot product of two random vectors of length `d`: all entries are independent with mean 0,
 * those of q have variance `varianceQ`, those of k have variance `varianceK`.
 */
export function dotProductVariance(d: number, varianceQ: number, varianceK: number): number {
  // BEGIN SOLUTION
  return d * varianceQ * varianceK;
  // END SOLUTION
}

// Exercise 2: An implementation

/**
 * Causal scaled dot-product attention of one head.
 *
 * @param q queries `[T, D]`
 * @param k keys `[T, D]`
 * @param v values `[T, E]`
 * @returns `[T, E]`: row t is an average of rows 0 … t of v, weighted by softmax(q_t · k_s / √D) over s ≤ t.
 */
export function causalAttention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  // BEGIN SOLUTION
  const [T, D] = q.shape;
  const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(D)); // [T, T]
  const positions = tf.range(0, T);
  const visible = tf.lessEqual(positions, tf.reshape(positions, [T, 1]));
  return tf.matMul(tf.softmax(tf.where(visible, scores, -1e9)), v) as tf.Tensor2D;
  // END SOLUTION
}

// Exercise 3: A cost formula

/**
 * The sequence length T at which the two score products (Q Kᵀ and P V, all heads together) need as many FLOPs as
 * the feed-forward block of inner width `ratio` · `C`. Count a multiply-add as 2 FLOPs and do not subtract masked
 * scores.
 */
export function crossoverLength(C: number, ratio: number): number {
  // BEGIN SOLUTION
  // 4 T² C = 4 ratio T C²
  return ratio * C;
  // END SOLUTION
}

// Exercise 4: Graded on complexity

/**
 * Causal self-attention of one head, but only the output of the **last** position, as when generating text.
 *
 * Right answers earn half of the points; the other half is for operations and memory that grow like T, not T².
 *
 * @param x inputs `[T, C]`
 * @param wq,wk,wv projections `[C, D]`
 * @returns `[1, D]`
 */
export function lastOutput(x: tf.Tensor2D, wq: tf.Tensor2D, wk: tf.Tensor2D, wv: tf.Tensor2D): tf.Tensor2D {
  // BEGIN SOLUTION
  const [T, C] = x.shape;
  const q = tf.matMul(tf.slice(x, [T - 1, 0], [1, C]), wq); // [1, D]
  const k = tf.matMul(x, wk); // [T, D]
  const v = tf.matMul(x, wv); // [T, D]
  const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(wq.shape[1])); // [1, T]
  return tf.matMul(tf.softmax(scores), v) as tf.Tensor2D;
  // END SOLUTION
}

// Exercise 5: The idea, not the formula

/**
 * Somebody hands you sinusoidal encodings of a few positions, without telling which positions. Return the
 * encodings of the positions `shift` later.
 *
 * @param encodings `[T, C]`, C even; column 2i is sin(p ωᵢ), column 2i + 1 is cos(p ωᵢ), ωᵢ = 10000^(−2i/C)
 * @param shift how many positions later; may be negative or fractional
 * @returns `[T, C]`
 */
export function shiftPositions(encodings: tf.Tensor2D, shift: number): tf.Tensor2D {
  // BEGIN SOLUTION
  const [T, C] = encodings.shape;
  const angles = tf.tensor1d(Array.from({ length: C / 2 }, (_, i) => shift * 10_000 ** ((-2 * i) / C)));
  const pairs = tf.reshape(encodings, [T, C / 2, 2]);
  const [sin, cos] = tf.unstack(pairs, 2) as [tf.Tensor2D, tf.Tensor2D]; // [T, C/2] each
  const later = [
    tf.add(tf.mul(sin, tf.cos(angles)), tf.mul(cos, tf.sin(angles))),
    tf.sub(tf.mul(cos, tf.cos(angles)), tf.mul(sin, tf.sin(angles))),
  ];
  return tf.reshape(tf.stack(later, 2), [T, C]);
  // END SOLUTION
}

// Quiz: answer with one of the words in the type.

/**
 * A layer of width 512 changes from 8 heads of width 64 to 16 heads of width 32. What happens to the bytes of its
 * attention patterns?
 */
export const patternsWithTwiceTheHeads: "halve" | "stay" | "double" =
  // BEGIN SOLUTION
  "double";
// END SOLUTION

/** And to the FLOPs of Q Kᵀ and P V, all heads together? */
export const flopsWithTwiceTheHeads: "halve" | "stay" | "double" =
  // BEGIN SOLUTION
  "stay";
// END SOLUTION

/**
 * A layer with C = 1024 and an FFN of inner width 4 C reads 2,048 tokens instead of 1,024. By which factor do the FLOPs
 * of the whole layer (projections, scores, FFN) grow? A number, right to two decimals.
 */
export const growthFromDoubling: number =
  // BEGIN SOLUTION
  64 / 28;
// END SOLUTION

/**
 * Without position encodings, full attention is blind to order. Is **causal** attention, whose position t sees
 * only 0 … t, blind to the order of the tokens before t as well, when the model has a single layer?
 */
export const oneCausalLayerIsBlindToEarlierOrder: "yes" | "no" | "only without softmax" =
  // BEGIN SOLUTION
  "yes";
// END SOLUTION
