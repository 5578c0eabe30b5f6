/**
 * Retention: attention without softmax, whose weights decay with distance, so that it is also a recurrence.
 *
 * Sun et al., "Retentive Network: A Successor to Transformer for Large Language Models", 2023, arXiv:2307.08621.
 *
 *   parallel:   Retention = (Q Kᵀ ⊙ D) V,   D_nm = γⁿ⁻ᵐ for n ≥ m, else 0                                      (eq. 5)
 *   recurrent:  Sₙ = γ Sₙ₋₁ + Kₙᵀ Vₙ,   oₙ = Qₙ Sₙ                                                             (eq. 6)
 *   chunkwise:  Rᵢ = γᶜ Rᵢ₋₁ + Kᵀ (V ⊙ ζ),   oᵢ = (Q Kᵀ ⊙ D) V + (Q Rᵢ₋₁) ⊙ ξ,   ζⱼ = γ^(c−1−j), ξⱼ = γ^(j+1)  (eq. 7)
 *   Qₙ and Kₙ are turned by n θ                                                                               (eq. 5)
 *
 * Identities (lib/identities/retnet.ts): the three forms agree; shifting all positions changes nothing; a token's share
 * falls by γ with each step; with γ → 1 and features of the exponential it is softmax attention.
 * Cost per head: parallel 2 T² (D + E) FLOPs and T² numbers; recurrent 5 T D E FLOPs and a state of D E; chunkwise
 * T (4 D E + 2 c (D + E)) and T numbers for a fixed chunk c.
 * Deviates from the paper: Q Kᵀ is divided by √D in every form (section 2.2 has it among the normalisations); the other
 * two normalisations, which only hold under a norm, are in retnet-layer.ts; the angles are those of the authors' code,
 * which the paper leaves open (the turning itself is in ../rotation.ts); hidden keys.
 */

import * as tf from "@tensorflow/tfjs";
import { mergeChunks, splitChunks, sumsBefore } from "../chunks.js";
import { fadingLinearAttention, hasFadingKernel } from "../linear-attention.js";
import { turned, turns } from "../rotation.js";
import { dims, ensure } from "../shapes.js";

export interface RetentionOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, H, T, D]`. */
  readonly k: tf.Tensor4D;
  /** Values `[B, H, T, E]`. */
  readonly v: tf.Tensor4D;
  /** γ for each head, between 0 and 1; the paper's (`retentionDecays`) unless given. */
  readonly decays?: readonly number[];
  /** θ, radians a position, for each of D / 2 pairs; queries and keys are not turned unless given. */
  readonly angles?: readonly number[];
  /** Boolean `[B, T]`, true where the key may be seen by anybody; all of them unless given. */
  readonly keyMask?: tf.Tensor2D;
}

/** γₕ = 1 − 2^(−5−h): heads that forget ever more slowly (eq. 8). All of them are exact in float32 up to 19 heads. */
export function retentionDecays(heads: number): number[] {
  ensure(
    Number.isInteger(heads) && heads >= 1,
    `retentionDecays: expected a positive number of heads, got ${heads}`,
  );
  return Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h));
}

/** θᵢ = 10000^(−i / (D/2 − 1)), from 1 down to 1/10000 with both ends, as the authors' code has them. */
export function retentionAngles(D: number): number[] {
  ensure(Number.isInteger(D) && D >= 2 && D % 2 === 0, `retentionAngles: expected an even width D, got ${D}`);
  return Array.from({ length: D / 2 }, (_, i) => 10_000 ** -(D === 2 ? 0 : i / (D / 2 - 1)));
}

/** All T × T weights at once: `[B, H, T, E]` (eq. 5). With the identity matrix for `v` the weights themselves come out. */
export function retention(options: RetentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, decays, T } = positioned("retention", options);
    const scores = tf.matMul(q, k, false, true); // [B, H, T, T]
    return tf.matMul(tf.mul(scores, decayMatrix(decays, T)), v) as tf.Tensor4D; // [B, H, T, E]
  });
}

/** The same position by position, with nothing but the state in between: `[B, H, T, E]` (eq. 6). */
export function retentionRecurrent(options: RetentionOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, decays, T } = positioned("retentionRecurrent", options);
    const gamma = perHead(decays);
    const [qs, ks, vs] = [q, k, v].map((x) => tf.split<tf.Tensor4D>(x, T, 2)) as [
      tf.Tensor4D[],
      tf.Tensor4D[],
      tf.Tensor4D[],
    ];
    let state: tf.Tensor4D | undefined;
    const outputs = qs.map((query, t) => {
      const next = tf.tidy(() => advanced(ks[t]!, vs[t]!, gamma, state));
      state?.dispose();
      state = next;
      return tf.matMul(query, next) as tf.Tensor4D; // [B, H, 1, E]
    });
    return tf.concat<tf.Tensor4D>(outputs, 2); // [B, H, T, E]
  });
}

export interface StepOptions extends Omit<RetentionOptions, "keyMask"> {
  /** n, how many positions came before this one: where it turns to. 0 unless given. */
  readonly position?: number;
  /** S before this position, `[B, H, D, E]`; none before the first. */
  readonly state?: tf.Tensor4D;
}

/**
 * One position, `q`, `k` and `v` of shape `[B, H, 1, ·]`: its output `[B, H, 1, E]`, and the state after it, which has
 * the same size after ten tokens and after ten thousand. The old state is left alone: its owner disposes it.
 */
export function retentionStep({ state, position = 0, ...options }: StepOptions): {
  y: tf.Tensor4D;
  state: tf.Tensor4D;
} {
  return tf.tidy(() => {
    const { q, k, v, decays, T } = positioned("retentionStep", options, position);
    ensure(T === 1, `retentionStep: expected one position, got ${T}`);
    if (state !== undefined) {
      dims("retentionStep", { k: [k, "B H T D"], v: [v, "B H T E"], state: [state, "B H D E"] });
    }
    const next = advanced(k, v, perHead(decays), state);
    return { y: tf.matMul(q, next) as tf.Tensor4D, state: next };
  });
}

export interface ChunkwiseOptions extends RetentionOptions {
  /** c, positions in a chunk: 1 is the recurrent form, T the parallel one. 64 unless given; the kernel on `webgpu` has its own. */
  readonly chunk?: number;
}

/**
 * The same chunk by chunk: weights inside a chunk, one decayed state for everything earlier (eq. 7). No loop: all
 * chunks go through the same products. `[B, H, T, E]`.
 */
export function retentionChunkwise({ chunk = 64, ...options }: ChunkwiseOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const { q, k, v, decays, B, H, T } = positioned("retentionChunkwise", options);
    if (hasFadingKernel({ q, v })) {
      const logDecay = tf.tensor4d(decays.map(Math.log), [1, H, 1, 1]);
      return fadingLinearAttention({ q, k, v, logDecay });
    }
    const [Q, K, V] = [splitChunks(q, chunk), splitChunks(k, chunk), splitChunks(v, chunk)];
    const gammas = Array.from({ length: B }, () => decays).flat(); // [B·H], as the chunks' first axis
    const powers = (exponent: (j: number) => number) =>
      tf.tensor4d(
        gammas.flatMap((gamma) => Array.from({ length: chunk }, (_, j) => gamma ** exponent(j))),
        [B * H, 1, chunk, 1],
      );
    const D = tf.reshape(decayMatrix(gammas, chunk), [B * H, 1, chunk, chunk]);
    const inside = tf.matMul(tf.mul(tf.matMul(Q, K, false, true), D), V); // [B·H, N, c, E]
    const zeta = powers((j) => chunk - 1 - j);
    const added: tf.Tensor4D = tf.matMul(K, tf.mul(V, zeta), true, false); // [B·H, N, D, E], what each chunk adds to R
    // Exclusive: a chunk's own keys are already inside.
    const earlier = sumsBefore(
      added,
      gammas.map((gamma) => gamma ** chunk),
    ); // [B·H, N, D, E], Rᵢ₋₁
    const cross = tf.matMul(
      tf.mul(
        Q,
        powers((j) => j + 1),
      ),
      earlier,
    ); // [B·H, N, c, E]
    return mergeChunks(tf.add(inside, cross), { B, H, T });
  });
}

/** D of eq. 5 for each head, `[H, n, n]`: γⁿ⁻ᵐ on and below the diagonal, 0 above. Powers are taken in float64. */
export function decayMatrix(decays: readonly number[], n: number): tf.Tensor3D {
  const data = new Float32Array(decays.length * n * n);
  decays.forEach((gamma, h) => {
    const powers = Float32Array.from({ length: n }, (_, i) => gamma ** (n - 1 - i)); // γⁿ⁻¹ … γ⁰
    // Every row is the end of the same list: D depends on n − m alone.
    for (let row = 0; row < n; row++) data.set(powers.subarray(n - 1 - row), (h * n + row) * n);
  });
  return tf.tensor3d(data, [decays.length, n, n]);
}

/** γ S + kᵀ v, `[B, H, D, E]`. */
function advanced(k: tf.Tensor4D, v: tf.Tensor4D, gamma: tf.Tensor4D, state?: tf.Tensor4D): tf.Tensor4D {
  const product = tf.matMul(k, v, true, false) as tf.Tensor4D;
  return state === undefined ? product : tf.add(tf.mul(state, gamma), product);
}

function perHead(decays: readonly number[]): tf.Tensor4D {
  return tf.tensor4d([...decays], [1, decays.length, 1, 1]);
}

/** Entry checks; then q and k as they enter the products: turned, hidden keys zeroed, keys divided by √D. */
export function positioned(name: string, options: RetentionOptions, start = 0) {
  const { q, k, v, angles, keyMask } = options;
  const { B, H, T, D } = dims(name, { q: [q, "B H T D"], k: [k, "B H T D"], v: [v, "B H T E"] });
  const { decays = retentionDecays(H!) } = options;
  ensure(decays.length === H, `${name}: expected as many decays as heads (${H}), got [${decays.join(", ")}]`);
  const outside = decays.find((gamma) => !(gamma > 0 && gamma < 1));
  ensure(
    outside === undefined,
    `${name}: expected decays between 0 and 1, both excluded, got ${outside}; 1 would never forget, 0 would only see the present`,
  );
  let keys: tf.Tensor4D = tf.mul(k, D! ** -0.5);
  if (keyMask !== undefined) {
    dims(name, { k: [k, "B H T D"], keyMask: [keyMask, "B T"] });
    ensure(
      keyMask.dtype === "bool",
      `${name}: expected a boolean keyMask (true = seen), got dtype ${keyMask.dtype}`,
    );
    keys = tf.mul(keys, tf.reshape(tf.cast(keyMask, "float32"), [B!, 1, T!, 1]));
  }
  const sizes = { decays, B: B!, H: H!, T: T! };
  if (angles === undefined) return { q, k: keys, v, ...sizes };
  const both = turns(angles, T!, start);
  const entering = { q: turned(q, both), k: turned(keys, both), v, ...sizes };
  tf.dispose([both.cos, both.sin]);
  return entering;
}
