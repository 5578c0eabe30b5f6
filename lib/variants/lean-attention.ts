/**
 * Decode attention: the newest tokens of each text against its long cache of keys, cut along the keys.
 *
 * Sanovar et al., "Lean Attention: Hardware-Aware Scalable Attention Mechanism for the Decode-Phase of Transformers", 2024, arXiv:2405.10480.
 *
 *   of any set A of keys, with s its scores:  m_A = max s,  l_A = Σ e^(s − m_A),  o_A = Σ e^(s − m_A) v
 *   merge:    m = max(m_A, m_B),  l = e^(m_A − m) l_A + e^(m_B − m) l_B,  o = e^(m_A − m) o_A + e^(m_B − m) o_B
 *   at last:  o / l
 *
 * Identities (lib/identities/lean-attention.ts): merging is associative and commutative, the empty set changes nothing; so any
 * cut of the keys, in pieces of any lengths, gives softmax attention.
 * Cost for a token after n others, per head: 2 n (D + E) FLOPs; beside the cache n scores in memory at once, those of one piece where
 * pieces are merged, and P (E + 2) numbers for P pieces in the kernel (lib/kernels/decode).
 * Deviates from the paper: the pieces are merged by a second kernel, not by the worker that finishes a tile, since WebGPU promises no
 * worker that another one is running too; several new tokens at once, each seeing the cache up to itself.
 */

import * as tf from "@tensorflow/tfjs";
import { attention, repeatHeads } from "../attention.js";
import { cacheMask } from "../cache-mask.js";
import {
  DECODE,
  type DecodeAttrs,
  type DecodeRung,
  hasKernel,
  MAX_WIDTH,
  runKernel,
} from "../kernels/fused.js";
import { dims, ensure } from "../shapes.js";
import { checkSplits, type Piece, type Splits, streamK } from "./lean-splits.js";

/** The maximum of no scores: finite, so that differences of it are numbers. */
const NOTHING = -1e30;

/** What is known of the attention of queries after some of the keys. */
export interface Partial {
  /** The largest score, `[B, H, T, 1]`. */
  readonly m: tf.Tensor4D;
  /** The sum of e^(score − m), `[B, H, T, 1]`. */
  readonly l: tf.Tensor4D;
  /** The values, weighted by e^(score − m) and summed, `[B, H, T, E]`. */
  readonly o: tf.Tensor4D;
}

export interface PartialOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, G, S, D]`; G divides H. */
  readonly k: tf.Tensor4D;
  /** Values `[B, G, S, E]`. */
  readonly v: tf.Tensor4D;
  /** Boolean, true where attention is allowed; broadcastable to `[B, H, T, S]`. */
  readonly mask?: tf.Tensor;
  /** Multiplies the scores; 1/√D unless given. */
  readonly scale?: number;
}

/** The partial result of these keys. */
export function partialAttention({ q, k, v, mask, scale }: PartialOptions): Partial {
  return tf.tidy(() => {
    const { H, D } = dims("partialAttention", { q: [q, "B H T D"], k: [k, "B G S D"], v: [v, "B G S E"] });
    const scaled = tf.mul(q, scale ?? 1 / Math.sqrt(D!));
    const all = tf.matMul(scaled, repeatHeads(k, H!), false, true) as tf.Tensor4D; // [B, H, T, S]
    const scores = mask === undefined ? all : tf.where(mask, all, NOTHING);
    const m = tf.max<tf.Tensor4D>(scores, -1, true); // [B, H, T, 1]
    const weights = tf.exp(tf.sub(scores, m));
    const seen = mask === undefined ? weights : tf.mul<tf.Tensor4D>(weights, tf.cast(mask, "float32"));
    return {
      m,
      l: tf.sum<tf.Tensor4D>(seen, -1, true),
      o: tf.matMul(seen, repeatHeads(v, H!)) as tf.Tensor4D,
    };
  });
}

/** The partial result of the keys of both. */
export function mergePartials(a: Partial, b: Partial): Partial {
  return tf.tidy(() => {
    const m = tf.maximum<tf.Tensor4D>(a.m, b.m);
    const [keepA, keepB] = [tf.exp(tf.sub(a.m, m)), tf.exp(tf.sub(b.m, m))];
    const both = (x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor4D => tf.add(tf.mul(keepA, x), tf.mul(keepB, y));
    return { m, l: both(a.l, b.l), o: both(a.o, b.o) };
  });
}

/** o / l, `[B, H, T, E]`: the attention of all keys that were merged. Zeros where there was none. */
export function finishPartial({ l, o }: Pick<Partial, "l" | "o">): tf.Tensor4D {
  // The largest score adds e⁰ to l: below 1 there was no key.
  return tf.tidy(() => tf.div(o, tf.maximum(l, 1)));
}

export interface DecodeOptions {
  /** The newest queries `[B, H, T, D]`, one or a few; their own keys end the cache. */
  readonly q: tf.Tensor4D;
  /** The cache of keys `[B, G, S, D]`; G divides H, and query head h reads key head floor(h G / H). */
  readonly k: tf.Tensor4D;
  /** The cache of values `[B, G, S, E]`. */
  readonly v: tf.Tensor4D;
  /** How many keys of its cache each batch element has, S at most; S unless given. What lies behind has no say; it must be finite. */
  readonly lengths?: readonly number[];
  /** Which worker computes which keys; chosen by the amount of work unless given. */
  readonly splits?: Splits;
  /** How the kernel on a GPU goes about it; the best that the device has unless given. */
  readonly rung?: DecodeRung;
}

/**
 * softmax(q kᵀ / √D) v, `[B, H, T, E]`: query t of T sees the first length − (T − 1 − t) keys of its batch element, and gets
 * zeros where these are none. One kernel and a merge on a GPU; out of tfjs's operations elsewhere.
 *
 * @throws RangeError when shapes disagree, a length exceeds the cache, or splits miss keys or compute them twice.
 */
export function decodeAttention(options: DecodeOptions): tf.Tensor4D {
  const { q, k, v, splits } = options;
  const name = "decodeAttention";
  const { B, H, D, G, S, E } = dims(name, { q: [q, "B H T D"], k: [k, "B G S D"], v: [v, "B G S E"] });
  ensure(H! % G! === 0, `${name}: expected key heads that divide the ${H} query heads, got ${G}`);
  const lengths = options.lengths ?? Array<number>(B!).fill(S!);
  ensure(
    lengths.length === B &&
      lengths.every((length) => Number.isInteger(length) && length >= 0 && length <= S!),
    `${name}: expected ${B} lengths from 0 to S = ${S}, got [${lengths.join(", ")}]`,
  );
  if (splits !== undefined) checkSplits(name, splits, { lengths, heads: G! });
  return tf.tidy(() => {
    if (hasKernel(DECODE) && D! <= MAX_WIDTH && E! <= MAX_WIDTH) {
      const attrs: DecodeAttrs = {
        scale: 1 / Math.sqrt(D!),
        lengths,
        splits: splits ?? chosenSplits(lengths, G!),
        rung: options.rung,
      };
      return runKernel(DECODE, { q, k, v }, { ...attrs })[0] as tf.Tensor4D;
    }
    return composed(options, lengths, splits);
  });
}

/** Enough to occupy a large GPU a few times over; WebGPU does not tell how many cores there are. */
const MOST_WORKERS = 512;
/** Below so many keys a worker spends its time on starting and being merged. */
const FEWEST_KEYS = 256;
/** Cuts lie at multiples of the keys that a workgroup takes at once. */
const BLOCK = 128;

function chosenSplits(lengths: readonly number[], heads: number): Splits {
  const keys = heads * lengths.reduce((sum, length) => sum + length, 0);
  const workers = Math.min(MOST_WORKERS, Math.max(1, Math.ceil(keys / FEWEST_KEYS)));
  return streamK({ lengths, heads, workers, block: BLOCK });
}

/** Out of tfjs's operations; without splits all keys at once. */
function composed({ q, k, v }: DecodeOptions, lengths: readonly number[], splits?: Splits): tf.Tensor4D {
  const [B, H, T, D] = q.shape;
  const [, G, S, E] = v.shape;
  const R = (T * H) / G;
  // As further queries of one key head, heads that share it need no copies of the cache.
  const rows: tf.Tensor4D = tf.reshape(q, [B, G, R, D]);
  const everything = T === 1 && lengths.every((length) => length === S);
  const mask = everything ? undefined : cacheMask({ lengths, T, S, group: H / G }); // [B, 1, R, S]
  if (splits === undefined) return tf.reshape(attention({ q: rows, k, v, mask }), [B, H, T, E]);
  const tiles = Array.from({ length: B * G }, (_, tile) => {
    const [b, g] = [Math.floor(tile / G), tile % G];
    const part = ({ from, to }: Piece) =>
      partialAttention({
        q: tf.slice(rows, [b, g, 0, 0], [1, 1, R, D]),
        k: tf.slice(k, [b, g, from, 0], [1, 1, to - from, D]),
        v: tf.slice(v, [b, g, from, 0], [1, 1, to - from, E]),
        mask: mask && tf.slice(mask, [b, 0, 0, from], [1, 1, R, to - from]),
      });
    const own = splits.flat().filter((piece) => piece.b === b && piece.g === g && piece.from < piece.to);
    return finishPartial(mergedParts(own, part) ?? { l: tf.zeros([1, 1, R, 1]), o: tf.zeros([1, 1, R, E]) });
  });
  return tf.reshape(tf.concat(tiles, 1), [B, H, T, E]);
}

/** One piece after the other: of each only what is known after it stays in memory. */
function mergedParts(pieces: readonly Piece[], part: (piece: Piece) => Partial): Partial | undefined {
  let known: Partial | undefined;
  for (const piece of pieces) {
    const before = known;
    known = tf.tidy(() => ({ ...(before === undefined ? part(piece) : mergePartials(before, part(piece))) }));
    tf.dispose({ ...before });
  }
  return known;
}
