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
const GROUP = 32;

/**
 * Along axis 1, the sum of everything earlier, an exclusive cumulative sum: `[A, N, F, E]` → `[A, N, F, E]`, zeros first.
 * With `decays`, one for each of A, row m counts decayⁿ⁻¹⁻ᵐ times in the sum at n: what a recurrence that shrinks by that
 * factor holds before row n.
 *
 * As products with a triangle of powers, in groups whose totals are summed the same way: `tf.cumsum` runs on one core
 * of the `tensorflow` backend, takes two to three times as long, and knows no decay.
 */
export function sumsBefore(x: tf.Tensor4D, decays?: readonly number[]): tf.Tensor4D {
  const [A, N, F, E] = x.shape;
  ensure(
    decays === undefined || decays.length === A,
    `sumsBefore: expected one decay for each of the ${A} sequences, got ${decays?.length}`,
  );
  return tf.tidy(() => {
    if (N === 1) return tf.zerosLike(x);
    const group = Math.min(N, GROUP);
    const rows = splitChunks(tf.reshape(x, [A, 1, N, F * E]) as tf.Tensor4D, group); // [A, N/g, g, F·E]
    const groups = rows.shape[1];
    const triangle = strictTriangle(decays ?? [1], group);
    // Tiled, since the `cpu` backend's matMul repeats a smaller batch as a whole instead of along its axis of size 1.
    const triangles = decays === undefined ? triangle : tf.tile(triangle, [1, groups, 1, 1]);
    const inside: tf.Tensor4D = tf.matMul(triangles, rows); // [A, N/g, g, F·E]
    if (groups === 1) return tf.reshape(inside, [A, N, F, E]);
    const last = (of: tf.Tensor4D) => tf.slice(of, [0, 0, group - 1, 0], [A, groups, 1, F * E]);
    const faded = (of: tf.Tensor4D, exponents: readonly number[]): tf.Tensor4D =>
      decays === undefined ? of : tf.mul(of, powers(decays, exponents));
    const totals = tf.add<tf.Tensor4D>(faded(last(inside), [1]), last(rows)); // [A, N/g, 1, F·E]
    const older = sumsBefore(
      totals,
      decays?.map((decay) => decay ** group),
    );
    const before = tf.add<tf.Tensor4D>(
      inside,
      faded(
        older,
        Array.from({ length: group }, (_, n) => n),
      ),
    );
    return tf.reshape(mergeChunks(before, { B: A, H: 1, T: N }), [A, N, F, E]);
  });
}

/** Each decay to each exponent, `[A, 1, exponents, 1]`. */
function powers(decays: readonly number[], exponents: readonly number[]): tf.Tensor4D {
  const values = decays.flatMap((decay) => exponents.map((exponent) => decay ** exponent));
  return tf.tensor4d(values, [decays.length, 1, exponents.length, 1]);
}

/** decayⁿ⁻¹⁻ᵐ at (n, m) strictly below the diagonal, `[A, 1, size, size]`. */
function strictTriangle(decays: readonly number[], size: number): tf.Tensor4D {
  const values = decays.flatMap((decay) =>
    Array.from({ length: size * size }, (_, at) => {
      const distance = Math.floor(at / size) - (at % size);
      return distance > 0 ? decay ** (distance - 1) : 0;
    }),
  );
  return tf.tensor4d(values, [decays.length, 1, size, size]);
}
