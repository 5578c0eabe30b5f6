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
  // BEGIN SOLUTION
  // Whole rounds of `workers` tiles, the last one perhaps half empty.
  const rounds = Math.ceil(tiles / workers);
  return 1 - tiles / (rounds * workers);
  // END SOLUTION
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
  // BEGIN SOLUTION
  const [top, rest] = [(x: tf.Tensor1D) => tf.slice(x, 0, 1), (x: tf.Tensor1D) => tf.slice(x, 1)];
  const m = tf.maximum(top(a), top(b));
  // l and o are both sums of e^(score − own maximum): one factor brings them to the common one.
  const rescaled = (x: tf.Tensor1D) => tf.mul(rest(x), tf.exp(tf.sub(top(x), m)));
  return tf.concat([m, tf.add(rescaled(a), rescaled(b))]) as tf.Tensor1D;
  // END SOLUTION
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
  // BEGIN SOLUTION
  const [[S, D], E] = [k.shape, v.shape[1]];
  let known = tf.concat([tf.tensor1d([-1e30]), tf.zeros([1 + E])]) as tf.Tensor1D;
  for (let start = 0; start < S; start += piece) {
    const size = Math.min(piece, S - start);
    const next = tf.tidy(() => {
      const scores = tf.div(tf.matMul(q, tf.slice(k, start, size), false, true), Math.sqrt(D)); // [1, size]
      const m = tf.max(scores);
      const weights = tf.exp(tf.sub(scores, m)) as tf.Tensor2D;
      const o = tf.matMul(weights, tf.slice(v, start, size)); // [1, E]
      const row = [tf.reshape(m, [1]), tf.reshape(tf.sum(weights), [1]), tf.reshape(o, [E])];
      return join(known, tf.concat(row) as tf.Tensor1D);
    });
    known.dispose();
    known = next;
  }
  const [l, o] = [tf.slice(known, 1, 1), tf.slice(known, 2)];
  return tf.reshape(tf.div(o, l), [1, E]);
  // END SOLUTION
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
  // BEGIN SOLUTION
  const total = lengths.reduce((a, b) => a + b, 0);
  const [first, end] = [Math.floor((worker * total) / workers), Math.floor(((worker + 1) * total) / workers)];
  const found = { texts: [] as number[], from: [] as number[], to: [] as number[] };
  let start = 0; // where the text begins in the line
  for (const [text, length] of lengths.entries()) {
    const [a, b] = [Math.max(first, start), Math.min(end, start + length)];
    if (a < b) {
      found.texts.push(text);
      found.from.push(a - start);
      found.to.push(b - start);
    }
    start += length;
  }
  return found;
  // END SOLUTION
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
  // BEGIN SOLUTION
  // A piece's share of the whole denominator is e^L over the sum of all e^L: softmax, which subtracts the maximum itself.
  const shares = tf.reshape(tf.softmax(logSums), [1, -1]) as tf.Tensor2D; // [1, P]
  return tf.squeeze(tf.matMul(shares, outputs), [0]);
  // END SOLUTION
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
export const joinWgsl: string =
  // BEGIN SOLUTION
  `
struct Sizes { P: u32, E: u32 }
@group(0) @binding(0) var<storage, read> reports: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x >= sizes.E) { return; }
  let width = 2 + sizes.E;
  var largest = reports[0];
  for (var p = 1u; p < sizes.P; p++) { largest = max(largest, reports[p * width]); }
  var above = 0.0;
  var below = 0.0;
  for (var p = 0u; p < sizes.P; p++) {
    let factor = exp(reports[p * width] - largest);
    below += factor * reports[p * width + 1];
    above += factor * reports[p * width + 2 + at.x];
  }
  out[at.x] = above / below;
}`;
// END SOLUTION

// Quiz: answer with one of the words in the type, or with a number.

/**
 * One token attends to a cache in float32. Keys and values are as wide as each other. How many operations (a multiply-add is
 * two; softmax's few are not counted) are there for each byte of the cache that is read?
 */
export const operationsPerByte: number =
  // BEGIN SOLUTION
  0.5;
// END SOLUTION

/** One text, 32 heads, 108 workers, a worker for each head. How many workers have something to do? */
export const busyWorkers: number =
  // BEGIN SOLUTION
  32;
// END SOLUTION

/** Stream-K cuts 40 tiles for 8 workers. How many pieces are there at most? */
export const mostPieces: number =
  // BEGIN SOLUTION
  47;
// END SOLUTION

/** The outputs of the pieces are averaged, each weighted by the number of its keys. When is that the attention of all keys? */
export const weightedByLength: "always" | "when the mean of e^score is the same in all pieces" | "never" =
  // BEGIN SOLUTION
  "when the mean of e^score is the same in all pieces";
// END SOLUTION
