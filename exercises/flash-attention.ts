// Generated from solutions/flash-attention.ts by `npx workbook release flash-attention`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("flash-attention");

/**
 * Exercises to "FlashAttention" (notebooks/2022-flash-attention.ipynb).
 *
 * Shapes here have no batch and no heads, so that nothing hides the idea: T queries and S keys of width D, values of width E.
 *
 * Write the answers with tfjs: `workbook/attention`, `workbook/block-sparse`, `workbook/packed-attention`,
 * `workbook/variants/flash-attention`, `workbook/variants/flash-attention-io` and `workbook/kernels/fused` hold what is
 * asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * How many numbers cross between the slow and the fast memory, reads and writes together, when **queries** are the outer loop?
 *
 * `N` queries, keys and values, all of width `d`. `B` queries (B divides N) are fetched and stay in the fast memory with their o, m and l
 * until all keys and values have come by; then their rows of the result are written, and the next B queries are fetched.
 */
export function numbersMoved(N: number, d: number, B: number): number {
  throw new Todo("numbersMoved");
}

// Exercise 2: The step that the paper rests on

/** What is known of t rows of queries after some of the keys. */
export interface Running {
  /** Largest score of each row so far, `[t]`. */
  readonly m: tf.Tensor1D;
  /** Sum of e^(score − m) so far, `[t]`. */
  readonly l: tf.Tensor1D;
  /** Sum of e^(score − m) · value so far, `[t, E]`: not divided by l yet. */
  readonly o: tf.Tensor2D;
}

/**
 * Takes in one more tile: scores `s [t, c]` of the same rows against c more keys, and the values `v [c, E]` of these.
 *
 * @param m before the first tile −10⁹ everywhere, with `l` and `o` zero
 * @returns m, l and o after the tile
 */
export function absorb(
  m: tf.Tensor1D,
  l: tf.Tensor1D,
  o: tf.Tensor2D,
  s: tf.Tensor2D,
  v: tf.Tensor2D,
): Running {
  throw new Todo("absorb");
}

// Exercise 3: Graded on complexity

/**
 * Softmax attention, every query sees every key, in tiles of `block` queries and `block` keys; scores are divided by √D.
 *
 * Right answers earn half of the points; the other half is for memory that grows like T, not T², at a fixed block. The last block may be
 * smaller, and `block` may be larger than T or S.
 *
 * @param q queries `[T, D]`
 * @param k keys `[S, D]`
 * @param v values `[S, E]`
 * @returns `[T, E]`
 */
export function tiledAttention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, block: number): tf.Tensor2D {
  throw new Todo("tiledAttention");
}

// Exercise 4: Backward, without the table that forward threw away

export interface Gradients {
  /** `[T, D]` */
  readonly dq: tf.Tensor2D;
  /** `[S, D]` */
  readonly dk: tf.Tensor2D;
  /** `[S, E]` */
  readonly dv: tf.Tensor2D;
}

/**
 * The gradients of q, k and v, from what the forward pass kept. No tiles here: one is enough to get the formulas right. Scores are divided by
 * √D.
 *
 * @param q queries `[T, D]`
 * @param k keys `[S, D]`
 * @param v values `[S, E]`
 * @param out the result of the forward pass, `[T, E]`
 * @param lse L of each row, ln Σ_s e^(score), `[T]`
 * @param dOut gradient of the loss by `out`, `[T, E]`
 */
export function gradients(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  out: tf.Tensor2D,
  lse: tf.Tensor1D,
  dOut: tf.Tensor2D,
): Gradients {
  throw new Todo("gradients");
}

// Exercise 5: Predict

/**
 * The running maximum of a row rises with the first tile (from −10⁹), and with every later tile that holds a larger score than all tiles
 * before. How often is that **on average**, when there are `n` tiles whose largest scores all differ and come in random order?
 *
 * An exact number, not an approximation. One tile: 1. Two tiles: the second is larger half of the time, so 1.5.
 */
export function averageRises(n: number): number {
  throw new Todo("averageRises");
}

// Exercise 6: In WGSL

/** Attention for one head, a query for each invocation, as in the library's first rung; all but what is done with a score. */
const ROW_KERNEL = /* wgsl */ `
override D: u32;
override E: u32;
struct Sizes { T: u32, S: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [S, D]
@group(0) @binding(2) var<storage, read> v: array<f32>; // [S, E]
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // [T, E]
@group(0) @binding(4) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.x;
  if (t >= n.T) { return; }
  var m = -1e30; // below every score, and finite
  var l = 0.0;
  var o: array<f32, 64>; // zeros; the first E of them are used
  for (var s = 0u; s < n.S; s++) {
    var score = 0.0;
    for (var d = 0u; d < D; d++) { score += q[t * D + d] * k[s * D + d]; }
    score /= sqrt(f32(D));
    // FINISH
  }
  for (var e = 0u; e < E; e++) { out[t * E + e] = o[e] / l; }
}
`;

/**
 * The whole kernel: `ROW_KERNEL` with lines in place of `// FINISH` that take `score` and row s of `v` into `m`, `l` and `o`. For example
 * `ROW_KERNEL.replace("// FINISH", "l += exp(score);")`, which is not it. WGSL has `max`, `exp`, `let` for constants and `var` for variables.
 *
 * It runs on a GPU, or on software that plays one; without either this exercise is skipped.
 */
export function rowKernel(): string {
  throw new Todo("rowKernel");
}

// Quiz: answer with one of the words in the type, or with a number.

/** Does a training step with FlashAttention, forward and backward, compute fewer or more scores than one with standard attention? (Not causal.) */
export const scoresComputed: "fewer" | "as many" | "more" = todo("scoresComputed");

/** One head, T = 4,096, D = E = 64. How many numbers must the forward pass keep for the backward pass, besides q, k, v and the result? */
export const keptForBackward: number = todo("keptForBackward");

/** Theorem 2: a fast memory twice as large, still much smaller than N d. By which factor do FlashAttention's accesses change? */
export const twiceTheMemory: number = todo("twiceTheMemory");

/** A causal table of 1,024 × 1,024 scores in tiles of 64 × 64: how many of the 256 tiles must be computed? */
export const causalTiles: number = todo("causalTiles");
