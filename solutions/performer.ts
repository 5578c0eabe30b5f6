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

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How many independent positive features does one weight need, so that its standard deviation is the share `delta` of the weight
 * itself? Take the pair after scaling: x = q / D^(1/4) and y = k / D^(1/4). The answer need not be whole.
 *
 * @param zz ‖x + y‖²
 * @param delta 0.1 for ten per cent
 */
export function featuresNeeded(zz: number, delta: number): number {
  // BEGIN SOLUTION
  // Relative variance (e^‖x+y‖² − 1) / m = delta².
  return Math.expm1(zz) / delta ** 2;
  // END SOLUTION
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
  // BEGIN SOLUTION
  const scaled = tf.div<tf.Tensor2D>(x, x.shape[1] ** 0.25);
  const half = tf.div(tf.sum(tf.square(scaled), 1, true), 2); // [T, 1]
  const exponents = tf.sub(tf.matMul(scaled, w, false, true), half); // [T, m]
  return tf.div(tf.exp(exponents), Math.sqrt(w.shape[0]));
  // END SOLUTION
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
  // BEGIN SOLUTION
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const D = gaussian.shape[1];
  const directions: number[][] = [];
  gaussian.arraySync().forEach((row, i) => {
    let rest = row;
    for (const direction of directions.slice(i - (i % D))) {
      const along = dot(rest, direction);
      rest = rest.map((x, d) => x - along * direction[d]!);
    }
    const length = Math.sqrt(dot(rest, rest));
    directions.push(rest.map((x) => x / length));
  });
  return tf.mul(tf.tensor2d(directions), tf.expandDims(lengths, 1));
  // END SOLUTION
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
  // BEGIN SOLUTION
  // One factor for all keys and features cancels between numerator and denominator; no other does.
  return tf.exp(tf.sub(exponents, tf.max(exponents)));
  // END SOLUTION
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
  // BEGIN SOLUTION
  const exponents = (x: tf.Tensor2D): tf.Tensor2D => {
    const scaled = tf.div<tf.Tensor2D>(x, x.shape[1] ** 0.25);
    const half = tf.div(tf.sum(tf.square(scaled), 1, true), 2);
    return tf.sub(tf.matMul(scaled, w, false, true), half); // [T, m]
  };
  const ofQueries = exponents(q);
  // A query's own factor cancels, so each may have its own. ε keeps features that underflow above zero.
  const phiQ = tf.add<tf.Tensor2D>(tf.exp(tf.sub(ofQueries, tf.max(ofQueries, 1, true))), 1e-7);
  const phiK = tf.add<tf.Tensor2D>(stableKeys(exponents(k)), 1e-7);
  const state = tf.matMul(phiK, v, true, false); // [m, E]
  const sums = tf.reshape(tf.sum(phiK, 0), [-1, 1]) as tf.Tensor2D; // [m, 1]
  return tf.div(tf.matMul(phiQ, state), tf.matMul(phiQ, sums));
  // END SOLUTION
}

// Quiz: answer with one of the words in the type, or with a number.

/** By which factor must m grow to halve the standard deviation of an estimated weight? */
export const halveTheError: number =
  // BEGIN SOLUTION
  4;
// END SOLUTION

/** Which key is weighted without any error by positive features, whatever w is: the query itself, its opposite, or one at a right angle? */
export const withoutError: "the query" | "its opposite" | "at a right angle" =
  // BEGIN SOLUTION
  "its opposite";
// END SOLUTION

/** With which features can the denominator of attention come out negative? */
export const negativeDenominator: "positive" | "trigonometric" | "both" | "neither" =
  // BEGIN SOLUTION
  "trigonometric";
// END SOLUTION

/** All keys share one maximum, and ε > 0 is added after it. Can a later key change the output of an earlier token in the causal form? */
export const laterKeyLeaks: "yes" | "no" =
  // BEGIN SOLUTION
  "yes";
// END SOLUTION
