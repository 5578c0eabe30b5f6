/**
 * The WKV operator: each channel keeps a weighted average of its past values, with weights that fade by a learned factor.
 *
 * Peng et al., "RWKV: Reinventing RNNs for the Transformer Era", 2023, arXiv:2305.13048.
 *
 *   wkv_t = (Σ_{i<t} e^((t−1−i) w + k_i) v_i + e^(u + k_t) v_t) / (the same sum without the v's)              (eq. 16)
 *
 * recurrently, with a running maximum m that keeps every exponential at most 1, from a = b = 0 and m = −10³⁸ (Appendix D):
 *
 *   m' = max(m, u + k_t),   wkv_t = (e^(m−m') a + e^(u+k_t−m') v_t) / (e^(m−m') b + e^(u+k_t−m'))
 *   m' = max(m + w, k_t),   a ← e^(m+w−m') a + e^(k_t−m') v_t,   b ← e^(m+w−m') b + e^(k_t−m'),   m ← m'
 *
 * Identities (lib/identities/rwkv.ts): parallel, recurrent and chunkwise forms equal the sum; a number added to all keys changes
 * nothing; the token before has not decayed yet; with w = u = 0 it is softmax attention of one head a channel whose queries are 1.
 * Cost with C channels: 25 T C FLOPs and a state of 3 C numbers recurrently; the other forms hold the states of all T.
 * Deviates from the paper: w is the logarithm of what is left after a step, −exp(decay) as in the authors' code and so never
 * positive, where the paper writes −w with w ≥ 0; e^(m+w−m') is computed as e^((m−m')+w), because m + w loses the digits of a small
 * w beside a large m, step after step; the parallel scan, which section 7 leaves to the future, is a reconstruction.
 */

import * as tf from "@tensorflow/tfjs";
import { hasKernel, runKernel, WKV } from "../kernels/fused.js";
import { dims, ensure } from "../shapes.js";
import { joined, type Sums, sumsBeforeEach, total, type WholeSums } from "./rwkv-sums.js";

/** What is known of a text: Σ e^(k−m) v, Σ e^(k−m), and m, with decayed keys. A type, so that `tf.dispose` takes it. */
export type WkvState = {
  /** The sum of weighted values `[B, C]`. */
  readonly a: tf.Tensor2D;
  /** The sum of weights `[B, C]`. */
  readonly b: tf.Tensor2D;
  /** What both sums' exponents are relative to `[B, C]`: about the largest decayed key. */
  readonly m: tf.Tensor2D;
};

export interface WkvOptions {
  /** `[C]`, the logarithm of what is left of a weight after one position, 0 or less (`logDecay`). */
  readonly w: tf.Tensor1D;
  /** `[C]`, the bonus: added to the newest key, and only while it is the newest. */
  readonly u: tf.Tensor1D;
  /** Keys `[B, T, C]`. */
  readonly k: tf.Tensor3D;
  /** Values `[B, T, C]`. */
  readonly v: tf.Tensor3D;
  /** What came before the first position; nothing unless given. Left alone. */
  readonly state?: WkvState;
}

/** Below every key, and finite: where nothing meets nothing, −∞ − (−∞) would be NaN. */
const NOTHING = -1e38;

/** w = −exp(decay), negative whatever is learned; at least −10³⁰, which forgets everything and can still be multiplied. */
export function logDecay(decay: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => tf.neg(tf.exp(tf.minimum(decay, Math.log(1e30))))) as tf.Tensor1D;
}

/**
 * All positions at once, `[B, T, C]`: on the backend `webgpu` by a kernel (lib/kernels/wkv), where nothing came before, and else by an
 * associative scan: pairs, pairs of pairs, and so on, 2 log₂ T rounds.
 */
export function wkv(options: WkvOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const all = checked("wkv", options);
    const { w, u, k, v } = all;
    if (options.state !== undefined || !hasKernel(WKV)) return scanned(all, 2);
    return runKernel(WKV, { w, u, k, v }, {})[0] as tf.Tensor3D;
  });
}

/** The same position by position, with nothing but a state in between: `[B, T, C]`. */
export function wkvRecurrent(options: WkvOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const { w, u, k, v, start, T } = checked("wkvRecurrent", options);
    const [ks, vs] = [tf.split<tf.Tensor3D>(k, T, 1), tf.split<tf.Tensor3D>(v, T, 1)];
    let state = start;
    const outputs = ks.map((key, t) => {
      const token = { m: key, a: vs[t]! };
      const y = heard(state, token, u);
      const next = joined(state, w, token);
      tf.dispose(state);
      state = next;
      return y;
    });
    return tf.concat(outputs, 1);
  });
}

export interface ChunkwiseWkvOptions extends WkvOptions {
  /** c, positions in a chunk, 2 or more; 8 unless given. T makes it the recurrent form, 2 the parallel one. */
  readonly chunk?: number;
}

/**
 * The same in chunks of c positions: one sum for each chunk, a scan of these sums (in chunks again), and c steps that all
 * chunks take side by side. `[B, T, C]`.
 */
export function wkvChunkwise({ chunk = 8, ...options }: ChunkwiseWkvOptions): tf.Tensor3D {
  ensure(
    Number.isInteger(chunk) && chunk >= 2,
    `wkvChunkwise: expected a chunk of 2 or more positions, got ${chunk}`,
  );
  return tf.tidy(() => scanned(checked("wkvChunkwise", options), chunk));
}

/** One position, `k` and `v` of shape `[B, 1, C]`: its output `[B, 1, C]`, and the state after it. */
export function wkvStep(options: WkvOptions): { y: tf.Tensor3D; state: WkvState } {
  return tf.tidy(() => {
    const { w, u, k, v, start, T } = checked("wkvStep", options);
    ensure(T === 1, `wkvStep: expected one position, got ${T}`);
    const token = { m: k, a: v };
    return { y: heard(start, token, u), state: stateOf(joined(start, w, token)) };
  });
}

/** The state after all T positions, as one sum and without a loop: how a prompt is read before the first step. */
export function wkvState(options: Omit<WkvOptions, "u">): WkvState {
  return tf.tidy(() => {
    const { w, k, v, start, T } = checked("wkvState", { ...options, u: options.w });
    return stateOf(joined(start, tf.mul(w, T), total({ m: k, a: v }, w, T)));
  });
}

/** Every weight, divided by its row's sum: `[B, C, T, T]`, T² C numbers. For pictures and small T. */
export function wkvWeights(options: Omit<WkvOptions, "v" | "state">): tf.Tensor4D {
  return tf.tidy(() => {
    const { w, u, k, B, T, C } = checked("wkvWeights", { ...options, v: options.k });
    const position = tf.range(0, T);
    const age = tf.sub(tf.reshape(position, [T, 1]), tf.add(position, 1)); // t − 1 − i, [T, T]; −1 on the diagonal
    const perChannel = (x: tf.Tensor) => tf.reshape(x, [1, C, 1, 1]);
    const earlier = tf.mul(tf.maximum(age, 0), perChannel(w)); // [1, C, T, T]
    const own = tf.mul(tf.eye(T), perChannel(u)); // [1, C, T, T]
    const keys = tf.reshape(tf.transpose(k, [0, 2, 1]), [B, C, 1, T]);
    const scores = tf.add(keys, tf.add(earlier, own)); // [B, C, T, T]
    const future = tf.mul(tf.cast(tf.less(age, -1), "float32"), NOTHING);
    return tf.softmax(tf.maximum(tf.add(scores, future), NOTHING)) as tf.Tensor4D;
  });
}

/** What positions put out: the past as it stands, without another decay, and their own token with its bonus. */
function heard(past: WholeSums, { m: k, a: v }: Sums, u: tf.Tensor1D): tf.Tensor3D {
  return tf.tidy(() => {
    const m = tf.maximum(past.m, tf.add(k, u));
    const old = tf.exp(tf.sub(past.m, m));
    const now = tf.exp(tf.add(tf.sub(k, m), u));
    return tf.div(tf.add(tf.mul(old, past.a), tf.mul(now, v)), tf.add(tf.mul(old, past.b), now));
  });
}

function scanned({ w, u, k, v, start }: ReturnType<typeof checked>, chunk: number): tf.Tensor3D {
  const tokens = { m: k, a: v };
  return heard(sumsBeforeEach(tokens, w, start, chunk), tokens, u);
}

function stateOf({ m, a, b }: WholeSums): WkvState {
  const flat = (x: tf.Tensor3D): tf.Tensor2D => tf.squeeze(x, [1]);
  return { a: flat(a), b: flat(b), m: flat(m) };
}

/** Entry checks; the state comes back as `[B, 1, C]` each, with nothing in it unless given. */
function checked(name: string, { w, u, k, v, state }: WkvOptions) {
  const { B, T, C } = dims(name, {
    k: [k, "B T C"],
    v: [v, "B T C"],
    w: [w, "C"],
    u: [u, "C"],
    ...(state && { a: [state.a, "B C"], b: [state.b, "B C"], m: [state.m, "B C"] }),
  });
  const shape: [number, number, number] = [B!, 1, C!];
  const row = (x: tf.Tensor2D | undefined, otherwise: number) =>
    (x === undefined ? tf.fill(shape, otherwise) : tf.reshape(x, shape)) as tf.Tensor3D;
  const start = { m: row(state?.m, NOTHING), a: row(state?.a, 0), b: row(state?.b, 0) };
  return { w, u, k, v, start, B: B!, T: T!, C: C! };
}
