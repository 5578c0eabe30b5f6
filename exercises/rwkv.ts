// Generated from solutions/rwkv.ts by `npx workbook release rwkv`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("rwkv");

/**
 * Exercises to "RWKV: Reinventing RNNs for the Transformer Era" (notebooks/2023-rwkv.ipynb).
 *
 * Shapes here have no batch: T tokens, C channels. Each channel c has its own decay w[c], the logarithm of what is left of a weight
 * after one token (0 or less), and its own bonus u[c].
 *
 * Write the answers with tfjs: `workbook/variants/rwkv`, `workbook/variants/rwkv-sums`, `workbook/variants/rwkv-block` and
 * `workbook/learn/rwkv-mixer` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * All keys of a channel are equal. Which share of its output comes from the newest token's own value, once `t` tokens have been
 * read, the newest among them? A formula, with no loop.
 *
 * @param t tokens, 1 or more
 * @param w the decay, below 0
 * @param u the bonus
 * @returns the weight of v_t, divided by the sum of all weights
 */
export function ownShare(t: number, w: number, u: number): number {
  throw new Todo("ownShare");
}

// Exercise 2: An implementation

/**
 * WKV from its definition; any cost will do, and keys are small here.
 *
 * @param w decays `[C]`
 * @param u bonuses `[C]`
 * @param k keys `[T, C]`
 * @param v values `[T, C]`
 * @returns `[T, C]`: row t averages v_1 … v_t with the weights e^((t−1−i) w + k_i) for i < t, and e^(u + k_t) for i = t.
 */
export function average(w: tf.Tensor1D, u: tf.Tensor1D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("average");
}

// Exercise 3: Graded on complexity

/**
 * The same result token by token, for keys of any size: the state is a numerator, a denominator and a running maximum for each
 * channel.
 *
 * Right answers earn half of the points; the other half is for operations and memory that grow like T. Keys reach ±1,000 here, so
 * that e^(k) alone overflows.
 */
export function stableAverage(w: tf.Tensor1D, u: tf.Tensor1D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("stableAverage");
}

// Exercise 4: Two texts in one

/** What is known of a text: a = Σ e^(s_i − m) v_i, b = Σ e^(s_i − m), where s_i = k_i + (n − i) w of its n tokens; `[C]` each. */
export type Summary = { a: tf.Tensor1D; b: tf.Tensor1D; m: tf.Tensor1D };

/**
 * Two summaries of texts that follow one another, made one: what a reader would know who had read both in a row. Nobody
 * remembers the tokens, and no loop is needed.
 *
 * The m of the result may be any number as long as a and b fit it; but keep a and b finite, and b away from 0, also where the m's
 * are ±1,000. A text without tokens has a = b = 0 and m = −1e38.
 *
 * @param first of the earlier text
 * @param second of the later text
 * @param length how many tokens the later text has
 * @param w decays `[C]`
 */
export function bothTexts(first: Summary, second: Summary, length: number, w: tf.Tensor1D): Summary {
  throw new Todo("bothTexts");
}

// Exercise 5: Keys that undo forgetting

/**
 * One channel with a decay of w. You choose the key of each token, so that when one more token comes, which weighs nothing itself,
 * the channel puts out the **mean of the marked tokens**, whatever the others are. The channel forgets; your keys must make up for
 * it.
 *
 * @param marked 1 where the token is marked and 0 where not; at least one is
 * @param w below 0; the weight that a token has kept when it is j tokens older is e^(j w)
 * @returns a finite key for each token; in floating point, e^(−200) is as good as nothing
 */
export function keysForMean(marked: number[], w: number): number[] {
  throw new Todo("keysForMean");
}

// Quiz: answer with one of the words in the type, or with a number.

/** Tokens 1 to 5 have been read, all keys are 0, and u = 0. By which factor has the weight of token 3 decayed when token 5 is the newest? */
export const decayOfTokenThree: "e^(2w)" | "e^w" | "1" = todo("decayOfTokenThree");

/** RWKV's block of width C = 768: how many numbers does it keep for the next token, in time mixing and channel mixing together? */
export const numbersKept: number = todo("numbersKept");

/** Five is added to every key of one channel. What happens to that channel's outputs? */
export const raisedKeys: "nothing" | "they grow by e^5" | "older tokens count more" = todo("raisedKeys");

/** A token wants to look up the value that followed one particular earlier token among a thousand. Which part of RWKV compares the two? */
export const whoCompares: "receptance and key" | "key and value" | "none" = todo("whoCompares");
