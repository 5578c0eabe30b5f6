// Generated from solutions/lean-attention.ts by `npx workbook release lean-attention`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("lean-attention");

/**
 * Exercises to "Lean Attention" (notebooks/2024-lean-attention.ipynb).
 *
 * Shapes here have no batch and one head, so that nothing hides the idea: one query of width D against S keys of width D, with
 * values of width E.
 *
 * Write the answers with tfjs: `workbook/attention`, `workbook/block-sparse`, `workbook/packed-attention`,
 * `workbook/variants/lean-attention`, `workbook/variants/lean-splits` and `workbook/variants/lean-timeline` hold what is
 * asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * Which share of the workers' time is lost when every tile has one worker to itself?
 *
 * There are `tiles` heads of texts, all with equally many keys, and `workers` workers. A worker computes a whole tile, alone; who
 * is done takes the next one, until there are none left. The time that counts ends when the last worker is done.
 *
 * @returns the share of all workers' time in which they had nothing to do, from 0 to 1.
 */
export function idleShare(tiles: number, workers: number): number {
  throw new Todo("idleShare");
}

// Exercise 2: An implementation

/**
 * Joins what is known after two sets of keys.
 *
 * Each is a row of 2 + E numbers: m, the largest score of the set; l, the sum of e^(score − m) over it; then o, E numbers: the values
 * weighted by e^(score − m) and summed. The set without keys is −10³⁰ followed by zeros.
 *
 * @param a `[2 + E]`
 * @param b `[2 + E]`
 * @returns `[2 + E]`: m, l and o of all keys of both.
 */
export function join(a: tf.Tensor1D, b: tf.Tensor1D): tf.Tensor1D {
  throw new Todo("join");
}

// Exercise 3: Graded on complexity

/**
 * Attention of one query, piece by piece: `piece` keys at a time, the last piece perhaps shorter.
 *
 * Right answers earn half of the points; the other half is for operations that grow like S, and for memory that does not grow at all:
 * of what was made for a piece, only what is known after it may stay. (`tf.tidy(() => …)` frees all tensors that were made in it
 * but the one, or the array of those, that it returns.)
 *
 * @param q `[1, D]`
 * @param k `[S, D]`
 * @param v `[S, E]`
 * @returns softmax(q kᵀ / √D) v, `[1, E]`
 */
export function attendInPieces(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, piece: number): tf.Tensor2D {
  throw new Todo("attendInPieces");
}

// Exercise 4: Who computes what

/**
 * The stretch of one worker in stream-K.
 *
 * All texts' keys lie behind one another as one line of N = Σ lengths keys. Worker w of W has the keys from ⌊w N / W⌋ to before
 * ⌊(w + 1) N / W⌋ of that line; workers are counted from 0. For each text of which this stretch holds keys, in order, say which text, from which of
 * **its own** keys, and before which of them the worker stops.
 *
 * `lengths` [5, 1, 6] and 3 workers, worker 1: keys 4 to before 8 of the line, so texts [0, 1, 2], from [4, 0, 0], to [5, 1, 2].
 */
export function stretch(
  lengths: number[],
  workers: number,
  worker: number,
): { texts: number[]; from: number[]; to: number[] } {
  throw new Todo("stretch");
}

// Exercise 5: Repair

/**
 * What if the pieces come already divided?
 *
 * Some kernels give for each piece its finished attention o / l, and the logarithm of its sum, L = m + ln l = ln Σ e^score. Somebody
 * put the pieces together with
 *
 *     tf.mean(outputs, 0)
 *
 * and the text that came out was odd. What is right?
 *
 * @param outputs `[P, E]`, o / l of each of P pieces; zeros where a piece had no keys
 * @param logSums `[P]`, L of each; −10³⁰ where a piece had no keys. Differences of 1,000 between pieces are common.
 * @returns `[E]`, the attention of the keys of all pieces
 */
export function combineFinished(outputs: tf.Tensor2D, logSums: tf.Tensor1D): tf.Tensor1D {
  throw new Todo("combineFinished");
}

// Exercise 6: On the GPU, in WGSL

/**
 * The last step of `decodeAttention` on a GPU: one kernel that joins the reports of all parts of a tile.
 *
 * Bindings of group 0: 0 is `reports: array<f32>` (`var<storage, read>`), P rows of 2 + E numbers as in exercise 2; 1 is `out: array<f32>`
 * (`var<storage, read_write>`), E numbers: o / l of all parts together; 2 is `var<uniform>`, a struct of two u32, P and E. The entry
 * point is `main`, with workgroups of 64 invocations, of which there may be more than E in all: each computes one number of `out`, or none.
 *
 * At least one part has keys; others may have none (m = −10³⁰). Try it in a cell: `await check("lean-attention", { joinWgsl: `…` })`.
 */
export const joinWgsl: string = todo("joinWgsl");

// Quiz: answer with one of the words in the type, or with a number.

/**
 * One token attends to a cache in float32. Keys and values are as wide as each other. How many operations (a multiply-add is
 * two; softmax's few are not counted) are there for each byte of the cache that is read?
 */
export const operationsPerByte: number = todo("operationsPerByte");

/** One text, 32 heads, 108 workers, a worker for each head. How many workers have something to do? */
export const busyWorkers: number = todo("busyWorkers");

/** Stream-K cuts 40 tiles for 8 workers. How many pieces are there at most? */
export const mostPieces: number = todo("mostPieces");

/** The outputs of the pieces are averaged, each weighted by the number of its keys. When is that the attention of all keys? */
export const weightedByLength: "always" | "when the mean of e^score is the same in all pieces" | "never" = todo("weightedByLength");
