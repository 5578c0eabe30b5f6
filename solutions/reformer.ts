/**
 * Exercises to "Reformer: The Efficient Transformer" (notebooks/2020-reformer.ipynb).
 *
 * One head without a batch, so that nothing hides the idea: T positions, shared queries and keys of width D, values of width E.
 *
 * Write the answers with tfjs: `workbook/variants/reformer`, `workbook/variants/reformer-chunks`,
 * `workbook/variants/reformer-hash`, `workbook/variants/reversible` and `workbook/learn/reformer-mixer` hold what is asked
 * for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * The probability that two vectors at an angle share a bucket in **at least one** of several independent hashing rounds.
 *
 * A round hashes into 2^bits buckets: one random hyperplane for each bit, and a vector's bit says on which side of it the
 * vector lies. Two vectors share the bucket when they agree in all bits.
 *
 * @param angle between the vectors, radians, from 0 to π
 * @param bits 1 or more
 * @param rounds 1 or more
 */
export function sharingProbability(angle: number, bits: number, rounds: number): number {
  // BEGIN SOLUTION
  const once = (1 - angle / Math.PI) ** bits;
  return 1 - (1 - once) ** rounds;
  // END SOLUTION
}

// Exercise 2: An implementation

/**
 * The bucket of every vector, Reformer's way: argmax([x R ; −x R]).
 *
 * @param x vectors `[T, D]`
 * @param rotation R, `[D, b/2]`
 * @returns bucket numbers 0 … b − 1, `[T]` int32: number n < b/2 means direction n, number n + b/2 its opposite
 */
export function hashVectors(x: tf.Tensor2D, rotation: tf.Tensor2D): tf.Tensor1D {
  // BEGIN SOLUTION
  const turned = tf.matMul(x, rotation); // [T, b/2]
  return tf.argMax(tf.concat([turned, tf.neg(turned)], 1), 1);
  // END SOLUTION
}

// Exercise 3: Another implementation

/**
 * One causal round of LSH attention, by its definition. A T × T table of scores is fine here.
 *
 * Sort the positions by bucket, and within a bucket by time. Cut the sorted sequence into chunks. Position i attends to
 * position j when both have the same bucket, j < i, and j stands in the chunk of i or in the one before. The score is
 * qᵢ · kⱼ with kⱼ = qⱼ / ‖qⱼ‖, without 1/√D. A position that finds nobody else attends to itself.
 *
 * @param qk shared queries and keys `[T, D]`, no vector of zeros among them
 * @param v values `[T, E]`
 * @param buckets of every position, `[T]` int32
 * @param chunk length of a chunk; it divides T
 * @returns `[T, E]`
 */
export function lshRound(qk: tf.Tensor2D, v: tf.Tensor2D, buckets: tf.Tensor1D, chunk: number): tf.Tensor2D {
  // BEGIN SOLUTION
  const kinds = Array.from(buckets.dataSync());
  const positions = kinds.map((_, t) => t);
  const sorted = [...positions].sort((a, b) => kinds[a]! - kinds[b]! || a - b);
  const chunkOf = positions.map((t) => Math.floor(sorted.indexOf(t) / chunk));
  const bias = positions.map((i) =>
    positions.map((j) => {
      if (i === j) return -1e5;
      const apart = chunkOf[i]! - chunkOf[j]!;
      return kinds[i] === kinds[j] && j < i && (apart === 0 || apart === 1) ? 0 : -1e9;
    }),
  );
  const keys = tf.div(qk, tf.norm(qk, 2, 1, true));
  const scores: tf.Tensor2D = tf.add(tf.matMul(qk, keys, false, true), tf.tensor2d(bias));
  return tf.matMul(tf.softmax(scores), v);
  // END SOLUTION
}

// Exercise 4: Graded on complexity

/**
 * The same, without any T × T tensor: operations and memory grow like T (times the log T of sorting).
 *
 * Right answers earn half of the points; the other half is for the growth. You may sort in plain TypeScript (`dataSync` reads a
 * tensor's numbers) or with `tf.topk`.
 */
export function lshRoundInChunks(
  qk: tf.Tensor2D,
  v: tf.Tensor2D,
  buckets: tf.Tensor1D,
  chunk: number,
): tf.Tensor2D {
  // BEGIN SOLUTION
  const [T, D] = qk.shape;
  const [N, E] = [T / chunk, v.shape[1]];
  const kinds = Array.from(buckets.dataSync());
  const sorted = kinds.map((_, t) => t).sort((a, b) => kinds[a]! - kinds[b]! || a - b);
  const place = new Array<number>(T);
  for (const [n, t] of sorted.entries()) place[t] = n;
  const order = tf.tensor1d(sorted, "int32");

  const rows = (x: tf.Tensor2D, F: number): tf.Tensor3D => tf.reshape(tf.gather(x, order), [N, chunk, F]);
  /** Every chunk behind the one before it; before the first stands a chunk of `fill`. */
  const withBefore = (x: tf.Tensor3D, fill: number): tf.Tensor3D => {
    const before = tf.concat([tf.fill([1, chunk, x.shape[2]], fill), tf.slice(x, 0, N - 1)], 0);
    return tf.concat([before as tf.Tensor3D, x], 1); // [N, 2 chunk, F]
  };
  const q = rows(qk, D);
  const k = withBefore(rows(tf.div(qk, tf.norm(qk, 2, 1, true)), D), 0);
  const column = (numbers: number[]) =>
    tf.tensor3d(
      sorted.map((t) => numbers[t]!),
      [N, chunk, 1],
    );
  const across = (x: tf.Tensor3D) => tf.transpose(x, [0, 2, 1]); // keys along the last axis
  const time = column(kinds.map((_, t) => t));
  const kind = column(kinds);
  const keyTime = across(withBefore(time, -1));
  const sees = tf.logicalAnd(tf.equal(kind, across(withBefore(kind, -1))), tf.less(keyTime, time));
  const scores = tf.where(sees, tf.matMul(q, k, false, true), -1e9);
  const alone = tf.where(tf.equal(keyTime, time), -1e5, scores);
  const mixed = tf.matMul(tf.softmax(alone), withBefore(rows(v, E), 0));
  return tf.gather(tf.reshape(mixed, [T, E]) as tf.Tensor2D, tf.tensor1d(place, "int32"));
  // END SOLUTION
}

// Exercise 5: Backwards

/**
 * The inputs of a stack of reversible layers, from its outputs. Layer n computes
 *
 *     y₁ = x₁ + tanh(x₂ Aₙ)        y₂ = x₂ + tanh(y₁ Bₙ)
 *
 * and hands (y₁, y₂) to layer n + 1 as its (x₁, x₂).
 *
 * @param y1,y2 outputs of the last layer, `[T, C]`
 * @param a,b the matrices of layers 0, 1, 2, …, `[C, C]` each
 * @returns the inputs of layer 0, x₁ and x₂ side by side: `[T, 2C]`
 */
export function rebuildInputs(
  y1: tf.Tensor2D,
  y2: tf.Tensor2D,
  a: tf.Tensor2D[],
  b: tf.Tensor2D[],
): tf.Tensor2D {
  // BEGIN SOLUTION
  let [x1, x2] = [y1, y2];
  for (let n = a.length - 1; n >= 0; n--) {
    x2 = tf.sub(x2, tf.tanh(tf.matMul(x1, b[n]!)));
    x1 = tf.sub(x1, tf.tanh(tf.matMul(x2, a[n]!)));
  }
  return tf.concat([x1, x2], 1);
  // END SOLUTION
}

// Exercise 6: Break it

/**
 * LSH attention is cheap because the hash spreads the vectors over many buckets. Break that: find T vectors, no two of them
 * alike, that land in **one** bucket **whatever** random rotation R is drawn. (The vectors' lengths may be anything from 0.01 to 1,000.)
 *
 * With such vectors a query sees at most two chunks of the T positions, however many rounds you pay for.
 *
 * @returns `[T, D]`
 */
export function oneBucket(T: number, D: number): tf.Tensor2D {
  // BEGIN SOLUTION
  // The hash compares directions: a vector and a longer one of the same direction never part.
  const lengths = tf.reshape(tf.range(1, T + 1), [T, 1]);
  return tf.mul(lengths, tf.ones<tf.Rank.R2>([1, D]));
  // END SOLUTION
}

// Quiz: answer with a number, or with one of the words in the type.

/** Two vectors at an angle of π/2, b = 4 buckets. The smallest number of rounds that makes them meet with probability 0.9 or more? */
export const roundsForNineTenths: number =
  // BEGIN SOLUTION
  9;
// END SOLUTION

/** Two rounds both found key j for query i, and you merge them without subtracting ln 2. Its weight in the merged softmax: */
export const foundTwice: "is right" | "is too large" | "is too small" =
  // BEGIN SOLUTION
  "is too large";
// END SOLUTION

/**
 * You keep the chunk length fixed and hash with one rotation of size [D, b/2], b = 2T/chunk. How do the operations of **hashing** grow with T?
 */
export const oneRotationFor: "T" | "T log T" | "T²" =
  // BEGIN SOLUTION
  "T²";
// END SOLUTION

/** A reversible stack goes from 12 layers to 24. The activations that must be kept for the gradient: */
export const twiceTheLayers: "stay the same" | "grow by half" | "double" =
  // BEGIN SOLUTION
  "stay the same";
// END SOLUTION
