/** Cuts a sequence into chunks of equal length, and puts it together again: what chunkwise forms start and end with. */

import * as tf from "@tensorflow/tfjs";
import { ensure } from "./shapes.js";

/**
 * `[B, H, T, D]` → `[B·H, N, c, D]` with N = ⌈T / c⌉ chunks of c positions. Zeros fill the last chunk: harmless behind
 * the end of a causal sequence, but a sum over its last chunk sees them.
 *
 * @throws RangeError unless `chunk` is a positive integer.
 */
export function splitChunks(x: tf.Tensor4D, chunk: number): tf.Tensor4D {
  ensure(
    Number.isInteger(chunk) && chunk >= 1,
    `splitChunks: expected a chunk of 1 or more positions, got ${chunk}`,
  );
  const [B, H, T, D] = x.shape;
  const N = Math.ceil(T / chunk);
  return tf.tidy(() => {
    const missing = N * chunk - T;
    const whole =
      missing === 0
        ? x
        : tf.pad(x, [
            [0, 0],
            [0, 0],
            [0, missing],
            [0, 0],
          ]); // [B, H, N·c, D]
    return tf.reshape(whole, [B * H, N, chunk, D]);
  });
}

/** `[B·H, N, c, E]` → `[B, H, T, E]`, without what filled the last chunk. */
export function mergeChunks(x: tf.Tensor4D, { B, H, T }: { B: number; H: number; T: number }): tf.Tensor4D {
  const [, N, chunk, E] = x.shape;
  return tf.tidy(() => {
    const whole: tf.Tensor4D = tf.reshape(x, [B, H, N * chunk, E]);
    return N * chunk === T ? whole : tf.slice(whole, [0, 0, 0, 0], [B, H, T, E]);
  });
}

/** Rows that one product sums in `sumsBefore`: constant, so that the whole stays linear in the number of rows. */
const GROUP = 16;

/**
 * Along axis 1, the sum of everything earlier, an exclusive cumulative sum: `[A, N, F, E]` → `[A, N, F, E]`, zeros first.
 *
 * As products with a triangle of ones, in groups whose totals are summed the same way: `tf.cumsum` runs on one core
 * of the `tensorflow` backend, and takes two to three times as long.
 */
export function sumsBefore(x: tf.Tensor4D): tf.Tensor4D {
  const [A, N, F, E] = x.shape;
  return tf.tidy(() => {
    if (N === 1) return tf.zerosLike(x);
    const group = Math.min(N, GROUP);
    const rows = splitChunks(tf.reshape(x, [A, 1, N, F * E]) as tf.Tensor4D, group); // [A, N/g, g, F·E]
    const groups = rows.shape[1];
    const inside: tf.Tensor4D = tf.matMul(strictTriangle(group), rows); // [A, N/g, g, F·E]
    if (groups === 1) return tf.reshape(inside, [A, N, F, E]);
    const last = (of: tf.Tensor4D) => tf.slice(of, [0, 0, group - 1, 0], [A, groups, 1, F * E]);
    const totals = tf.add<tf.Tensor4D>(last(inside), last(rows)); // [A, N/g, 1, F·E]
    const before = tf.add<tf.Tensor4D>(inside, sumsBefore(totals));
    return tf.reshape(mergeChunks(before, { B: A, H: 1, T: N }), [A, N, F, E]);
  });
}

/** Ones strictly below the diagonal, `[1, 1, n, n]`. */
function strictTriangle(n: number): tf.Tensor4D {
  const position = tf.range(0, n);
  const below = tf.less(position, tf.reshape(position, [n, 1]));
  return tf.reshape(tf.cast(below, "float32"), [1, 1, n, n]);
}
