// Generated from solutions/hyena.ts by `npx workbook release hyena`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("hyena");

/**
 * Exercises to "Hyena Hierarchy" (notebooks/2023-hyena.ipynb).
 *
 * Shapes here have no batch: C channels in rows, T positions in columns, so that a row is one channel's text.
 *
 * Write the answers with tfjs, `tf.spectral` included: `workbook/variants/hyena`, `workbook/variants/hyena-layer` and
 * `workbook/fft` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How long must the circle be?
 *
 * An input of `T` numbers meets a filter of `K` numbers, K ≤ T, on a circle of n places: both get zeros behind them up to n, and the
 * product of input s and filter entry r lands at place (s + r) mod n. Nobody looks at outputs before `first`: only the outputs
 * first … T − 1 must be those of the causal convolution. What is the smallest n?
 */
export function smallestCircle(T: number, K: number, first: number): number {
  throw new Todo("smallestCircle");
}

// Exercise 2: An implementation

/**
 * Hyena of any order, from definition 3.1; any cost will do.
 *
 * @param v `[C, T]`
 * @param gates x¹ … xᴺ `[N, C, T]`
 * @param filters h¹ … hᴺ `[N, C, T]`: entry k weighs what was k positions ago
 * @returns `[C, T]`: z after the last order, where z starts as v and each order makes xⁿ · (hⁿ * z) of it.
 */
export function hyenaOperator(v: tf.Tensor2D, gates: tf.Tensor3D, filters: tf.Tensor3D): tf.Tensor2D {
  throw new Todo("hyenaOperator");
}

// Exercise 3: Graded on complexity

/**
 * The causal convolution of each row with its filter: entry t is Σ_(s≤t) h[t − s] u[s].
 *
 * Right answers earn half of the points; the other half is for operations that grow like T log T, and memory that grows like T.
 * `tf.spectral.rfft` and `tf.spectral.irfft` transform the rows of a matrix, and are fastest where their length is a power of two.
 *
 * @param u `[C, T]`
 * @param h `[C, T]`
 * @returns `[C, T]`
 */
export function fastConvolution(u: tf.Tensor2D, h: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("fastConvolution");
}

// Exercise 4: Backwards

/**
 * tfjs cannot differentiate its Fourier transforms, so a model that trains needs the gradient in your own words.
 *
 * y = h * u is the causal convolution of exercise 3, and L some loss. Given g = ∂L/∂y, return ∂L/∂u. Use your `fastConvolution`, with
 * no transform and no sum besides it.
 *
 * @param g `[C, T]`
 * @param h `[C, T]`
 * @returns `[C, T]`
 */
export function gradientThrough(g: tf.Tensor2D, h: tf.Tensor2D): tf.Tensor2D {
  throw new Todo("gradientThrough");
}

// Exercise 5: Recall, without training

/**
 * Set the gates and filters of order 2 by hand, so that Hyena looks things up.
 *
 * A text alternates keys and values, sometimes with other tokens in between. Where a key stands, the output must say how often each
 * value has directly followed that key so far; everywhere else it must be 0. Channels do not talk to each other, so take one for
 * each pair of a key i and a value j, channel i · V + j. The test runs y = x² · (h² * (x¹ · (h¹ * v))) and adds up, for each j,
 * the channels of all i.
 *
 * @param keys `[T, K]`: a 1 in column i where key i stands, else 0
 * @param values `[T, V]`: a 1 in column j where value j stands, else 0
 * @returns v, x¹, x², h¹ and h², `[K V, T]` each
 */
export function recallByGates(
  keys: tf.Tensor2D,
  values: tf.Tensor2D,
): { v: tf.Tensor2D; x1: tf.Tensor2D; x2: tf.Tensor2D; h1: tf.Tensor2D; h2: tf.Tensor2D } {
  throw new Todo("recallByGates");
}

// Quiz: answer with one of the words in the type, or with a number.

/** The filters are made for texts twice as long. What happens to the number of parameters in them? */
export const longerFilters: "it stays the same" | "it doubles" | "it grows like log T" = todo("longerFilters");

/**
 * Hyena of order 3 over one text: how many Fourier transforms (there or back) does each channel need, if filters are known only as
 * numbers h?
 */
export const transformsOfOrder3: number = todo("transformsOfOrder3");

/** After T tokens one more is to be generated, with filters of any shape. What does one convolution cost for it? */
export const oneMoreToken: "the same at every T" | "it grows like T" | "it grows like T log T" = todo("oneMoreToken");

/** Five tokens of zeros are put before a text. What happens to the outputs, as long as everything fits the filters' length? */
export const movedText: "they move by five" | "they change" | "they stay where they are" = todo("movedText");
