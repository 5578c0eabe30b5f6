// Generated from solutions/performer.ts by `npx workbook release performer`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("performer");

/**
 * Exercises to "Rethinking Attention with Performers" (notebooks/2020-performer.ipynb).
 *
 * Shapes here have no batch and no heads, so that nothing hides the idea: T queries and S keys of width D, values of width E,
 * and m random vectors w.
 *
 * Write the answers with tfjs: `workbook/variants/performer` and `workbook/random-features` hold what is asked for, and
 * cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How many independent positive features does one weight need, so that its standard deviation is the share `delta` of the weight
 * itself? Take the pair after scaling: x = q / D^(1/4) and y = k / D^(1/4). The answer need not be whole.
 *
 * @param zz ‖x + y‖²
 * @param delta 0.1 for ten per cent
 */
export function featuresNeeded(zz: number, delta: number): number {
  throw new Todo("featuresNeeded");
}

// Exercise 2: An implementation

/**
 * Positive random features, with nothing subtracted for stability: [exp(w_i·x / D^(1/4) − ‖x‖² / (2√D))] / √m.
 *
 * @param x queries or keys `[T, D]`, of moderate length
 * @param w `[m, D]`
 * @returns `[T, m]`
 */
export function positive(x: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("positive");
}

// Exercise 3: Orthogonal vectors that are still Gaussian

/**
 * Make the rows of `gaussian` orthogonal by Gram and Schmidt's procedure, from the first to the last, and give each the length
 * that `lengths` says. Only D vectors of width D can be orthogonal: after D rows a new block starts afresh, and the last
 * block may be shorter.
 *
 * @param gaussian `[m, D]`
 * @param lengths `[m]`
 * @returns `[m, D]`
 */
export function orthogonalise(gaussian: tf.Tensor2D, lengths: tf.Tensor1D): tf.Tensor2D {
  throw new Todo("orthogonalise");
}

// Exercise 4: Repair

/**
 * Features of keys are exponentials, and exponentials overflow: exp(100) is infinite in float32. Return exp(exponents − c) with a
 * c such that nothing overflows, the largest feature is 1, and attention over these features gives **the same outputs**
 * as over exp(exponents), whatever the query.
 *
 * @param exponents w_i·k_s / D^(1/4) − ‖k_s‖² / (2√D), one row for each key: `[S, m]`
 * @returns `[S, m]`
 */
export function stableKeys(exponents: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("stableKeys");
}

// Exercise 5: Graded on complexity

/**
 * FAVOR+, where every query sees every key: row t is Σ_s (φ(q_t)·φ(k_s)) v_s / Σ_s φ(q_t)·φ(k_s), with positive features.
 *
 * Right answers earn half of the points, also where exponents are moderate only after something is subtracted; the other
 * half is for operations and memory that grow like T.
 *
 * @param q `[T, D]`
 * @param k `[S, D]`
 * @param v `[S, E]`
 * @param w `[m, D]`
 * @returns `[T, E]`
 */
export function favor(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("favor");
}

// Quiz: answer with one of the words in the type, or with a number.

/** By which factor must m grow to halve the standard deviation of an estimated weight? */
export const halveTheError: number = todo("halveTheError");

/** Which key is weighted without any error by positive features, whatever w is: the query itself, its opposite, or one at a right angle? */
export const withoutError: "the query" | "its opposite" | "at a right angle" = todo("withoutError");

/** With which features can the denominator of attention come out negative? */
export const negativeDenominator: "positive" | "trigonometric" | "both" | "neither" = todo("negativeDenominator");

/** All keys share one maximum, and ε > 0 is added after it. Can a later key change the output of an earlier token in the causal form? */
export const laterKeyLeaks: "yes" | "no" = todo("laterKeyLeaks");
