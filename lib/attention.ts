/**
 * Scaled dot-product attention, the one implementation that variants build on.
 *
 * Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762.
 *
 *   Attention(Q, K, V) = softmax(Q Kᵀ / √d + M) V                                          (eq. 1)
 *   MultiHead(X) = Concat(head₁, …, head_H) W_O,   headᵢ = Attention(X W_Qⁱ, X W_Kⁱ, X W_Vⁱ)   (section 3.2.2)
 *
 * Identities (test/attention.test.ts): equals a float64 loop; multi-head with one head equals attention; grouped
 * heads equal repeated heads; a cache that grows by one key equals the full causal pass.
 * Cost: 4 T S D multiply-adds' worth of FLOPs per head in the two products, T S scores in memory.
 * Deviates from the paper: masks are boolean (true = may attend), a fully masked row returns zeros instead of
 * an average over forbidden keys, and key/value heads may be fewer than query heads (Ainslie et al., 2023,
 * arXiv:2305.13245).
 */

import * as tf from "@tensorflow/tfjs";
import {
  ATTENTION,
  type AttentionAttrs,
  type AttentionInputs,
  hasKernel,
  MAX_WIDTH,
  type Rung,
  runKernel,
} from "./kernels/fused.js";
import { dims, ensure, formatShape } from "./shapes.js";

/** What is added to a score that must not be attended to: finite, so that a whole row of it stays finite. */
export const MASK_VALUE = -1e9;

export interface AttentionOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, G, S, D]`; G divides H, and query head h reads key head floor(h G / H). */
  readonly k: tf.Tensor4D;
  /** Values `[B, G, S, E]`. */
  readonly v: tf.Tensor4D;
  /** Boolean, true where attention is allowed; broadcastable to `[B, H, T, S]`. */
  readonly mask?: tf.Tensor;
  /** Added to the scores after scaling; broadcastable to `[B, H, T, S]`. */
  readonly bias?: tf.Tensor;
  /** Query t sees keys up to t + (S - T): the last query sees every key, as in cached decoding. */
  readonly causal?: boolean;
  /**
   * A sliding window: query t, whose own position among the keys is t + (S - T), sees keys at most so many positions away.
   * Longformer's window w is radius w/2; "the last w keys" is causal with radius w - 1. No limit unless given.
   */
  readonly radius?: number;
  /** Multiplies the scores; 1/√D unless given. */
  readonly scale?: number;
}

/**
 * softmax(Q Kᵀ · scale + bias + mask) V, shape `[B, H, T, E]`. A query that may attend to nothing gets zeros.
 *
 * @throws RangeError when shapes disagree.
 */
export function attention(options: AttentionOptions): tf.Tensor4D {
  return fusedAttention(options) ?? composedAttention(options);
}

/** The same out of tfjs's operations, on every backend: the pattern, T·S numbers per head, is stored. */
export function composedAttention(options: AttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { v, H } = checked("attention", options);
    const weights = attentionWeights(options);
    return tf.matMul(weights, repeatHeads(v, H)); // [B, H, T, E]
  });
}

/** Attention over some of the keys, in a form that can be joined with the others'. */
export interface AttentionPart {
  /** `[B, H, T, E]`: softmax over these keys alone. */
  readonly out: tf.Tensor4D;
  /** `[B, H, T, 1]`: the logarithm of what that softmax divides by, ln Σ e^score; -1e30 where there is no key. */
  readonly lse: tf.Tensor4D;
}

export interface FusedOptions extends AttentionOptions {
  /** Picks one of the kernel's versions. */
  readonly rung?: Rung;
}

/** The same in one kernel, which stores no pattern; undefined where the backend has none, or not for such wide heads. */
export function fusedAttention(options: FusedOptions): tf.Tensor4D | undefined {
  return tf.tidy(() => fusedPart(options)?.out);
}

/** The same, to be joined with attention over further keys. */
export function fusedPart({ rung, ...options }: FusedOptions): AttentionPart | undefined {
  if (!hasKernel(ATTENTION)) return undefined;
  return tf.tidy(() => {
    const { q, k, v, mask, bias, causal, radius, scale } = checked("attention", options);
    if (q.shape[3] > MAX_WIDTH || v.shape[3] > MAX_WIDTH) return undefined;
    const inputs = { q, k, v, bias: bias ?? tf.scalar(0), mask: mask ?? tf.scalar(true, "bool") };
    const present = { biased: bias !== undefined, masked: mask !== undefined };
    const attrs: AttentionAttrs = { causal, radius, scale, ...present, rung };
    const [out, lse] = runKernel(ATTENTION, inputs satisfies AttentionInputs, { ...attrs });
    return { out: out as tf.Tensor4D, lse: tf.expandDims(lse!, 3) as tf.Tensor4D };
  });
}

/** The attention pattern itself, `[B, H, T, S]`: rows sum to one, or are all zero where nothing may be seen. */
export function attentionWeights(options: AttentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, mask, bias, causal, radius, scale, H, T, S } = checked("attention", options);
    // Scaling q touches T·D numbers instead of T·S.
    let scores: tf.Tensor4D = tf.matMul(tf.mul(q, scale), repeatHeads(k, H), false, true); // [B, H, T, S]
    if (bias !== undefined) scores = tf.add(scores, bias);
    const nearby = radius === undefined ? undefined : windowMask(radius, T, S);
    const allowed = [mask, causal ? causalMask(T, S) : undefined, nearby].reduce(combineMasks);
    if (allowed === undefined) return tf.softmax(scores);
    const weights: tf.Tensor4D = tf.softmax(tf.where(allowed, scores, MASK_VALUE));
    const rows = allowed.rank === 0 ? tf.reshape(allowed, [1]) : allowed; // a scalar has no axis to reduce
    return tf.mul(weights, tf.cast(tf.any(rows, -1, true), "float32"));
  });
}

/** True at (t, s) when query t may see key s: s ≤ t + (S − T). Shape `[T, S]`, bool. */
export function causalMask(T: number, S: number = T): tf.Tensor2D {
  return tf.tidy(() => {
    const query = tf.reshape(tf.range(0, T), [T, 1]);
    return tf.lessEqual(tf.range(0, S), tf.add(query, S - T));
  });
}

/** True at (t, s) when |t + (S − T) − s| ≤ radius. Shape `[T, S]`, bool. */
export function windowMask(radius: number, T: number, S: number = T): tf.Tensor2D {
  return tf.tidy(() => {
    const query = tf.reshape(tf.range(S - T, S), [T, 1]);
    return tf.lessEqual(tf.abs(tf.sub(query, tf.range(0, S))), radius);
  });
}

export interface MultiHeadOptions {
  /** Input `[B, T, C]`; queries come from it, and keys and values too unless `memory` is given. */
  readonly x: tf.Tensor3D;
  /** Source of keys and values for cross-attention, `[B, S, C]`. */
  readonly memory?: tf.Tensor3D;
  readonly weights: MultiHeadWeights;
  readonly heads: number;
  /** Key/value heads for grouped-query attention; as many as `heads` unless given. */
  readonly kvHeads?: number;
  readonly causal?: boolean;
  readonly mask?: tf.Tensor;
  /** Replaces softmax attention: how a variant plugs in. */
  readonly mix?: (options: AttentionOptions) => tf.Tensor4D;
}

/** Projections: `wq [C, H D]`, `wk` and `wv [C, G D]`, `wo [H D, C]`. */
export interface MultiHeadWeights {
  readonly wq: tf.Tensor2D;
  readonly wk: tf.Tensor2D;
  readonly wv: tf.Tensor2D;
  readonly wo: tf.Tensor2D;
}

/** Multi-head attention, `[B, T, C]`; each head attends in its own slice of the projections. */
export function multiHeadAttention(options: MultiHeadOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const { x, memory = x, weights, heads, kvHeads = heads, causal, mask, mix = attention } = options;
    dims("multiHeadAttention", { x: [x, "B T C"], memory: [memory, "B S C"], wq: [weights.wq, "C HD"] });
    const q = splitHeads(project(x, weights.wq), heads);
    const k = splitHeads(project(memory, weights.wk), kvHeads);
    const v = splitHeads(project(memory, weights.wv), kvHeads);
    return project(mergeHeads(mix({ q, k, v, causal, mask })), weights.wo); // [B, T, C]
  });
}

/** x W for `x [B, T, C]` and `w [C, E]`, as one matrix product: `[B, T, E]`. */
export function project(x: tf.Tensor3D, w: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => {
    const { B, T, C, E } = dims("project", { x: [x, "B T C"], w: [w, "C E"] });
    return tf.reshape(tf.matMul(tf.reshape(x, [B! * T!, C!]), w), [B!, T!, E!]);
  });
}

/** `[B, T, H D]` → `[B, H, T, D]`. */
export function splitHeads(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [B, T, C] = x.shape;
  ensure(
    Number.isInteger(heads) && heads >= 1 && C % heads === 0,
    `splitHeads: expected a number of heads that divides the width ${C}, got ${heads}`,
  );
  return tf.tidy(() => tf.transpose(tf.reshape(x, [B, T, heads, C / heads]), [0, 2, 1, 3]));
}

/** `[B, H, T, D]` → `[B, T, H D]`. */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [B, H, T, D] = x.shape;
  return tf.tidy(() => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, T, H * D]));
}

/** Repeats each of G key heads H / G times in place (not tiled): head h of the result is head floor(h G / H). */
export function repeatHeads(x: tf.Tensor4D, H: number): tf.Tensor4D {
  const [B, G, S, D] = x.shape;
  if (G === H) return x;
  const repeated = tf.tile(tf.reshape(x, [B, G, 1, S * D]), [1, 1, H / G, 1]); // [B, G, H/G, S·D]
  return tf.reshape(repeated, [B, H, S, D]);
}

function combineMasks(a: tf.Tensor | undefined, b: tf.Tensor | undefined): tf.Tensor | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return tf.logicalAnd(a, b);
}

function checked(name: string, { q, k, v, mask, bias, causal = false, radius, scale }: AttentionOptions) {
  const { B, H, T, D, G, S } = dims(name, { q: [q, "B H T D"], k: [k, "B G S D"], v: [v, "B G S E"] });
  ensure(H! % G! === 0, `${name}: expected key heads that divide the ${H} query heads, got ${G}`);
  ensure(
    mask === undefined || mask.dtype === "bool",
    `${name}: expected a boolean mask (true = may attend), got dtype ${mask?.dtype}`,
  );
  ensure(
    radius === undefined || (Number.isInteger(radius) && radius >= 0),
    `${name}: expected a radius that is a whole number of positions, got ${radius}`,
  );
  const full = [B!, H!, T!, S!];
  for (const [label, tensor] of Object.entries({ mask, bias })) {
    ensure(
      tensor === undefined || broadcastsTo(tensor.shape, full),
      `${name}: expected ${label} broadcastable to [B, H, T, S] = ${formatShape(full)}, got ${formatShape(tensor?.shape ?? [])}`,
    );
  }
  return { q, k, v, mask, bias, causal, radius, scale: scale ?? 1 / Math.sqrt(D!), H: H!, T: T!, S: S! };
}

function broadcastsTo(shape: readonly number[], full: readonly number[]): boolean {
  const offset = full.length - shape.length;
  return offset >= 0 && shape.every((size, i) => size === 1 || size === full[offset + i]);
}
