/**
 * How LSH attention is laid over sorted chunks: who stands in sight, who meets whom how often, and the merging of rounds.
 *
 * Kitaev, Kaiser & Levskaya, "Reformer: The Efficient Transformer", 2020, arXiv:2001.04451, section 2 and appendix A.
 * Identity (test/variants/reformer.test.ts): attention over these chunks equals attention under the dense mask.
 * Here G = B H counts sequences, R rounds, N chunks, c positions of a chunk, L = N c, A = G R N, F any width.
 */

import * as tf from "@tensorflow/tfjs";
import type { SortedBuckets } from "./reformer-hash.js";

/** `[G, R, N, c]` → `[G, R, N, 2c]`: every chunk behind the one before it, the first behind `fill`. */
export function lookBack(x: tf.Tensor4D, fill: number): tf.Tensor4D {
  const [G, R, N, c] = x.shape;
  const none = tf.fill([G, R, 1, c], fill, "int32");
  const before = tf.concat([none, tf.slice(x, [0, 0, 0, 0], [G, R, N - 1, c])], 2);
  return tf.concat<tf.Tensor4D>([before as tf.Tensor4D, x], 3);
}

/** A number for each position and round, `[rows, L]` int32: two positions meet where j's equals i's or is 1 less. */
export function meetingCodes(
  { sorted, place }: SortedBuckets,
  { N, c }: { N: number; c: number },
): tf.Tensor2D {
  const [rows, L] = sorted.shape;
  const chunk = tf.floorDiv(tf.range(0, L, 1, "int32"), tf.scalar(c, "int32"));
  const code = tf.add(tf.mul(sorted, tf.scalar(2 * N, "int32")), chunk);
  return tf.reshape(tf.gather(tf.reshape(code, [rows * L]), tf.reshape(place, [rows * L])), [rows, L]);
}

/** 1 where the positions of two codes meet, 3 where not. */
export function meetingDistance(query: tf.Tensor, key: tf.Tensor): tf.Tensor {
  const [one, two, three] = [1, 2, 3].map((n) => tf.scalar(n, "int32")) as [tf.Scalar, tf.Scalar, tf.Scalar];
  const apart = tf.sub(tf.sub(tf.mul(query, two), one), tf.mul(key, two)); // 2 (difference) − 1
  return tf.minimum(tf.abs(apart), three);
}

/** Nᵢⱼ, in how many rounds a pair meets: `[G, R, N, c, 2c]`; meaningless where it does not meet in this one. */
export function repeats(
  layout: SortedBuckets,
  {
    G,
    R,
    N,
    c,
    at,
    atKeys,
  }: { G: number; R: number; N: number; c: number; at: tf.Tensor4D; atKeys: tf.Tensor4D },
): tf.Tensor {
  return tf.tidy(() => {
    const L = N * c;
    const codes = tf.reshape(meetingCodes(layout, { N, c }), [G, R, L]);
    const starts = tf.reshape(tf.range(0, G * L, L, "int32"), [G, 1, 1, 1]);
    const [query, key] = [tf.add(at, starts), tf.add(atKeys, starts)];
    let sum: tf.Tensor | undefined;
    for (let r = 0; r < R; r++) {
      sum = tf.tidy(() => {
        const code = tf.reshape(tf.slice(codes, [0, r, 0], [G, 1, L]), [G * L]);
        const of = (positions: tf.Tensor) => tf.gather(code, positions as tf.Tensor1D) as tf.Tensor;
        const apart = meetingDistance(tf.expandDims(of(query), 4), tf.expandDims(of(key), 3));
        return sum === undefined ? apart : tf.add(sum, apart);
      });
    }
    return tf.mul(tf.sub(3 * R, tf.cast(sum!, "float32")), 0.5);
  });
}

/**
 * Rows of a table, `x [S, F]` at `rows [A, c]` (int32): `[A, c, F]`. Where the rows come from has no gradient, and with
 * `tf.gather` tfjs would ask for one.
 */
export function takeRows(x: tf.Tensor2D, rows: tf.Tensor2D): tf.Tensor3D {
  const [S, F] = x.shape;
  const run = tf.customGrad((...inputs) => {
    const [x, save] = inputs as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([rows]);
    const gradFunc = (dy: tf.Tensor, [rows]: tf.Tensor[]) =>
      tf.unsortedSegmentSum(tf.reshape(dy, [-1, F]), tf.reshape(rows!, [-1]) as tf.Tensor1D, S);
    return { value: tf.gather(x, rows) as tf.Tensor, gradFunc };
  });
  return run(x) as tf.Tensor3D;
}

export interface Parts {
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  readonly bias: tf.Tensor3D;
}

/**
 * [ Σⱼ e^(sᵢⱼ − mᵢ) vⱼ ; mᵢ ] with s = q kᵀ + bias and mᵢ the largest of its row: `[A, c, width of v + 1]`.
 *
 * The merged result does not depend on m, so the gradient takes m for constant.
 */
export function attendParts({ q, k, v, bias }: Parts): tf.Tensor3D {
  const run = tf.customGrad((...inputs) => {
    const [q, k, v, save] = inputs as unknown as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
    const [e, m] = tf.tidy(() => {
      const scores = tf.add(tf.matMul(q, k, false, true), bias); // [A, c, 2c]
      const m = tf.max(scores, -1, true);
      return [tf.exp(tf.sub(scores, m)) as tf.Tensor3D, m as tf.Tensor3D] as const;
    }) as unknown as [tf.Tensor3D, tf.Tensor3D];
    save([q, k, v, e]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [q, k, v, e] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      const dSum = tf.slice(dy, [0, 0, 0], [-1, -1, v.shape[2]]) as tf.Tensor3D;
      const dScores: tf.Tensor3D = tf.mul(e, tf.matMul(dSum, v, false, true));
      return [tf.matMul(dScores, k), tf.matMul(dScores, q, true, false), tf.matMul(e, dSum, true, false)];
    };
    return { value: tf.concat([tf.matMul(e, v), m], 2), gradFunc };
  });
  return run(q, k, v) as tf.Tensor3D;
}

/** Σᵣ e^(mʳ − m) [numerator ; denominator]ʳ, divided: `[G, R, T, E + 2]` → `[G, T, E]`. */
export function mergeRounds(rounds: tf.Tensor4D): tf.Tensor3D {
  const [G, R, T, F] = rounds.shape;
  const m = tf.slice(rounds, [0, 0, 0, F - 1], [G, R, T, 1]);
  const weights = tf.exp(tf.sub(m, tf.max(m, 1, true)));
  const sums = tf.sum(tf.mul(tf.slice(rounds, [0, 0, 0, 0], [G, R, T, F - 1]), weights), 1); // [G, T, E + 1]
  return tf.div(tf.slice(sums, [0, 0, 0], [G, T, F - 2]), tf.slice(sums, [0, 0, F - 2], [G, T, 1]));
}
