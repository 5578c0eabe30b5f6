/**
 * Reformer's hashing: vectors that point in about the same direction get the same bucket, most of the time.
 *
 * Kitaev, Kaiser & Levskaya, "Reformer: The Efficient Transformer", 2020, arXiv:2001.04451, section 2.
 *
 *   h(x) = argmax([x R ; −x R]),   R of size [D, b/2], entries normal: b buckets, a direction and its opposite each
 *   P[h(x) = h(y)] = 1 − θ/π for b = 2,   (1 − θ/π)² for b = 4,   θ the angle between x and y
 *
 * (In shapes R is the number of rounds, as everywhere in these files.)
 * Identities (test/variants/reformer.test.ts): equals transformers' hash for the same R; scaling x changes nothing; the
 * measured share of common buckets is the formula's; sorting is a permutation, by bucket and then by position.
 * Cost of one round: T D Σ fᵢ FLOPs for b = f₁ f₂ …, and sorting.
 * Deviates from the paper: b may be a product, each factor hashed by a rotation of its own. With one factor and chunks of
 * fixed length, b grows like T, and hashing like T²; with factors of at most 32 it grows like T log T.
 */

import * as tf from "@tensorflow/tfjs";
import { random } from "../random.js";
import { dims, ensure } from "../shapes.js";

/** Bits of the largest factor that `bucketFactors` chooses. */
const MOST_BITS = 5;

/**
 * How many buckets for T positions in chunks of `chunk`: about 2 T / chunk, so that a bucket fills half a chunk (section
 * 2), rounded down to a power of 2 and at least 2, as factors of about the same size.
 */
export function bucketFactors({ T, chunk }: { T: number; chunk: number }): number[] {
  const bits = Math.max(1, Math.floor(Math.log2((2 * T) / chunk)));
  const parts = Math.ceil(bits / MOST_BITS);
  return Array.from({ length: parts }, (_, n) => 2 ** Math.floor((bits + n) / parts));
}

/**
 * Random R, one `[D, rounds, f/2]` for each factor f.
 *
 * @throws RangeError for an odd factor, no factor, or fewer than one round.
 */
export function rotations({
  D,
  factors,
  rounds,
  seed,
}: {
  D: number;
  factors: readonly number[];
  rounds: number;
  seed: string | number;
}): tf.Tensor3D[] {
  const even = factors.length > 0 && factors.every((f) => Number.isInteger(f) && f >= 2 && f % 2 === 0);
  ensure(
    even,
    `rotations: expected even numbers of buckets, at least 2 (a direction and its opposite), got [${factors.join(", ")}]`,
  );
  ensure(
    Number.isInteger(rounds) && rounds >= 1,
    `rotations: expected one or more hashing rounds, got ${rounds}`,
  );
  const generator = random(`reformer ${seed}`);
  return factors.map((f) => generator.normalTensor<tf.Rank.R3>([D, rounds, f / 2]));
}

/** The bucket of every vector of `x [B, H, T, D]` in every round: `[B, H, R, T]` int32, the first factor's digit lowest. */
export function hashBuckets({ x, rotations }: { x: tf.Tensor4D; rotations: readonly tf.Tensor3D[] }) {
  const { B, H, T, D } = dims("hashBuckets", { x: [x, "B H T D"] });
  return tf.tidy(() => {
    const vectors = tf.reshape(x, [B! * H! * T!, D!]);
    let stride = 1;
    const digits = rotations.map((rotation) => {
      const { R, F } = dims("hashBuckets", { x: [x, "B H T D"], rotation: [rotation, "D R F"] });
      const turned = tf.reshape(tf.matMul(vectors, tf.reshape(rotation, [D!, R! * F!])), [-1, F!]); // [B H T R, f/2]
      const digit = tf.mul(tf.argMax(tf.concat([turned, tf.neg(turned)], 1), 1), tf.scalar(stride, "int32"));
      stride *= 2 * F!;
      return tf.reshape(digit, [B!, H!, T!, R!]);
    });
    const buckets = digits.reduce((sum, digit) => tf.add(sum, digit)); // [B, H, T, R]
    return tf.transpose(tf.cast(buckets, "int32"), [0, 1, 3, 2]) as tf.Tensor4D;
  });
}

/**
 * The probability that two vectors at an angle (radians, 0 … π) share a bucket in at least one of `rounds` rounds.
 *
 * @throws RangeError for factors other than 2 and 4, for which no closed form is known.
 */
export function sharingProbability({
  angle,
  factors,
  rounds = 1,
}: {
  angle: number;
  factors: readonly number[];
  rounds?: number;
}): number {
  ensure(
    factors.every((f) => f === 2 || f === 4),
    `sharingProbability: expected factors 2 or 4, which have a closed form, got [${factors.join(", ")}]`,
  );
  const once = factors.reduce((p, f) => p * (1 - angle / Math.PI) ** Math.log2(f), 1);
  return 1 - (1 - once) ** rounds;
}

/** Positions in the order of their buckets, round by round: all `[rows, L]` int32. */
export interface SortedBuckets {
  /** Which position stands at each place; equal buckets keep their order in time. */
  readonly order: tf.Tensor2D;
  /** The bucket at each place, rising. */
  readonly sorted: tf.Tensor2D;
  /** Where each position stands, counted over all rows: row · L + place. */
  readonly place: tf.Tensor2D;
}

/** Sorts every row of `buckets [rows, L]` (int32, 0 or more) by bucket, and within a bucket by position. */
export function sortByBucket(buckets: tf.Tensor2D): SortedBuckets {
  const [rows, L] = buckets.shape;
  return tf.tidy(() => {
    const positions = tf.range(0, L, 1, "int32");
    const length = tf.scalar(L, "int32");
    // Keys that are all different need no stable sort.
    const keys = tf.add(tf.mul(buckets, length), positions);
    const { values, indices } = tf.topk(tf.neg(keys), L); // the largest of −key: the smallest key first
    const order = tf.cast(indices, "int32") as tf.Tensor2D;
    const sorted = tf.floorDiv(tf.cast(tf.neg(values), "int32"), length) as tf.Tensor2D;
    const starts = tf.reshape(tf.range(0, rows * L, L, "int32"), [rows, 1]);
    const at = tf.reshape(tf.add(order, starts), [rows * L, 1]);
    const place = tf.scatterND(at, tf.range(0, rows * L, 1, "int32"), [rows * L]);
    return { order, sorted, place: tf.reshape(tf.cast(place, "int32"), [rows, L]) as tf.Tensor2D };
  });
}
