/**
 * Exercises to "Retentive Network" (notebooks/2023-retnet.ipynb).
 *
 * Shapes here have no batch and one head, so that nothing hides the idea: T positions, keys of width D, values of width E, one
 * decay γ.
 *
 * Write the answers with tfjs: `workbook/variants/retnet`, `workbook/variants/retnet-layer`, `workbook/learn/retnet-mixer`,
 * `workbook/chunks`, `workbook/linear-attention` and `workbook/rotation` hold what is asked for, and cannot be imported here.
 */

import * as tf from "@tensorflow/tfjs";

// Exercise 1: A derivation, answered as a function of its sizes

/**
 * Which chunk length c needs the fewest operations for a token?
 *
 * For a chunk of c tokens, count: 2c²(D + E) for the weights inside of it and their product with the values, 4cDE for reading
 * the state and for what the chunk adds to it, and 2DE for carrying the state on (every entry of it is multiplied by γᶜ, and
 * then something is added to it). Divide by c, and find the minimum. The answer need not be whole.
 */
export function cheapestChunk(D: number, E: number): number {
  // BEGIN SOLUTION
  // 2c(D + E) + 4DE + 2DE/c has the derivative 2(D + E) − 2DE/c².
  return Math.sqrt((D * E) / (D + E));
  // END SOLUTION
}

// Exercise 2: An implementation

/**
 * Retention of one head from its definition; any cost will do. Nothing is turned here.
 *
 * @param q queries `[T, D]`
 * @param k keys `[T, D]`
 * @param v values `[T, E]`
 * @param gamma γ, between 0 and 1
 * @returns `[T, E]`: row n is Σ_m γⁿ⁻ᵐ (q_n · k_m / √D) v_m over m ≤ n.
 */
export function retain(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, gamma: number): tf.Tensor2D {
  // BEGIN SOLUTION
  const [T, D] = q.shape;
  const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(D)); // [T, T]
  return tf.matMul(tf.mul(scores, decayTable(T, gamma)) as tf.Tensor2D, v);
  // END SOLUTION
}

// Exercise 3: Graded on complexity

/**
 * The same result in chunks of `chunk` positions: weights inside a chunk, one running state for all earlier ones.
 *
 * Right answers earn half of the points; the other half is for operations and memory that grow like T, not T², at a
 * fixed chunk length. The last chunk may be shorter, and a chunk may be longer than T.
 */
export function retainInChunks(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  gamma: number,
  chunk: number,
): tf.Tensor2D {
  // BEGIN SOLUTION
  const [[T, D], E] = [q.shape, v.shape[1]];
  let state = tf.zeros([D, E]) as tf.Tensor2D;
  const outputs: tf.Tensor2D[] = [];
  for (let start = 0; start < T; start += chunk) {
    const c = Math.min(chunk, T - start);
    const cut = (x: tf.Tensor2D) => tf.slice(x, [start, 0], [c, x.shape[1]]);
    const [Q, K, V] = [tf.div(cut(q), Math.sqrt(D)) as tf.Tensor2D, cut(k), cut(v)];
    const column = (exponent: (j: number) => number) =>
      tf.tensor2d(
        Array.from({ length: c }, (_, j) => gamma ** exponent(j)),
        [c, 1],
      );
    const inside = tf.matMul(tf.mul(tf.matMul(Q, K, false, true), decayTable(c, gamma)) as tf.Tensor2D, V);
    const earlier = tf.mul(
      tf.matMul(Q, state),
      column((j) => j + 1),
    );
    outputs.push(tf.add(inside, earlier) as tf.Tensor2D);
    const added = tf.matMul(
      K,
      tf.mul(
        V,
        column((j) => c - 1 - j),
      ) as tf.Tensor2D,
      true,
      false,
    );
    state = tf.add(tf.mul(state, gamma ** c), added);
  }
  return tf.concat(outputs, 0);
  // END SOLUTION
}

// Exercise 4: Repair

/**
 * D of equation 5, `[T, T]`: γⁿ⁻ᵐ in row n, column m, where m ≤ n, and 0 above the diagonal.
 *
 * The obvious way follows equation 3: γⁿ⁻ᵐ = γⁿ · γ⁻ᵐ, a column of powers times a row of powers, and then zeros above the
 * diagonal:
 *
 *     const [n, m] = [tf.reshape(tf.range(0, T), [T, 1]), tf.range(0, T)];
 *     const D = tf.mul(tf.pow(gamma, n), tf.pow(gamma, tf.neg(m)));
 *
 * With γ = 0.5 and T = 300 it is full of NaN: in float32 0.5²⁹⁹ is 0, and 0.5⁻²⁹⁹ is infinite. Write one that is right for
 * every γ between 0 and 1.
 */
export function decayTable(T: number, gamma: number): tf.Tensor2D {
  // BEGIN SOLUTION
  const distance = tf.sub(tf.reshape(tf.range(0, T), [T, 1]), tf.range(0, T)); // n − m, [T, T]
  // Above the diagonal the power would overflow again; its exponent is made harmless before it is taken.
  const powers = tf.exp(tf.mul(tf.maximum(distance, 0), Math.log(gamma)));
  return tf.mul(powers, tf.cast(tf.greaterEqual(distance, 0), "float32"));
  // END SOLUTION
}

// Exercise 5: Without counting

/**
 * The library turns query n by n θ and key m by m θ, so whoever generates text must know how many tokens there were. Do
 * without: queries and keys stay as they are, and the **state** turns.
 *
 * Pair i of a vector are its entries 2i and 2i + 1. Turning a pair (a, b) by an angle α gives
 * (a cos α − b sin α, a sin α + b cos α).
 *
 * @param state `[D, E]`, what your function returned for the token before; zeros before the first
 * @param k the new token's key, `[1, D]`, not turned
 * @param v its value, `[1, E]`
 * @param gamma γ
 * @param angles θ, radians a position, one for each pair of entries of a key: D / 2 of them
 * @returns `[D, E]`: the new state S, such that q S / √D, with a query that is not turned, is retention's row for it.
 */
export function turningState(
  state: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  gamma: number,
  angles: number[],
): tf.Tensor2D {
  // BEGIN SOLUTION
  // (n θ) − (m θ) grows by θ with each token: what the query no longer turns forwards, old keys turn backwards.
  const [D, E] = state.shape;
  const pairs = tf.reshape(state, [D / 2, 2, E]);
  const [a, b] = [tf.slice(pairs, [0, 0, 0], [D / 2, 1, E]), tf.slice(pairs, [0, 1, 0], [D / 2, 1, E])];
  const column = (values: number[]) => tf.tensor3d(values, [D / 2, 1, 1]);
  const [cos, sin] = [column(angles.map((x) => Math.cos(-x))), column(angles.map((x) => Math.sin(-x)))];
  const turned = tf.concat(
    [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(a, sin), tf.mul(b, cos))],
    1,
  );
  const old = tf.reshape(turned, [D, E]);
  return tf.add(tf.mul(old, gamma), tf.matMul(k, v, true, false)) as tf.Tensor2D;
  // END SOLUTION
}

// Quiz: answer with one of the words in the type, or with a number.

/** A layer has 8 heads with the decays of equation 8. The weights of its slowest head, γ⁰ + γ¹ + γ² + …, sum to what? */
export const memoryOfSlowestHead: number =
  // BEGIN SOLUTION
  4096;
// END SOLUTION

/** All keys of one head become ten times as long. What happens to what the layer returns? (Let the norm's ε be 0.) */
export const tenfoldKeys: "nothing" | "that head counts ten times" | "its weights become sharper" =
  // BEGIN SOLUTION
  "nothing";
// END SOLUTION

/**
 * The paper's heads: queries and keys of width 256, values of width 512, in a model of width C. After how many tokens does a
 * Transformer of the same width C, with its keys and values of C numbers each, keep as much in a layer as RetNet's states do?
 */
export const tokensUntilEven: number =
  // BEGIN SOLUTION
  256;
// END SOLUTION

/**
 * "A token that stands further back always weighs less than a nearer one." Is that true of retention's weights
 * γⁿ⁻ᵐ (q_n · k_m)?
 */
export const nearerWeighsMore: "always" | "never" | "it depends on the keys" =
  // BEGIN SOLUTION
  "it depends on the keys";
// END SOLUTION
