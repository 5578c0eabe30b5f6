/**
 * Rotary positions: pairs of entries that turn with the position, so that a dot product knows distances alone.
 *
 * Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, arXiv:2104.09864; RetNet's Θ (Sun et
 * al., 2023, arXiv:2307.08621, eq. 5) is the same turn.
 *
 *   (x₂ᵢ, x₂ᵢ₊₁) at position n  →  (x₂ᵢ cos nθᵢ − x₂ᵢ₊₁ sin nθᵢ,  x₂ᵢ sin nθᵢ + x₂ᵢ₊₁ cos nθᵢ)
 *
 * Identities (test/rotation.test.ts): equals a float64 loop; lengths stay; turning back undoes it; a dot product of two
 * turned vectors depends on the difference of their positions.
 */

import * as tf from "@tensorflow/tfjs";
import { dims, ensure } from "./shapes.js";

export interface RotateOptions {
  /** `[B, H, T, D]`, D even; entries 2i and 2i + 1 are a pair. */
  readonly x: tf.Tensor4D;
  /** θ, radians a position, D / 2 of them. */
  readonly angles: readonly number[];
  /** The first position; 0 unless given. */
  readonly start?: number;
}

/** Turns pair i of the row at position n by n θᵢ: the factor e^(inθ) of eq. 5, in real numbers. `[B, H, T, D]`. */
export function rotate({ x, angles, start = 0 }: RotateOptions): tf.Tensor4D {
  const { T } = dims("rotate", { x: [x, "B H T D"] });
  return tf.tidy(() => turned(x, turns(angles, T!, start)));
}

/** A table of turns for one range of positions. */
export interface Turns {
  /** cos nθ for both entries of a pair, `[T, D]`. */
  readonly cos: tf.Tensor2D;
  /** −sin nθ for the first and sin nθ for the second, `[T, D]`. */
  readonly sin: tf.Tensor2D;
}

/** `x [B, H, T, D]`, turned. @throws RangeError where the table was made for another width. */
export function turned(x: tf.Tensor4D, { cos, sin }: Turns): tf.Tensor4D {
  const [B, H, T, D] = x.shape;
  ensure(
    cos.shape[1] === D,
    `rotate: expected D / 2 = ${D / 2} angles for D = ${D}, got ${cos.shape[1] / 2}`,
  );
  return tf.tidy(() => {
    const swapped = tf.reverse(tf.reshape(x, [B, H, T, D / 2, 2]), 4); // (x₀, x₁) → (x₁, x₀)
    return tf.add(tf.mul(x, cos), tf.mul(tf.reshape(swapped, x.shape), sin));
  });
}

/** Positions whose turns are computed from one far turn: cosines are the dearest part of turning. */
const NEAR = 64;

/** The table for positions `start` to `start + T − 1`, in float64: at 10⁵ a float32 angle would be off by 0.004 radians. */
export function turns(angles: readonly number[], T: number, start: number): Turns {
  const [pairs, D] = [angles.length, 2 * angles.length];
  const table = (turn: (angle: number) => number) =>
    Float64Array.from({ length: Math.min(NEAR, T) * pairs }, (_, i) =>
      turn(Math.floor(i / pairs) * angles[i % pairs]!),
    );
  const [nearCos, nearSin] = [table(Math.cos), table(Math.sin)];
  const [cos, sin] = [new Float32Array(T * D), new Float32Array(T * D)];
  for (let far = 0; far < T; far += NEAR) {
    const farCos = angles.map((theta) => Math.cos((start + far) * theta));
    const farSin = angles.map((theta) => Math.sin((start + far) * theta));
    const end = Math.min(NEAR, T - far) * pairs;
    // cos(a + b) = cos a cos b − sin a sin b, sin(a + b) = sin a cos b + cos a sin b
    for (let near = 0, at = far * D; near < end; near++, at += 2) {
      const [fc, fs] = [farCos[near % pairs]!, farSin[near % pairs]!];
      const s = fs * nearCos[near]! + fc * nearSin[near]!;
      cos[at] = cos[at + 1] = fc * nearCos[near]! - fs * nearSin[near]!;
      sin[at] = -s;
      sin[at + 1] = s;
    }
  }
  return { cos: tf.tensor2d(cos, [T, D]), sin: tf.tensor2d(sin, [T, D]) };
}
