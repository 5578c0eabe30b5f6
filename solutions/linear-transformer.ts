/**
 * Exercises to "Transformers are RNNs" (notebooks/2020-linear-transformer.ipynb).
 *
 * Shapes here have no batch and no heads, so that nothing hides the idea: T positions, keys of width D, values of width E.
 *
 * Write the answers with tfjs: `workbook/variants/linear-transformer`, `workbook/feature-maps`, `workbook/chunks`,
 * `workbook/linear-attention`, `workbook/delta-rule` and `workbook/learn/linear-mixer` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * After how many tokens does one head's key-value cache hold as many numbers as one head's linear-attention state?
 *
 * Keys have width `D`, values width `E`, and φ makes `F` features out of a key. Count everything that each of the two
 * must keep for the next token. The answer need not be whole.
 */
export function breakEvenTokens(D: number, E: number, F: number): number {
  // BEGIN SOLUTION
  // Cache: t (D + E). State: S with F · E numbers and z with F.
  return (F * (E + 1)) / (D + E);
  // END SOLUTION
}

// Exercise 2: Repair

/**
 * φ(x) = elu(x) + 1 in float32, entry by entry, such that small values survive. `tf.add(tf.elu(x), 1)` is 0 for x = −18,
 * where φ is 1.5 · 10⁻⁸: keys like that vanish, and a query like that divides 0 by 0.
 *
 * @param x any entries, from −60 to 1,000,000
 */
export function features(x: tf.Tensor2D): tf.Tensor2D {
  // BEGIN SOLUTION
  return tf.add(tf.relu(x), tf.exp(tf.minimum(x, 0)));
  // END SOLUTION
}

// Exercise 3: An implementation

/**
 * Causal linear attention of one head with φ = elu + 1, from its definition; any cost will do.
 *
 * @param q queries `[T, D]`
 * @param k keys `[T, D]`
 * @param v values `[T, E]`
 * @returns `[T, E]`: row t is Σ_s (φ(q_t) · φ(k_s)) v_s / Σ_s φ(q_t) · φ(k_s), both sums over s ≤ t.
 */
export function causalLinear(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  // BEGIN SOLUTION
  const positions = tf.range(0, q.shape[0]);
  const visible = tf.lessEqual(positions, tf.reshape(positions, [-1, 1]));
  const dots = tf.matMul(features(q), features(k), false, true); // [T, T]
  const weights = tf.mul(dots, tf.cast(visible, "float32"));
  return tf.div(tf.matMul(weights, v), tf.sum(weights, 1, true));
  // END SOLUTION
}

// Exercise 4: Graded on complexity

/**
 * The same result in chunks of `chunk` positions: weights inside a chunk, one running state for all earlier ones.
 *
 * Right answers earn half of the points; the other half is for operations and memory that grow like T, not T², at a
 * fixed chunk length. The last chunk may be shorter, and a chunk may be longer than T.
 */
export function chunkwise(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, chunk: number): tf.Tensor2D {
  // BEGIN SOLUTION
  const [[T, D], E] = [q.shape, v.shape[1]];
  // A column of ones among the values: what it sums to are the denominators.
  const [Q, K, V] = [features(q), features(k), tf.concat([v, tf.ones<tf.Rank.R2>([T, 1])], 1)];
  let state = tf.zeros([D, E + 1]) as tf.Tensor2D;
  const outputs: tf.Tensor2D[] = [];
  for (let start = 0; start < T; start += chunk) {
    const size = Math.min(chunk, T - start);
    const [queries, keys, values] = [Q, K, V].map((x) => tf.slice(x, [start, 0], [size, x.shape[1]])) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const positions = tf.range(0, size);
    const visible = tf.cast(tf.lessEqual(positions, tf.reshape(positions, [size, 1])), "float32");
    const weights = tf.mul(tf.matMul(queries, keys, false, true), visible) as tf.Tensor2D; // [size, size]
    const sums = tf.add(tf.matMul(weights, values), tf.matMul(queries, state)); // [size, E + 1]
    outputs.push(tf.div(tf.slice(sums, [0, 0], [size, E]), tf.slice(sums, [0, E], [size, 1])));
    state = tf.add(state, tf.matMul(keys, values, true, false));
  }
  return tf.concat(outputs, 0);
  // END SOLUTION
}

// Exercise 5: Break its memory

/**
 * More keys than features: T > D. Return a change of the values, one number for each token (so E = 1), that **no** query
 * can notice after the last token: linear attention answers exactly the same with values v and with v + change.
 *
 * @param k keys `[T, D]`; φ is elu + 1
 * @returns `[T]`, of Euclidean length 1 (so not zero)
 */
export function invisibleChange(k: tf.Tensor2D): tf.Tensor1D {
  // BEGIN SOLUTION
  // No query notices what is orthogonal to each of the D columns of φ(K): Gram and Schmidt's procedure finds it.
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const basis: number[][] = [];
  const remainder = (vector: number[]) => {
    let rest = vector;
    for (const direction of basis) {
      const along = dot(rest, direction);
      rest = rest.map((x, i) => x - along * direction[i]!);
    }
    const length = Math.sqrt(dot(rest, rest));
    return rest.map((x) => x / length);
  };
  const columns = tf.transpose(features(k)).arraySync() as number[][];
  for (const column of columns) basis.push(remainder(column));
  // Nearly any vector has a part outside of the columns' span.
  return tf.tensor1d(remainder(columns[0]!.map((_, s) => (s % 2 === 0 ? 1 : -1) * (s + 1))));
  // END SOLUTION
}

// Quiz: answer with one of the words in the type, or with a number.

/** Chunkwise linear attention with chunks of one position is which of the other forms? */
export const chunksOfOne: "parallel" | "recurrent" | "bidirectional" =
  // BEGIN SOLUTION
  "recurrent";
// END SOLUTION

/**
 * A text has 10,000 tokens instead of 1,000. What happens to the operations that linear attention needs for one more
 * token, and to those of softmax attention with a key-value cache?
 */
export const oneMoreToken: "both stay" | "only softmax grows" | "both grow" =
  // BEGIN SOLUTION
  "only softmax grows";
// END SOLUTION

/** All widths of a head double: D, E and F together, from 64 to 128. By which factor does S grow? (Leave z out.) */
export const stateGrowth: number =
  // BEGIN SOLUTION
  4;
// END SOLUTION

/**
 * φ makes F = 64 features of keys of width D = 32, and a state S holds values without normalisation, read as φ(q)ᵀS. At most
 * how many key-value pairs can be read back exactly, whatever their values are?
 */
export const pairsReadExactly: number =
  // BEGIN SOLUTION
  64;
// END SOLUTION
