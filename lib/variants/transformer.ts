/**
 * What "Attention Is All You Need" adds around attention: positions, the feed-forward block, cached decoding, costs.
 *
 * Vaswani et al., 2017, arXiv:1706.03762.
 *
 *   PE(p, 2i) = sin(p ωᵢ),  PE(p, 2i+1) = cos(p ωᵢ),  ωᵢ = 10000^(−2i/C)          (section 3.5)
 *   PE(p + s) = PE(p) R(s)ᵀ, R(s) block-diagonal rotations by s ωᵢ                   (claimed in section 3.5)
 *   FFN(x) = max(0, x W₁ + b₁) W₂ + b₂                                              (eq. 2)
 *
 * Identities (test/variants/transformer.test.ts): a shift of positions is a rotation; decoding token by token
 * with a cache equals the full causal pass; the cost formulas equal the operations that really ran.
 * Cost: attention 8 T C² + 4 T² C FLOPs and H T² scores; FFN 4 r T C² FLOPs for an inner width r C.
 * Deviates from the paper: none; the cache is folklore that the paper's autoregressive decoder implies.
 */

import * as tf from "@tensorflow/tfjs";
import { attention, type MultiHeadWeights, mergeHeads, project, splitHeads } from "../attention.js";
import { dims, ensure } from "../shapes.js";

/** Angular frequencies ωᵢ = base^(−2i/C), radians per position, length C / 2. */
export function positionFrequencies({ C, base = 10_000 }: { C: number; base?: number }): number[] {
  ensure(
    Number.isInteger(C) && C >= 2 && C % 2 === 0,
    `positionFrequencies: expected an even width C, got ${C}`,
  );
  return Array.from({ length: C / 2 }, (_, i) => base ** ((-2 * i) / C));
}

export interface PositionOptions {
  /** Number of positions. */
  readonly T: number;
  /** Width; even. */
  readonly C: number;
  /** The first position; 0 unless given, so that a decoder can ask for position t alone. */
  readonly start?: number;
  readonly base?: number;
}

/** Sinusoidal position encodings, sine and cosine interleaved: `[T, C]`. */
export function sinusoidalPositions({ T, C, start = 0, base }: PositionOptions): tf.Tensor2D {
  const omega = positionFrequencies({ C, base });
  return tf.tidy(() => {
    // Angles in float64: at position 10⁵ a float32 angle would already be off by 0.004 radians.
    const values = new Float32Array(T * C);
    for (let t = 0; t < T; t++) {
      omega.forEach((w, i) => {
        values[t * C + 2 * i] = Math.sin((start + t) * w);
        values[t * C + 2 * i + 1] = Math.cos((start + t) * w);
      });
    }
    return tf.tensor2d(values, [T, C]);
  });
}

/** The matrix R(s) with PE(p + s) = PE(p) R(s)ᵀ for every p: 2 × 2 rotations on the diagonal, `[C, C]`. */
export function shiftRotation({ shift, C, base }: { shift: number; C: number; base?: number }): tf.Tensor2D {
  const rows = Array.from({ length: C }, () => new Array<number>(C).fill(0));
  positionFrequencies({ C, base }).forEach((w, i) => {
    const [cos, sin] = [Math.cos(shift * w), Math.sin(shift * w)];
    rows[2 * i]![2 * i] = cos;
    rows[2 * i]![2 * i + 1] = sin;
    rows[2 * i + 1]![2 * i] = -sin;
    rows[2 * i + 1]![2 * i + 1] = cos;
  });
  return tf.tensor2d(rows);
}

export interface FeedForwardOptions {
  /** `[B, T, C]` */
  readonly x: tf.Tensor3D;
  /** `[C, F]`, F the inner width; the paper takes F = 4 C. */
  readonly w1: tf.Tensor2D;
  /** `[F]` */
  readonly b1: tf.Tensor1D;
  /** `[F, C]` */
  readonly w2: tf.Tensor2D;
  /** `[C]` */
  readonly b2: tf.Tensor1D;
}

/** max(0, x W₁ + b₁) W₂ + b₂, `[B, T, C]`. */
export function feedForward({ x, w1, b1, w2, b2 }: FeedForwardOptions): tf.Tensor3D {
  return tf.tidy(() => {
    dims("feedForward", { x: [x, "B T C"], w1: [w1, "C F"], b1: [b1, "F"], w2: [w2, "F C"], b2: [b2, "C"] });
    return tf.add(project(tf.relu(tf.add(project(x, w1), b1)), w2), b2);
  });
}

/** Keys and values of the positions decoded so far, `[B, H, S, D]` each; undefined before the first. */
export interface KeyValueCache {
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
}

export interface DecodeStepOptions {
  /** The newest positions only, `[B, T, C]` (T = 1 when generating). */
  readonly x: tf.Tensor3D;
  readonly weights: MultiHeadWeights;
  readonly heads: number;
  readonly cache?: KeyValueCache;
}

/**
 * Causal multi-head attention for the newest positions, reading older keys and values from the cache.
 *
 * @returns `y [B, T, C]` and the cache grown by T positions. The old cache is left alone: its owner disposes it.
 */
export function decodeStep({ x, weights, heads, cache }: DecodeStepOptions): {
  y: tf.Tensor3D;
  cache: KeyValueCache;
} {
  return tf.tidy(() => {
    const q = splitHeads(project(x, weights.wq), heads);
    const newK = splitHeads(project(x, weights.wk), heads);
    const newV = splitHeads(project(x, weights.wv), heads);
    const k = cache === undefined ? newK : tf.concat([cache.k, newK], 2);
    const v = cache === undefined ? newV : tf.concat([cache.v, newV], 2);
    // One query at the end sees every key: no mask is needed.
    const mixed = attention({ q, k, v, causal: x.shape[1] > 1 });
    return { y: project(mergeHeads(mixed), weights.wo), cache: { k, v } };
  });
}

/** `decodeStep` for every position of `x [B, T, C]` in turn: what a generating model computes, `[B, T, C]`. */
export function decodeAll({ x, weights, heads }: Omit<DecodeStepOptions, "cache">): tf.Tensor3D {
  return tf.tidy(() => {
    let cache: KeyValueCache | undefined;
    const outputs = tf.split<tf.Tensor3D>(x, x.shape[1], 1).map((position) => {
      const step = decodeStep({ x: position, weights, heads, cache });
      cache = step.cache;
      return step.y;
    });
    return tf.concat<tf.Tensor3D>(outputs, 1);
  });
}

/** FLOPs of one Transformer layer on T positions of width C; a multiply-add counts as 2. */
export function layerFlops({ T, C, ratio = 4 }: { T: number; C: number; ratio?: number }) {
  return {
    /** x W_Q, x W_K, x W_V and the output projection. */
    projections: 8 * T * C ** 2,
    /** Q Kᵀ and P V over all heads, masked or not. */
    scores: 4 * T ** 2 * C,
    /** Both products of the FFN of inner width ratio · C. */
    feedForward: 4 * ratio * T * C ** 2,
  };
}

/** Bytes of all attention patterns of one layer: H matrices of T × T. */
export function scoreBytes({ T, H, bytesPerNumber = 4 }: { T: number; H: number; bytesPerNumber?: number }) {
  return H * T ** 2 * bytesPerNumber;
}

/** Bytes of a cache: keys and values, `layers` × T positions × C numbers each. */
export function cacheBytes({
  layers,
  T,
  C,
  bytesPerNumber = 4,
}: {
  layers: number;
  T: number;
  C: number;
  bytesPerNumber?: number;
}): number {
  return 2 * layers * T * C * bytesPerNumber;
}

/** FLOPs in one layer to generate T tokens one after the other, with a cache or recomputing the whole prefix each time. */
export function generationFlops({ T, C, ratio = 4 }: { T: number; C: number; ratio?: number }) {
  const perToken = (8 + 4 * ratio) * C ** 2;
  return {
    /** Token t projects itself and reads t keys and values: Σₜ (perToken + 4 t C). */
    cached: T * perToken + 2 * T * (T + 1) * C,
    /** Token t repeats the full pass over t tokens: Σₜ (t perToken + 4 t² C). */
    recomputed: ((T * (T + 1)) / 2) * perToken + (4 * C * T * (T + 1) * (2 * T + 1)) / 6,
  };
}
