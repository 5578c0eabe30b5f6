// Generated from solutions/start-here.ts by `npx workbook release start-here`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("start-here");

/**
 * Start here: two small exercises that show how exercises work. A minute each.
 *
 * Attention turns scores into weights (the first exercise), one score for each pair of a query with a key that it
 * may see (the second exercise counts the pairs).
 */

import * as tf from "@tensorflow/tfjs";
import { Todo } from "workbook/grading/todo";

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
  throw new Todo("softmax");
}

/**
 * How many pairs of a query and a key does causal attention score in a text of T tokens?
 *
 * Each token is a query, and sees itself and every token before it.
 *
 * @param T how many tokens, a whole number of at least 1
 */
export function causalPairs(T: number): number {
  throw new Todo("causalPairs");
}
