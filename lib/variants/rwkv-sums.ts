/**
 * Decayed, exponentially weighted sums, kept relative to a running maximum: what WKV (rwkv.ts) is computed from.
 *
 * Of positions 1 … n with keys k, values v and a decay of w for each position, three numbers for each channel are kept:
 *
 *   a = Σᵢ e^((n−i) w + kᵢ − m) vᵢ,   b = Σᵢ e^((n−i) w + kᵢ − m),   m about the largest (n−i) w + kᵢ
 *
 * Some positions and then n′ others are joined by m′ = max(m + n′ w, m₂), a′ = e^(m + n′ w − m′) a + e^(m₂ − m′) a₂, and b′ alike.
 * That is associative, so sums may be joined in pairs, pairs in pairs, and so on (Blelloch, 1990).
 * No exponent is positive, so nothing overflows, and the largest is about 0, so b never underflows.
 */

import * as tf from "@tensorflow/tfjs";

/** Sums over some positions, `[·, N, C]` each. A position alone is m = k, a = v and b = 1. */
export interface Sums {
  readonly m: tf.Tensor3D;
  readonly a: tf.Tensor3D;
  /** 1 everywhere unless given. */
  readonly b?: tf.Tensor3D;
}

/** A type rather than an interface, so that `tf.tidy` and `tf.dispose` take it. */
export type WholeSums = { readonly m: tf.Tensor3D; readonly a: tf.Tensor3D; readonly b: tf.Tensor3D };

/**
 * Some positions and then others, `w [C]` being the decay of all the others together.
 *
 * The exponent is (m − m′) + w and not (m + w) − m′: beside a large m a small w loses its digits, the same ones at every step.
 */
export function joined(earlier: WholeSums, w: tf.Tensor1D, later: Sums): WholeSums {
  return tf.tidy(() => {
    const m: tf.Tensor3D = tf.maximum(tf.add(earlier.m, w), later.m);
    const old = tf.exp(tf.add(tf.sub(earlier.m, m), w));
    const now: tf.Tensor3D = tf.exp(tf.sub(later.m, m));
    const b = later.b === undefined ? now : tf.mul(now, later.b);
    return {
      m,
      a: tf.add(tf.mul(old, earlier.a), tf.mul(now, later.a)),
      b: tf.add(tf.mul(old, earlier.b), b),
    } as WholeSums;
  });
}

/** The sums of every c items in a row, each with a decay of w: `[B, M · c, C]` → `[B, M, C]`. No loop. */
export function total({ m, a, b }: Sums, w: tf.Tensor1D, c: number): WholeSums {
  return tf.tidy(() => {
    const [B, N, C] = m.shape;
    const chunks = (x: tf.Tensor3D): tf.Tensor4D => tf.reshape(x, [B, N / c, c, C]);
    const decays = tf.mul(tf.reshape(tf.range(c - 1, -1, -1), [c, 1]), w); // [c, C], none for the last
    const top = tf.max<tf.Tensor4D>(tf.add(chunks(m), decays), 2, true); // [B, M, 1, C]
    const weights: tf.Tensor4D = tf.exp(tf.add(tf.sub(chunks(m), top), decays)); // [B, M, c, C]
    return {
      m: tf.reshape(top, [B, N / c, C]),
      a: tf.sum(tf.mul(weights, chunks(a)), 2),
      b: tf.sum(b === undefined ? weights : tf.mul(weights, chunks(b)), 2),
    } as WholeSums;
  });
}

/**
 * The sums of everything before each of N items, each with a decay of w, from what came before the first, `start [B, 1, C]`:
 * `[B, N, C]`.
 *
 * The items are cut into chunks of `chunk`; what comes before each chunk is the same problem for the chunks' totals; from
 * there all chunks take their steps side by side.
 */
export function sumsBeforeEach(items: Sums, w: tf.Tensor1D, start: WholeSums, chunk: number): WholeSums {
  return tf.tidy(() => {
    const [B, N, C] = items.m.shape;
    const c = Math.min(chunk, N);
    const M = Math.ceil(N / c);
    // What fills the last chunk up comes after every item, so that its value is seen by none.
    const filled = (x: tf.Tensor3D): tf.Tensor3D =>
      M * c === N ? x : tf.concat([x, tf.zeros([B, M * c - N, C])], 1);
    const whole = { m: filled(items.m), a: filled(items.a), b: items.b && filled(items.b) };
    const rows = (x: tf.Tensor3D): tf.Tensor3D => tf.reshape(x, [B * M, 1, C]);
    let state = start;
    if (M > 1) {
      const { m, a, b } = sumsBeforeEach(total(whole, w, c), tf.mul(w, c), start, chunk);
      state = { m: rows(m), a: rows(a), b: rows(b) };
    }
    const split = (x: tf.Tensor3D) => tf.split<tf.Tensor3D>(tf.reshape(x, [B * M, c, C]), c, 1);
    const [ms, as, bs] = [split(whole.m), split(whole.a), whole.b && split(whole.b)];
    const states = [state];
    for (let i = 0; i < c - 1; i++) {
      state = joined(state, w, { m: ms[i]!, a: as[i]!, b: bs?.[i] });
      states.push(state);
    }
    const together = (part: "m" | "a" | "b"): tf.Tensor3D => {
      const all: tf.Tensor3D = tf.reshape(
        tf.concat(
          states.map((one) => one[part]),
          1,
        ),
        [B, M * c, C],
      );
      return M * c === N ? all : tf.slice(all, 0, [B, N, C]);
    };
    return { m: together("m"), a: together("a"), b: together("b") };
  });
}
