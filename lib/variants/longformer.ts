/**
 * Longformer's attention: a sliding window for every token, full attention for a few global ones, in O(T w).
 *
 * Beltagy, Peters & Cohan, "Longformer: The Long-Document Transformer", 2020, arXiv:2004.05150, sections 3.1 and 3.2.
 *
 *   oᵢ = softmax over j ∈ Wᵢ ∪ P of (qᵢ · kⱼ / √D) times vⱼ            i not global; one softmax over both sets
 *   oₚ = softmax over all j of (qᵍₚ · kᵍⱼ / √D) times vᵍⱼ               p ∈ P, the global positions
 *   Wᵢ = { i + m d : |m| ≤ w/2 },  q, k, v = x W_Q, x W_K, x W_V,  qᵍ, kᵍ, vᵍ = x W_Qᵍ, x W_Kᵍ, x W_Vᵍ
 *
 * Identities (lib/identities/longformer.ts): blocks equal the dense mask; a window over everything, and global tokens
 * everywhere, equal softmax attention; d interleaved sequences equal dilation d.
 * Cost per head: 2 T (c + w + g)(D + E) FLOPs in the products with blocks of c = w/2 queries, T (c + w + g) scores; the
 * g global rows add as many as g queries of softmax attention.
 * Deviates from the paper: one dilation for all heads of a call (the paper varies it by head: call it per group of
 * heads). The paper does not write out which keys a window's query uses for a global position: the window's own
 * projection here, as in the authors' code.
 */

import * as tf from "@tensorflow/tfjs";
import { attention, MASK_VALUE } from "../attention.js";
import { dims, ensure, formatShape } from "../shapes.js";
import { forEveryBlock, frame, inOrder, remainders, windowBias } from "./longformer-blocks.js";
import { type FusedWindow, fusedWindow } from "./longformer-fused.js";
import { checkGlobals, checkPattern, type LongformerPattern, longformerMask } from "./longformer-pattern.js";

/** What the global tokens ask of all, by projections of their own. */
export interface GlobalAttention {
  /** Positions of the g global tokens, the same in the whole batch. */
  readonly positions: readonly number[];
  /** Queries of those positions, in that order: `[B, H, g, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, H, T, D]` and values `[B, H, T, E]` of **all** positions. */
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
}

export interface LongformerOptions extends LongformerPattern {
  /** Queries and keys of the window's projections, `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  /** `[B, H, T, E]` */
  readonly v: tf.Tensor4D;
  readonly global?: GlobalAttention;
  /** True where there is a token and not padding, `[B, T]` bool: padding is seen by nobody and gets zeros. */
  readonly mask?: tf.Tensor2D;
}

/**
 * Longformer attention: `[B, H, T, E]`, without a T × T tensor; by fused kernels where the backend has them, by blocks elsewhere.
 *
 * @throws RangeError for an odd window or one below 2, a dilation below 1, global positions outside of the sequence.
 */
export function longformer(options: LongformerOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { T, present, positions } = checked("longformer", options);
    const { window, dilation = 1, causal = false } = options;
    // In the window a global key is hidden: it has a column of its own, and must not count twice.
    const inWindow: tf.Tensor4D = tf.mul(present, tf.sub(1, indicator(positions, T)));
    const how = { ...options, radius: window / 2, dilation, causal, present, inWindow, positions };
    return withGlobalRows(options, fusedWindow(how) ?? windowByBlocks(how), present);
  });
}

/** What every query sees of its window and of the global keys, `[B, H, T, E]`, out of tfjs's operations. */
function windowByBlocks({ q, k, v, ...how }: FusedWindow): tf.Tensor4D {
  const { dilation: d, causal, present, inWindow, positions } = how;
  const [, , T, D] = q.shape;
  // The positions of one remainder modulo d are a sequence by themselves, with an ordinary window of radius r.
  const L = Math.ceil(T / d);
  const r = Math.min(how.radius, Math.max(1, L - 1));
  // A block at least as long as the radius needs only its two neighbours. Shorter ones than 16 waste kernel calls.
  const c = Math.min(Math.max(r, 16), Math.max(r, L));
  const N = Math.ceil(L / c);
  const [before, after] = [r, causal ? 0 : r];
  const blocks = (x: tf.Tensor4D) => frame(remainders(x, d), { N, c, before: 0, after: 0 }); // [B d, H, N, c, ·]
  /** What a block can see: the K = r + c + after positions around it, and the g global ones: [B d, H, N, K + g, ·]. */
  const surroundings = (x: tf.Tensor4D, atGlobals = x) =>
    tf.tidy(() => {
      const globals = positions.length === 0 ? [] : [forEveryBlock(tf.gather(atGlobals, positions, 2), d, N)];
      return frame(remainders(x, d), { N, c, before, after }, globals);
    });

  const bias = tf.tidy(() => {
    const exists = tf.transpose(surroundings(inWindow, present), [0, 1, 2, 4, 3]); // [B d, 1, N, 1, K + g]
    const near = windowBias({ c, before, after }, positions.length); // [c, K + g]
    const visible = tf.minimum(near, tf.mul(tf.sub(1, exists), MASK_VALUE));
    return causal && positions.length > 0
      ? tf.minimum(visible, laterGlobalBias(blocks, positions, T, visible))
      : visible;
  }); // [B d, 1, N, c, K + g]
  const weights = tf.tidy(() => {
    const scores = tf.matMul(blocks(tf.mul(q, D ** -0.5)), surroundings(k), false, true);
    return tf.softmax(tf.add(scores, bias));
  }); // [B d, H, N, c, K + g]
  const mixed = tf.matMul(weights, surroundings(v)); // [B d, H, N, c, E]
  const [rows, H, , , E] = mixed.shape as [number, number, number, number, number];
  const unblocked = tf.slice(tf.reshape(mixed, [rows, H, N * c, E]), [0, 0, 0, 0], [rows, H, L, E]);
  return inOrder(unblocked as tf.Tensor4D, d, T);
}

/** The same from a T × T mask: the simple form, quadratic, to compare with. */
export function longformerDense(options: LongformerOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { T, present, positions } = checked("longformerDense", options);
    const { q, k, v, window, dilation, causal } = options;
    const pattern = longformerMask({ T, window, dilation, causal, globals: positions });
    const mask = tf.logicalAnd(pattern, tf.cast(tf.transpose(present, [0, 1, 3, 2]), "bool")); // [B, 1, T, T]
    return withGlobalRows(options, attention({ q, k, v, mask }), present);
  });
}

/** Puts the rows of the global tokens, which see everything by their own projections, into `local [B, H, T, E]`. */
function withGlobalRows(
  { global, causal }: LongformerOptions,
  local: tf.Tensor4D,
  present: tf.Tensor4D,
): tf.Tensor4D {
  const T = local.shape[2];
  let rows = local;
  if (global !== undefined && global.positions.length > 0) {
    const times = tf.tensor2d(global.positions.map((p) => [p])); // [g, 1]
    const past = causal ? tf.lessEqual(tf.range(0, T), times) : tf.onesLike(times);
    const mask = tf.logicalAnd(tf.cast(past, "bool"), tf.cast(tf.transpose(present, [0, 1, 3, 2]), "bool"));
    const full = attention({ q: global.q, k: global.k, v: global.v, mask }); // [B, H, g, E]
    const order = Array.from({ length: T }, (_, t) => t);
    global.positions.forEach((p, n) => {
      order[p] = T + n;
    });
    rows = tf.gather(tf.concat([local, full], 2), tf.tensor1d(order, "int32"), 2);
  }
  return tf.mul(rows, present);
}

/** MASK_VALUE where a global position comes after the query: `[d, 1, N, c, K + g]`. */
function laterGlobalBias(
  blocks: (x: tf.Tensor4D) => tf.Tensor5D,
  positions: readonly number[],
  T: number,
  { shape }: tf.Tensor,
): tf.Tensor {
  const times = blocks(tf.reshape(tf.range(0, T), [1, 1, T, 1])); // [d, 1, N, c, 1]
  const later = tf.cast(tf.less(times, tf.tensor1d([...positions])), "float32"); // [d, 1, N, c, g]
  const padded = tf.pad(later, [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
    [shape.at(-1)! - positions.length, 0],
  ]);
  return tf.mul(tf.tile(padded, [shape[0]! / later.shape[0]!, 1, 1, 1, 1]), MASK_VALUE);
}

/** 1 at the given positions, 0 elsewhere: `[1, 1, T, 1]`. */
function indicator(positions: readonly number[], T: number): tf.Tensor4D {
  const ones = new Float32Array(T);
  for (const p of positions) ones[p] = 1;
  return tf.tensor4d(ones, [1, 1, T, 1]);
}

function checked(name: string, { q, k, v, mask, global, window, dilation = 1 }: LongformerOptions) {
  const { B, H, T, D, E } = dims(name, { q: [q, "B H T D"], k: [k, "B H T D"], v: [v, "B H T E"] });
  checkPattern(name, { window, dilation });
  const positions = [...(global?.positions ?? [])];
  checkGlobals(name, positions, T!);
  if (global !== undefined) {
    const g = positions.length;
    dims(name, {
      q: [q, "B H T D"],
      v: [v, "B H T E"],
      "global.k": [global.k, "B H T D"],
      "global.v": [global.v, "B H T E"],
      "global.q": [global.q, "B H g D"],
    });
    ensure(
      global.q.shape[2] === g,
      `${name}: expected global.q with one row for each of the ${g} global positions, got ${formatShape(global.q.shape)}`,
    );
  }
  if (mask !== undefined) dims(name, { q: [q, "B H T D"], mask: [mask, "B T"] });
  // 1 where there is a token: [B or 1, 1, T, 1]. Remainders fold into the batch, so with them every sequence needs its own.
  const rows = dilation === 1 ? 1 : B!;
  const present: tf.Tensor4D =
    mask === undefined ? tf.ones([rows, 1, T!, 1]) : tf.reshape(tf.cast(mask, "float32"), [B!, 1, T!, 1]);
  return { B: B!, H: H!, T: T!, D: D!, E: E!, present, positions };
}
