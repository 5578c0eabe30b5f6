// Generated from solutions/mamba.ts by `npx workbook release mamba`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("mamba");

/**
 * Exercises to "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (notebooks/2023-mamba.ipynb).
 *
 * Shapes here have no batch: T tokens, D channels, N numbers of state for each channel.
 *
 * Write the answers with tfjs: `workbook/scan`, `workbook/variants/mamba` and `workbook/variants/mamba-block` hold what is
 * asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * After how many tokens does the key-value cache of one attention layer hold as many numbers as one Mamba block keeps?
 *
 * The layer has width `C`: a key and a value of C numbers for each token. The block has `E` channels with `N` numbers of state
 * each, and its convolution sees `W` tokens, the present one among them. Count everything that each of the two must keep for
 * the next token. The answer need not be whole.
 */
export function breakEvenTokens(C: number, E: number, N: number, W: number): number {
  throw new Todo("breakEvenTokens");
}

// Exercise 2: Repair

/**
 * What zero-order hold multiplies B x with: (exp(Δ a) − 1) / a, in float32, for each Δ. Written like that it is 0 or far off
 * for small Δ, because exp(Δ a) is so close to 1 that most digits are lost.
 *
 * @param delta step sizes `[T]`, from 0 to 1,000
 * @param a a number from −100 to −0.01
 * @returns `[T]`, right to four digits
 */
export function heldInput(delta: tf.Tensor1D, a: number): tf.Tensor1D {
  throw new Todo("heldInput");
}

// Exercise 3: An implementation, graded on complexity

/**
 * The selective scan by Euler's rule. In channel d, with one state h of N numbers that starts at zero:
 *
 *     h ← exp(Δ[t, d] A[d, :]) h + Δ[t, d] B[t, :] x[t, d],    y[t, d] = C[t, :] · h
 *
 * Right answers earn most of the points; the others are for operations that grow like T, and for memory that hardly grows with
 * N: keep one state, not the states of all tokens. (The outputs, T · D numbers, are yours to keep.)
 *
 * @param x inputs `[T, D]`
 * @param delta step sizes `[T, D]`
 * @param A `[D, N]`, negative
 * @param B `[T, N]`
 * @param C `[T, N]`
 * @returns `[T, D]`
 */
export function scan(
  x: tf.Tensor2D,
  delta: tf.Tensor2D,
  A: tf.Tensor2D,
  B: tf.Tensor2D,
  C: tf.Tensor2D,
): tf.Tensor2D {
  throw new Todo("scan");
}

// Exercise 4: Two steps in one

/**
 * The recurrence h_t = a_t h_(t−1) + u_t, t = 1 … T with T even, from h_0 = 0. Return a recurrence of **half** the length whose
 * states are h_2, h_4, …, h_T: join every two steps into one. No loop over T is needed.
 *
 * @param a what is left of the state, `[T, F]`, entry by entry
 * @param u what comes in, `[T, F]`
 * @returns a and u of the joined steps, `[T / 2, F]` each
 */
export function halved(a: tf.Tensor2D, u: tf.Tensor2D): { a: tf.Tensor2D; u: tf.Tensor2D } {
  throw new Todo("halved");
}

// Exercise 5: Choose the steps

/**
 * One channel with one number of state, A = −1, B = C = 1 and zero-order hold, so that
 *
 *     h ← e^(−Δ) h + (1 − e^(−Δ)) x
 *
 * You choose Δ for each token. After the last token h must be the **mean of the marked tokens**, whatever the others are, and
 * whatever h was before the first token. In floating point, a Δ of 100 is as good as infinity.
 *
 * @param marked 1 where the token is marked and 0 where not; at least one is
 * @returns Δ for each token, finite and not negative
 */
export function stepsForMean(marked: number[]): number[] {
  throw new Todo("stepsForMean");
}

// Quiz: answer with one of the words in the type, or with a number.

/** A model wants to pass over a token as if it had not been there. Which Δ does it choose? */
export const passOver: "Δ near 0" | "a large Δ" | "Δ = 1" = todo("passOver");

/** Which of these does **not** depend on the token in Mamba? */
export const fixed: "A" | "B" | "C" | "Δ" = todo("fixed");

/**
 * Steps are joined in pairs, pairs in fours, and so on, each round all at once. After how many rounds does one joined step hold all
 * of 1,024 tokens?
 */
export const rounds: number = todo("rounds");

/** Why can a selective model not be computed as one long convolution, as S4 is? */
export const noConvolution:
  | "its kernel would differ from token to token"
  | "its state is too large"
  | "A is diagonal" = todo("noConvolution");
