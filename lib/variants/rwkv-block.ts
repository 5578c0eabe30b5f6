/**
 * The two halves of an RWKV block: time mixing, which looks back through WKV, and channel mixing, its feed-forward network.
 *
 * Peng et al., 2023, arXiv:2305.13048, section 3.1. Both see each token blended with the one before, by a share of its own for each
 * channel (token shift, section 3.1.1; x_0 = 0):
 *
 *   shift_μ(x)_t = μ ⊙ x_t + (1 − μ) ⊙ x_(t−1)
 *   time mixing:     r = W_r shift(x),  k = W_k shift(x),  v = W_v shift(x),   out = W_o (σ(r) ⊙ wkv)        (eq. 11–13, 17)
 *   channel mixing:  r = W_r shift(x),  k = W_k shift(x),                      out = σ(r) ⊙ W_v max(k, 0)²   (eq. 14, 15, 18)
 *
 * Identities (test/variants/rwkv-block.test.ts): equal transformers' RWKV; one token at a time equals the whole text; output t depends
 * on inputs 0 to t alone.
 * Cost: 8 T C² FLOPs in time mixing's projections (A = C), 4 T C F + 2 T C² in channel mixing; WKV itself grows like T C.
 * State: the last input of each half and WKV's three numbers, 5 C numbers, however long the text.
 */

import * as tf from "@tensorflow/tfjs";
import { project } from "../attention.js";
import { dims } from "../shapes.js";
import { logDecay, type WkvOptions, type WkvState, wkvChunkwise, wkvStep } from "./rwkv.js";

/** C is the model's width, A the number of channels of WKV (C in the paper). */
export interface TimeMixingWeights {
  /** μ of receptance, key and value, `[C]` each: the present token's share, from 0 to 1. */
  readonly mixR: tf.Tensor1D;
  readonly mixK: tf.Tensor1D;
  readonly mixV: tf.Tensor1D;
  /** `[C, A]` each. */
  readonly wr: tf.Tensor2D;
  readonly wk: tf.Tensor2D;
  readonly wv: tf.Tensor2D;
  /** `[A]`: w = −exp(decay). */
  readonly decay: tf.Tensor1D;
  /** u `[A]`. */
  readonly bonus: tf.Tensor1D;
  /** `[A, C]` */
  readonly wo: tf.Tensor2D;
}

/** How WKV is computed: any form of it. */
export type Wkv = (options: WkvOptions) => tf.Tensor3D;

/** Each token blended with the one before: `[B, T, C]`. `past [B, 1, C]` came before the first; zeros unless given. */
export function tokenShift({
  x,
  mix,
  past,
}: {
  readonly x: tf.Tensor3D;
  /** μ `[C]` */
  readonly mix: tf.Tensor1D;
  readonly past?: tf.Tensor3D;
}): tf.Tensor3D {
  dims("tokenShift", { x: [x, "B T C"], mix: [mix, "C"] });
  return tf.tidy(() => blended(x, shifted("tokenShift", x, past), mix));
}

/** A whole text through time mixing: `[B, T, C]` → `[B, T, C]`. */
export function timeMixing({
  x,
  weights,
  mix = wkvChunkwise,
}: {
  readonly x: tf.Tensor3D;
  readonly weights: TimeMixingWeights;
  /** The form of WKV; chunkwise unless given. */
  readonly mix?: Wkv;
}): tf.Tensor3D {
  return tf.tidy(() => {
    const { r, ...inputs } = entered("timeMixing", x, weights);
    return project(tf.mul(r, mix(inputs)), weights.wo);
  });
}

/** What the next token needs of the past: the last input `[B, 1, C]`, and WKV's state. */
export type TimeMixingState = { readonly past: tf.Tensor3D; readonly wkv: WkvState };

/** One token, `x [B, 1, C]`: its output `[B, 1, C]`, and the state after it. The old state is left alone. */
export function timeMixingStep({
  x,
  weights,
  state,
}: {
  readonly x: tf.Tensor3D;
  readonly weights: TimeMixingWeights;
  readonly state?: TimeMixingState;
}): { y: tf.Tensor3D; state: TimeMixingState } {
  return tf.tidy(() => {
    const { r, ...inputs } = entered("timeMixingStep", x, weights, state?.past);
    const next = wkvStep({ ...inputs, state: state?.wkv });
    return { y: project(tf.mul(r, next.y), weights.wo), state: { past: tf.clone(x), wkv: next.state } };
  });
}

/** C is the model's width, F the number of hidden units (4 C in the paper). */
export interface ChannelMixingWeights {
  /** μ of receptance and key, `[C]` each. */
  readonly mixR: tf.Tensor1D;
  readonly mixK: tf.Tensor1D;
  /** `[C, C]` */
  readonly wr: tf.Tensor2D;
  /** `[C, F]` */
  readonly wk: tf.Tensor2D;
  /** `[F, C]` */
  readonly wv: tf.Tensor2D;
}

/**
 * A text through channel mixing: `[B, T, C]` → `[B, T, C]`. `past [B, 1, C]`, the input before the first, is all that a next token
 * needs; zeros unless given.
 */
export function channelMixing({
  x,
  weights,
  past,
}: {
  readonly x: tf.Tensor3D;
  readonly weights: ChannelMixingWeights;
  readonly past?: tf.Tensor3D;
}): tf.Tensor3D {
  const { mixR, mixK, wr, wk, wv } = weights;
  dims("channelMixing", {
    x: [x, "B T C"],
    wk: [wk, "C F"],
    wv: [wv, "F C"],
    mixR: [mixR, "C"],
    mixK: [mixK, "C"],
  });
  return tf.tidy(() => {
    const before = shifted("channelMixing", x, past);
    const hidden = tf.square(tf.relu(project(blended(x, before, mixK), wk))); // [B, T, F]
    const receptance = tf.sigmoid(project(blended(x, before, mixR), wr)); // [B, T, C]
    return tf.mul(receptance, project(hidden, wv));
  });
}

/** Entry checks; the receptance `[B, T, A]`, and what WKV takes. */
function entered(name: string, x: tf.Tensor3D, weights: TimeMixingWeights, past?: tf.Tensor3D) {
  const { mixR, mixK, mixV, wr, wk, wv, decay, bonus, wo } = weights;
  dims(name, {
    x: [x, "B T C"],
    wr: [wr, "C A"],
    wk: [wk, "C A"],
    wv: [wv, "C A"],
    wo: [wo, "A C"],
    mixR: [mixR, "C"],
    mixK: [mixK, "C"],
    mixV: [mixV, "C"],
    decay: [decay, "A"],
    bonus: [bonus, "A"],
  });
  const before = shifted(name, x, past);
  const r: tf.Tensor3D = tf.sigmoid(project(blended(x, before, mixR), wr));
  const [k, v] = [project(blended(x, before, mixK), wk), project(blended(x, before, mixV), wv)];
  return { r, w: logDecay(decay), u: bonus, k, v };
}

/** The token before each, `[B, T, C]`. */
function shifted(name: string, x: tf.Tensor3D, past?: tf.Tensor3D): tf.Tensor3D {
  const [B, T, C] = x.shape;
  const first = past ?? tf.zeros<tf.Rank.R3>([B, 1, C]);
  dims(name, { past: [first, "B one C"], x: [x, "B T C"] });
  return T === 1 ? tf.clone(first) : tf.concat([first, tf.slice(x, 0, [B, T - 1, C])], 1);
}

/** μ x + (1 − μ) before, as before + μ (x − before): one product less. */
function blended(x: tf.Tensor3D, before: tf.Tensor3D, mix: tf.Tensor1D): tf.Tensor3D {
  return tf.add(before, tf.mul(mix, tf.sub(x, before)));
}
