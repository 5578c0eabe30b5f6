/**
 * Start here: two small exercises that show how exercises work. A minute each.
 *
 * Attention turns scores into weights (the first exercise), one score for each pair of a query with a key that it
 * may see (the second exercise counts the pairs).
 */

import * as tf from "@tensorflow/tfjs";

/**
 * The softmax of each row: positive weights that sum to one.
 *
 *   softmax(x)ᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)
 *
 * Scores may be large: exp(1000) overflows. Adding a constant to a whole row changes nothing, which helps.
 *
 * @param scores `[T, S]`
 * @returns weights, `[T, S]`
 */
export function softmax(scores: tf.Tensor2D): tf.Tensor2D {
  // BEGIN SOLUTION
  const shifted = tf.sub(scores, tf.max(scores, 1, true)); // [T, S]
  const powers = tf.exp(shifted);
  return tf.div(powers, tf.sum(powers, 1, true));
  // END SOLUTION
}

/**
 * How many pairs of a query and a key does causal attention score in a text of T tokens?
 *
 * Each token is a query, and sees itself and every token before it.
 *
 * @param T how many tokens, a whole number of at least 1
 */
export function causalPairs(T: number): number {
  // BEGIN SOLUTION
  return (T * (T + 1)) / 2;
  // END SOLUTION
}
