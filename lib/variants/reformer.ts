/**
 * Reformer's LSH attention: every query meets only the keys in its hash bucket, found by sorting, in several rounds.
 *
 * Kitaev, Kaiser & Levskaya, "Reformer: The Efficient Transformer", 2020, arXiv:2001.04451, section 2 and appendix A.
 *
 *   oᵢ = Σ_{j ∈ Pᵢ} exp(qᵢ · kⱼ − zᵢ) vⱼ,   Pᵢ = ⋃ᵣ Pᵢʳ,   kⱼ = qⱼ / ‖qⱼ‖               zᵢ the logarithm of the sum
 *   Pᵢʳ = { j : hʳ(qⱼ) = hʳ(qᵢ), and j stands in the chunk of i or the one before, sorted by (hʳ, position) }
 *   oᵢ = Σᵣ exp(zᵢʳ − zᵢ) oᵢʳ,   where round r subtracts ln Nᵢⱼ from qᵢ · kⱼ: Nᵢⱼ rounds have found the pair
 *   i itself is in Pᵢ with −10⁵ added: it counts only where there is nothing else
 *
 * Identities (lib/identities/reformer.ts): the rounds merged equal one softmax over the union of their pairs; one bucket
 * in one chunk is full attention with shared queries and keys.
 * Cost per head with R rounds and chunks of c: 2 R T 2c (D + E + 1) FLOPs in the products, R T 2c scores, R sorts.
 * Deviates from the paper: it leaves scaling by 1/√D out of its formulas; here, as in transformers, keys of length 1
 * take its place. Positions of the first chunk look at their own chunk only.
 */

import * as tf from "@tensorflow/tfjs";
import { attention, MASK_VALUE } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import {
  attendParts,
  lookBack,
  meetingCodes,
  meetingDistance,
  mergeRounds,
  repeats,
  takeRows,
} from "./reformer-chunks.js";
import { bucketFactors, hashBuckets, rotations, sortByBucket } from "./reformer-hash.js";

/** Added to a token's score for itself: below every other score, above what is masked. */
export const SELF_VALUE = -1e5;

export interface SharedAttentionOptions {
  /** Queries, which are also the keys once they have length 1: `[B, H, T, D]`. Their lengths must stay below 10⁵. */
  readonly qk: tf.Tensor4D;
  /** `[B, H, T, E]` */
  readonly v: tf.Tensor4D;
  /** Position t sees positions up to t. */
  readonly causal?: boolean;
  /** True where there is a token and not padding, `[B, T]` bool: padding is seen by nobody and gets zeros. */
  readonly mask?: tf.Tensor2D;
}

export interface LshAttentionOptions extends SharedAttentionOptions {
  /** The bucket of each position in each round, `[B, H, R, T]` int32, 0 or more. */
  readonly buckets: tf.Tensor4D;
  /** Positions of a chunk, c. */
  readonly chunk: number;
}

export interface ReformerOptions extends SharedAttentionOptions {
  /** 64 unless given. */
  readonly chunk?: number;
  /** Hashing rounds, R; 1 unless given. */
  readonly rounds?: number;
  /** Even numbers whose product is the number of buckets; `bucketFactors` unless given. */
  readonly factors?: readonly number[];
  /** Of the random rotations. */
  readonly seed?: string | number;
}

/**
 * Hashes, sorts and attends: `[B, H, T, E]`. A sequence that fits into one chunk is not hashed.
 *
 * @throws RangeError for odd bucket factors, fewer than one round, a chunk below 1.
 */
export function reformer({ chunk = 64, rounds = 1, factors, seed = 0, ...options }: ReformerOptions) {
  const { D, T } = dims("reformer", { qk: [options.qk, "B H T D"], v: [options.v, "B H T E"] });
  checkChunk("reformer", chunk);
  return tf.tidy(() => {
    const R = rotations({ D: D!, rounds, seed, factors: factors ?? bucketFactors({ T: T!, chunk }) });
    if (T! <= chunk) return sharedAttention(options);
    return lshAttention({ ...options, chunk, buckets: hashBuckets({ x: options.qk, rotations: R }) });
  });
}

/** Full attention with shared queries and keys: what LSH attention approximates. `[B, H, T, E]` */
export function sharedAttention(options: SharedAttentionOptions): tf.Tensor4D {
  checkShared("sharedAttention", options);
  return tf.tidy(() => attendDense(options));
}

/** LSH attention by a T × T mask, the union of all rounds: the simple form, quadratic, to compare with. */
export function lshAttentionDense(options: LshAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { G, H, R, T, N, c, padded } = checkedLsh("lshAttentionDense", options);
    const code = tf.slice(meetingCodes(sortByBucket(padded), { N, c }), [0, 0], [G * R, T]);
    const apart = meetingDistance(tf.reshape(code, [G, R, T, 1]), tf.reshape(code, [G, R, 1, T]));
    return attendDense(options, tf.reshape(tf.equal(tf.min(apart, 1), 1), [-1, H, T, T]));
  });
}

/** LSH attention by sorted chunks: `[B, H, T, E]`, without a T × T tensor. */
export function lshAttention(options: LshAttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { B, H, G, R, T, D, E, N, c, L, padded } = checkedLsh("lshAttention", options);
    const { qk, v, causal = false, mask } = options;
    const layout = sortByBucket(padded);
    const inChunks = (x: tf.Tensor2D) => tf.reshape(x, [G, R, N, c]) as tf.Tensor4D;
    const [at, bucket] = [inChunks(layout.order), inChunks(layout.sorted)];
    const [atKeys, bucketKeys] = [lookBack(at, 0), lookBack(bucket, -1)]; // [G, R, N, 2c]

    const bias = tf.tidy(() => {
      const [query, key] = [
        [G, R, N, c, 1],
        [G, R, N, 1, 2 * c],
      ] as const;
      const [i, j] = [tf.reshape(at, [...query]), tf.reshape(atKeys, [...key])];
      const same = tf.equal(tf.reshape(bucket, [...query]), tf.reshape(bucketKeys, [...key]));
      const allowed = causal ? tf.logicalAnd(same, tf.lessEqual(j, i)) : same;
      const once = R === 1 ? tf.scalar(0) : tf.neg(tf.log(repeats(layout, { G, R, N, c, at, atKeys })));
      return tf.where(tf.equal(i, j), SELF_VALUE, tf.where(allowed, once, MASK_VALUE));
    }); // [G, R, N, c, 2c]

    const rowsOf = (positions: tf.Tensor4D) => {
      const starts = tf.reshape(tf.range(0, G * T, T, "int32"), [G, 1, 1, 1]);
      const rows = tf.add(tf.minimum(positions, tf.scalar(T - 1, "int32")), starts);
      return tf.reshape(rows, [G * R * N, -1]) as tf.Tensor2D;
    };
    const values: tf.Tensor2D = tf.concat([tf.reshape(v, [G * T, E]), tf.ones([G * T, 1])], 1);
    const keys: tf.Tensor2D = tf.reshape(unit(qk), [G * T, D]);
    const toKeys = rowsOf(atKeys);
    const parts = attendParts({
      q: takeRows(tf.reshape(qk, [G * T, D]), rowsOf(at)), // [G R N, c, D]
      k: takeRows(keys, toKeys), // [G R N, 2c, D]
      v: takeRows(values, toKeys), // [G R N, 2c, E + 1]
      bias: tf.reshape(bias, [G * R * N, c, 2 * c]),
    });
    const back = tf.slice(layout.place, [0, 0], [G * R, T]);
    const rounds = takeRows(tf.reshape(parts, [G * R * L, E + 2]), back); // [G R, T, E + 2]
    return hideAbsent(tf.reshape(mergeRounds(tf.reshape(rounds, [G, R, T, E + 2])), [B, H, T, E]), mask);
  });
}

/** x / ‖x‖ along the last axis; a vector of zeros stays zero. */
function unit(x: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), 1e-12)));
}

function attendDense({ qk, v, causal, mask }: SharedAttentionOptions, pairs?: tf.Tensor): tf.Tensor4D {
  const [B, , T] = qk.shape;
  const present = mask === undefined ? undefined : tf.reshape(mask, [B, 1, 1, T]);
  const both =
    present === undefined || pairs === undefined ? (present ?? pairs) : tf.logicalAnd(present, pairs);
  const bias = tf.mul(tf.eye(T), SELF_VALUE);
  return hideAbsent(attention({ q: qk, k: unit(qk), v, causal, bias, mask: both, scale: 1 }), mask);
}

function hideAbsent(rows: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
  return mask === undefined
    ? rows
    : tf.mul(rows, tf.expandDims(tf.expandDims(tf.cast(mask, "float32"), 1), 3));
}

function checkShared(name: string, { qk, v, mask }: SharedAttentionOptions) {
  const shape = dims(name, { qk: [qk, "B H T D"], v: [v, "B H T E"] });
  if (mask !== undefined) dims(name, { qk: [qk, "B H T D"], mask: [mask, "B T"] });
  return shape as Record<"B" | "H" | "T" | "D" | "E", number>;
}

function checkedLsh(name: string, options: LshAttentionOptions) {
  const { qk, buckets, chunk: c, mask } = options;
  const { B, H, T, D, E } = checkShared(name, options);
  const R = dims(name, { qk: [qk, "B H T D"], buckets: [buckets, "B H R T"] }).R!;
  ensure(buckets.dtype === "int32", `${name}: expected int32 buckets, got dtype ${buckets.dtype}`);
  checkChunk(name, c);
  const [G, N] = [B * H, Math.ceil(T / c)];
  const L = N * c;
  const padded = tf.tidy(() => {
    // What is absent, and what fills the last chunk, goes into a bucket of its own at the end.
    const last = tf.add(tf.max(buckets), tf.scalar(1, "int32"));
    const own = mask === undefined ? buckets : tf.where(tf.reshape(mask, [B, 1, 1, T]), buckets, last);
    const filling = tf.mul(tf.ones([G * R, L - T], "int32"), last);
    return tf.concat([tf.reshape(own, [G * R, T]), filling], 1) as tf.Tensor2D;
  });
  return { B, H, T, D, E, R, G, N, c, L, padded };
}

function checkChunk(name: string, chunk: number): void {
  ensure(
    Number.isInteger(chunk) && chunk >= 1,
    `${name}: expected a chunk of one or more positions, got ${chunk}`,
  );
}
