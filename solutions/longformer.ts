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

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How many query-key pairs a dilated window lets meet in a sequence of `T` positions: all (i, j) with
 * j = i + m · dilation for a whole m from −w/2 to w/2, both i and j inside the sequence. No global tokens.
 *
 * You may take for granted that the window fits: (w/2) · dilation < T.
 */
export function windowPairs(T: number, window: number, dilation: number): number {
  // BEGIN SOLUTION
  const r = window / 2;
  // Offset m has T − |m| d pairs; the two sides are alike: T + 2 Σ (T − m d), m = 1 … r
  return T * (window + 1) - dilation * r * (r + 1);
  // END SOLUTION
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
  // BEGIN SOLUTION
  const [T, D] = [x.shape[0], local.wq.shape[1]];
  const attend = ({ wq, wk, wv }: Projections, visible: tf.Tensor) => {
    const scores = tf.div(tf.matMul(tf.matMul(x, wq), tf.matMul(x, wk), false, true), Math.sqrt(D));
    return tf.matMul(tf.softmax(tf.where(visible, scores, -1e9)), tf.matMul(x, wv));
  };
  const i = tf.reshape(tf.range(0, T), [T, 1]);
  const near = tf.lessEqual(tf.abs(tf.sub(i, tf.range(0, T))), window / 2); // [T, T]
  const chosen = Array.from({ length: T }, (_, t) => globals.includes(t));
  const isGlobal = tf.tensor1d(chosen, "bool");
  const own = attend(local, tf.logicalOr(near, isGlobal)); // [T, D]
  const wide = attend(global, tf.onesLike(near)); // [T, D]
  return tf.where(tf.reshape(isGlobal, [T, 1]), wide, own) as tf.Tensor2D;
  // END SOLUTION
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
  // BEGIN SOLUTION
  const [T, D] = q.shape;
  const r = window / 2;
  const N = Math.ceil(T / r); // blocks of r queries; each sees its own block and its two neighbours
  const pad = (x: tf.Tensor2D, blocks: number) =>
    tf.pad(x, [
      [blocks * r, (N + blocks) * r - T],
      [0, 0],
    ]);
  const queries = tf.reshape(pad(q, 0), [N, r, D]);
  const around = (x: tf.Tensor2D) => {
    const chunks = tf.reshape(pad(x, 1), [N + 2, r, D]);
    return tf.concat(
      [0, 1, 2].map((n) => tf.slice(chunks, [n, 0, 0], [N, r, D])),
      1,
    ); // [N, 3r, D]
  };
  const scores = tf.div(tf.matMul(queries, around(k), false, true), Math.sqrt(D)); // [N, r, 3r]
  const i = tf.reshape(tf.range(0, N * r), [N, r, 1]);
  const j = tf.add(tf.reshape(tf.mul(tf.range(0, N), r), [N, 1, 1]), tf.range(-r, 2 * r)); // [N, 1, 3r]
  const near = tf.lessEqual(tf.abs(tf.sub(i, j)), r);
  const inside = tf.logicalAnd(tf.greaterEqual(j, 0), tf.less(j, T));
  const weights = tf.softmax(tf.where(tf.logicalAnd(near, inside), scores, -1e9));
  return tf.slice(tf.reshape(tf.matMul(weights, around(v)), [N * r, D]), [0, 0], [T, D]) as tf.Tensor2D;
  // END SOLUTION
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
  // BEGIN SOLUTION
  // A's share of all exponentials is e^a / (e^a + e^b) = sigmoid(a − b), which cannot overflow.
  const share = tf.expandDims(tf.sigmoid(tf.sub(lseA, lseB)), 1); // [T, 1]
  return tf.add(tf.mul(share, outputA), tf.mul(tf.sub(1, share), outputB)) as tf.Tensor2D;
  // END SOLUTION
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
  // BEGIN SOLUTION
  // A layer chooses one of w + 1 steps −w/2 … w/2: a digit. In base w + 1 every whole number has one spelling.
  return Array.from({ length: layers }, (_, n) => (window + 1) ** n);
  // END SOLUTION
}

// Quiz: answer with a number, or with one of the words in the type.

/**
 * A stack of layers with w = 512 and no dilation reads 4,096 tokens, without a global token. How many layers does it take
 * before the output at the first position can depend on the last input?
 */
export const layersToCross: number =
  // BEGIN SOLUTION
  16;
// END SOLUTION

/** And with one global token, and any w? The fewest layers after which every output can depend on every input. */
export const layersWithOneGlobalToken: number =
  // BEGIN SOLUTION
  2;
// END SOLUTION

/** You make every 64th token global, however long the sequence, and keep w. How does the number of scores grow with T? */
export const everySixtyFourthGlobal: "T" | "T log T" | "T²" =
  // BEGIN SOLUTION
  "T²";
// END SOLUTION

/**
 * You double w. What happens to the distance that a stack of layers can look, and to its cost by blocks (for T far above w)?
 */
export const doublingTheWindow: "both double" | "only the distance doubles" | "only the cost doubles" =
  // BEGIN SOLUTION
  "both double";
// END SOLUTION
