// Generated from solutions/longformer.ts by `npx workbook release longformer`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("longformer");

/**
 * Exercises to "Longformer: The Long-Document Transformer" (notebooks/2020-longformer.ipynb).
 *
 * One head without a batch, so that nothing hides the idea: T positions, inputs of width C, queries, keys and values of width D.
 * A window of w (always even) reaches w/2 positions to each side, both ends included.
 *
 * Write the answers with tfjs: `workbook/variants/longformer`, `workbook/variants/longformer-blocks`,
 * `workbook/variants/longformer-layer`, `workbook/variants/longformer-pattern`, `workbook/identities/longformer` and
 * `workbook/learn/longformer-mixer` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How many query-key pairs a dilated window lets meet in a sequence of `T` positions: all (i, j) with
 * j = i + m · dilation for a whole m from −w/2 to w/2, both i and j inside the sequence. No global tokens.
 *
 * You may take for granted that the window fits: (w/2) · dilation < T.
 */
export function windowPairs(T: number, window: number, dilation: number): number {
  throw new Todo("windowPairs");
}

// Exercise 2: An implementation

/** What a head multiplies its inputs with, `[C, D]` each. */
export type Projections = {
  readonly wq: tf.Tensor2D;
  readonly wk: tf.Tensor2D;
  readonly wv: tf.Tensor2D;
};

/**
 * One Longformer head, by its definition. A T × T table of scores is fine here.
 *
 * A token that is not global attends to its window and to all global tokens, in one softmax, through the projections
 * `local`. A global token attends to everything, through the projections `global`.
 *
 * @param x inputs `[T, C]`
 * @param window w; |i − j| ≤ w/2 is inside
 * @param globals positions of the global tokens; may be empty
 * @returns `[T, D]`
 */
export function longformerHead(
  x: tf.Tensor2D,
  local: Projections,
  global: Projections,
  window: number,
  globals: number[],
): tf.Tensor2D {
  throw new Todo("longformerHead");
}

// Exercise 3: Graded on complexity

/**
 * A sliding window without dilation and without global tokens, whose operations and memory grow like T.
 *
 * Right answers earn half of the points; the other half is for linear growth. Loops over positions are not graded on
 * time, but blocks are the better answer.
 *
 * @param q,k queries and keys `[T, D]`
 * @param v values `[T, D]`
 * @param window w; T may be anything, also smaller than w or no multiple of it
 * @returns `[T, D]`
 */
export function slidingWindow(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, window: number): tf.Tensor2D {
  throw new Todo("slidingWindow");
}

// Exercise 4: One softmax out of two

/**
 * Somebody attended twice with the same queries: once to one set of keys, once to another set, with a softmax for each.
 * Put the two results together, so that they equal attention with **one** softmax over both sets.
 *
 * Besides its output each part kept, for every query, the logarithm of the sum of its exponentials:
 * lse = ln Σ_j exp(q · k_j / √D) over the part's keys j.
 *
 * @param outputA,outputB the parts' outputs `[T, D]`
 * @param lseA,lseB `[T]`; may be as large as 1,000 or as small as −1,000
 * @returns `[T, D]`
 */
export function oneSoftmax(
  outputA: tf.Tensor2D,
  lseA: tf.Tensor1D,
  outputB: tf.Tensor2D,
  lseB: tf.Tensor1D,
): tf.Tensor2D {
  throw new Todo("oneSoftmax");
}

// Exercise 5: The idea, not the formula

/**
 * Your model has `layers` layers of windows w and **no** global token. You may choose one dilation for each layer, a whole number
 * of at least 1. Choose them so that the last layer's output at a position depends on **every** input within some distance R to
 * both sides, without a hole, and so that R is as large as it can be.
 *
 * (The same dilation everywhere looks far, but leaves holes. Why? And what would be the largest R that anybody could hope for?)
 *
 * @returns the dilations, one for each layer
 */
export function dilations(window: number, layers: number): number[] {
  throw new Todo("dilations");
}

// Quiz: answer with a number, or with one of the words in the type.

/**
 * A stack of layers with w = 512 and no dilation reads 4,096 tokens, without a global token. How many layers does it take
 * before the output at the first position can depend on the last input?
 */
export const layersToCross: number = todo("layersToCross");

/** And with one global token, and any w? The fewest layers after which every output can depend on every input. */
export const layersWithOneGlobalToken: number = todo("layersWithOneGlobalToken");

/** You make every 64th token global, however long the sequence, and keep w. How does the number of scores grow with T? */
export const everySixtyFourthGlobal: "T" | "T log T" | "T²" = todo("everySixtyFourthGlobal");

/**
 * You double w. What happens to the distance that a stack of layers can look, and to its cost by blocks (for T far above w)?
 */
export const doublingTheWindow: "both double" | "only the distance doubles" | "only the cost doubles" = todo("doublingTheWindow");
