/**
 * Attention over texts of uneven lengths without padding: their tokens lie behind one another, and prefix sums say where each text starts.
 *
 * Zhai et al., "ByteTransformer: A High-Performance Transformer Boosted for Variable-Length Inputs", 2022, arXiv:2210.03052.
 *
 *   text b has the rows offset_b ≤ i < offset_(b+1),   offset_b = Σ_(a < b) length_a,   N = Σ length
 *
 * Identities (test/packed-attention.test.ts): unpacking undoes packing; what is computed packed equals what is computed padded and
 * masked; packing and unpacking are each other's gradients.
 * Cost: Σ length² in place of B · T², and N rows in place of B · T in everything else.
 * Deviates from the paper: padding stands at the end of a text, where the paper's prefix sum over a mask allows it anywhere; causal attention
 * and fewer key heads than query heads.
 */

import * as tf from "@tensorflow/tfjs";
import { attention } from "./attention.js";
import { cacheMask } from "./cache-mask.js";
import { hasKernel, MAX_WIDTH, PACKED, type PackedAttrs, type Rung, runKernel } from "./kernels/fused.js";
import { dims, ensure } from "./shapes.js";

/** Prefix sums `[B + 1]`: where each text starts, and at last N. */
export function offsetsOf(lengths: readonly number[]): number[] {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  return offsets;
}

/** `[B, T, C]` → `[N, C]`: the first `lengths[b]` rows of each text, behind one another. */
export function pack({
  x,
  lengths,
}: {
  readonly x: tf.Tensor3D;
  readonly lengths: readonly number[];
}): tf.Tensor2D {
  const { B, T } = dims("pack", { x: [x, "B T C"] });
  checkLengths("pack", lengths, B!, T!);
  return moved(
    (x, back) => (back ? padded(x as tf.Tensor2D, lengths, T!) : dense(x as tf.Tensor3D, lengths)),
    x,
  );
}

/** `[N, C]` → `[B, T, C]`: each text in rows of its own again, zeros behind its end. */
export function unpack({
  x,
  lengths,
  T,
}: {
  readonly x: tf.Tensor2D;
  readonly lengths: readonly number[];
  /** Rows of each text afterwards. */
  readonly T: number;
}): tf.Tensor3D {
  const { N } = dims("unpack", { x: [x, "N C"] });
  checkLengths("unpack", lengths, lengths.length, T, N);
  return moved(
    (x, back) => (back ? dense(x as tf.Tensor3D, lengths) : padded(x as tf.Tensor2D, lengths, T)),
    x,
  );
}

/** Rows are only moved, so the gradient moves them back. */
function moved<Out extends tf.Tensor>(move: (x: tf.Tensor, back: boolean) => tf.Tensor, x: tf.Tensor): Out {
  const run = tf.customGrad((x) => ({
    value: move(x as tf.Tensor, false),
    gradFunc: (dy: tf.Tensor) => move(dy, true),
  }));
  return tf.tidy(() => run(x)) as Out;
}

function dense(x: tf.Tensor3D, lengths: readonly number[]): tf.Tensor2D {
  const [B, T, C] = x.shape;
  const rows = lengths.flatMap((length, b) => Array.from({ length }, (_, t) => b * T + t));
  return tf.gather(tf.reshape(x, [B * T, C]) as tf.Tensor2D, tf.tensor1d(rows, "int32"));
}

function padded(x: tf.Tensor2D, lengths: readonly number[], T: number): tf.Tensor3D {
  const [N, C] = x.shape;
  const offsets = offsetsOf(lengths);
  // Row N is the zeros that stand behind every end.
  const rows = lengths.flatMap((length, b) =>
    Array.from({ length: T }, (_, t) => (t < length ? offsets[b]! + t : N)),
  );
  const whole = tf.concat([x, tf.zeros<tf.Rank.R2>([1, C])], 0);
  return tf.reshape(tf.gather(whole, tf.tensor1d(rows, "int32")), [lengths.length, T, C]);
}

export interface PackedAttentionOptions {
  /** Queries `[N, H, D]`, text behind text: what a projection of packed tokens gives, reshaped. */
  readonly q: tf.Tensor3D;
  /** Keys `[N, G, D]`; G divides H, and query head h reads key head floor(h G / H). */
  readonly k: tf.Tensor3D;
  /** Values `[N, G, E]`. */
  readonly v: tf.Tensor3D;
  /** Tokens of each text; they sum to N. */
  readonly lengths: readonly number[];
  /** Each token sees itself and the earlier tokens of its text; all of its text unless given. */
  readonly causal?: boolean;
  /** Multiplies the scores; 1/√D unless given. */
  readonly scale?: number;
  /** How the kernel on a GPU goes about it; the best that the device has unless given. */
  readonly rung?: Rung;
}

/**
 * Each token's attention inside its own text, `[N, H, E]`: one kernel on a GPU, text by text out of tfjs's operations elsewhere.
 *
 * @throws RangeError when shapes disagree or the lengths do not sum to N.
 */
export function packedAttention(options: PackedAttentionOptions): tf.Tensor3D {
  const { q, k, v, lengths, causal = false, rung } = options;
  const name = "packedAttention";
  const { N, H, D, G, E } = dims(name, { q: [q, "N H D"], k: [k, "N G D"], v: [v, "N G E"] });
  ensure(H! % G! === 0, `${name}: expected key heads that divide the ${H} query heads, got ${G}`);
  checkLengths(name, lengths, lengths.length, N!, N);
  const scale = options.scale ?? 1 / Math.sqrt(D!);
  return tf.tidy(() => {
    if (hasKernel(PACKED) && D! <= MAX_WIDTH && E! <= MAX_WIDTH) {
      const attrs: PackedAttrs = { scale, causal, lengths, rung };
      return runKernel(PACKED, { q, k, v }, { ...attrs })[0] as tf.Tensor3D;
    }
    if (N === 0) return tf.zeros<tf.Rank.R3>([0, H!, E!]);
    const texts = textsOf(lengths).map(({ start, n }) => {
      const own = (x: tf.Tensor3D) => headsOf(tf.slice(x, start, n), G!); // [1, G, n · heads / G, width]
      const mask = causal ? cacheMask({ lengths: [n], T: n, S: n, group: H! / G! }) : undefined;
      return tokensOf(attention({ q: own(q), k: own(k), v: own(v), mask, scale }), H!); // [n, H, E]
    });
    return tf.concat(texts, 0);
  });
}

/** Where each text that has tokens starts, and how many it has. */
function textsOf(lengths: readonly number[]): { start: number; n: number }[] {
  const offsets = offsetsOf(lengths);
  return lengths.map((n, b) => ({ start: offsets[b]!, n })).filter(({ n }) => n > 0);
}

/** `[n, H, D]` → `[1, G, n · H / G, D]`: heads that share keys stand behind one another as further queries. */
function headsOf(x: tf.Tensor3D, G: number): tf.Tensor4D {
  const [n, H, D] = x.shape;
  return tf.reshape(tf.transpose(x, [1, 0, 2]), [1, G, (n * H) / G, D]);
}

/** The way back: `[1, G, n · H / G, E]` → `[n, H, E]`. */
function tokensOf(x: tf.Tensor4D, H: number): tf.Tensor3D {
  const [, G, rows, E] = x.shape;
  return tf.transpose(tf.reshape(x, [H, (rows * G) / H, E]), [1, 0, 2]);
}

function checkLengths(name: string, lengths: readonly number[], B: number, T: number, N?: number): void {
  ensure(
    lengths.length === B && lengths.every((length) => Number.isInteger(length) && length >= 0 && length <= T),
    `${name}: expected ${B} lengths from 0 to ${T}, got [${lengths.join(", ")}]`,
  );
  const total = offsetsOf(lengths).at(-1);
  ensure(
    N === undefined || N === total,
    `${name}: expected lengths that sum to the ${N} packed rows, got [${lengths.join(", ")}]`,
  );
}
