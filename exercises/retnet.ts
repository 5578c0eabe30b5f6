// Generated from solutions/retnet.ts by `npx workbook release retnet`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("retnet");

/**
 * Exercises to "Retentive Network" (notebooks/2023-retnet.ipynb).
 *
 * Shapes here have no batch and one head, so that nothing hides the idea: T positions, keys of width D, values of width E, one
 * decay γ.
 *
 * Write the answers with tfjs: `workbook/variants/retnet`, `workbook/variants/retnet-layer`, `workbook/learn/retnet-mixer`,
 * `workbook/chunks`, `workbook/linear-attention` and `workbook/rotation` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * Which chunk length c needs the fewest operations for a token?
 *
 * For a chunk of c tokens, count: 2c²(D + E) for the weights inside of it and their product with the values, 4cDE for reading
 * the state and for what the chunk adds to it, and 2DE for carrying the state on (every entry of it is multiplied by γᶜ, and
 * then something is added to it). Divide by c, and find the minimum. The answer need not be whole.
 */
export function cheapestChunk(D: number, E: number): number {
  throw new Todo("cheapestChunk");
}

// Exercise 2: An implementation

/**
 * Retention of one head from its definition; any cost will do. Nothing is turned here.
 *
 * @param q queries `[T, D]`
 * @param k keys `[T, D]`
 * @param v values `[T, E]`
 * @param gamma γ, between 0 and 1
 * @returns `[T, E]`: row n is Σ_m γⁿ⁻ᵐ (q_n · k_m / √D) v_m over m ≤ n.
 */
export function retain(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, gamma: number): tf.Tensor2D {
  throw new Todo("retain");
}

// Exercise 3: Graded on complexity

/**
 * The same result in chunks of `chunk` positions: weights inside a chunk, one running state for all earlier ones.
 *
 * Right answers earn half of the points; the other half is for operations and memory that grow like T, not T², at a
 * fixed chunk length. The last chunk may be shorter, and a chunk may be longer than T.
 */
export function retainInChunks(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  gamma: number,
  chunk: number,
): tf.Tensor2D {
  throw new Todo("retainInChunks");
}

// Exercise 4: Repair

/**
 * D of equation 5, `[T, T]`: γⁿ⁻ᵐ in row n, column m, where m ≤ n, and 0 above the diagonal.
 *
 * The obvious way follows equation 3: γⁿ⁻ᵐ = γⁿ · γ⁻ᵐ, a column of powers times a row of powers, and then zeros above the
 * diagonal:
 *
 *     const [n, m] = [tf.reshape(tf.range(0, T), [T, 1]), tf.range(0, T)];
 *     const D = tf.mul(tf.pow(gamma, n), tf.pow(gamma, tf.neg(m)));
 *
 * With γ = 0.5 and T = 300 it is full of NaN: in float32 0.5²⁹⁹ is 0, and 0.5⁻²⁹⁹ is infinite. Write one that is right for
 * every γ between 0 and 1.
 */
export function decayTable(T: number, gamma: number): tf.Tensor2D {
  throw new Todo("decayTable");
}

// Exercise 5: Without counting

/**
 * The library turns query n by n θ and key m by m θ, so whoever generates text must know how many tokens there were. Do
 * without: queries and keys stay as they are, and the **state** turns.
 *
 * Pair i of a vector are its entries 2i and 2i + 1. Turning a pair (a, b) by an angle α gives
 * (a cos α − b sin α, a sin α + b cos α).
 *
 * @param state `[D, E]`, what your function returned for the token before; zeros before the first
 * @param k the new token's key, `[1, D]`, not turned
 * @param v its value, `[1, E]`
 * @param gamma γ
 * @param angles θ, radians a position, one for each pair of entries of a key: D / 2 of them
 * @returns `[D, E]`: the new state S, such that q S / √D, with a query that is not turned, is retention's row for it.
 */
export function turningState(
  state: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  gamma: number,
  angles: number[],
): tf.Tensor2D {
  throw new Todo("turningState");
}

// Quiz: answer with one of the words in the type, or with a number.

/** A layer has 8 heads with the decays of equation 8. The weights of its slowest head, γ⁰ + γ¹ + γ² + …, sum to what? */
export const memoryOfSlowestHead: number = todo("memoryOfSlowestHead");

/** All keys of one head become ten times as long. What happens to what the layer returns? (Let the norm's ε be 0.) */
export const tenfoldKeys: "nothing" | "that head counts ten times" | "its weights become sharper" = todo("tenfoldKeys");

/**
 * The paper's heads: queries and keys of width 256, values of width 512, in a model of width C. After how many tokens does a
 * Transformer of the same width C, with its keys and values of C numbers each, keep as much in a layer as RetNet's states do?
 */
export const tokensUntilEven: number = todo("tokensUntilEven");

/**
 * "A token that stands further back always weighs less than a nearer one." Is that true of retention's weights
 * γⁿ⁻ᵐ (q_n · k_m)?
 */
export const nearerWeighsMore: "always" | "never" | "it depends on the keys" = todo("nearerWeighsMore");
