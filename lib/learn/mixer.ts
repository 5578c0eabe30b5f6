/**
 * What a variant implements to take softmax attention's place in the language model: the token mixer of a block.
 */

import * as tf from "@tensorflow/tfjs";
import { type MultiHeadWeights, multiHeadAttention } from "../attention.js";
import type { Random } from "../random.js";
import { decodeStep } from "../variants/transformer.js";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * Mixes information along the sequence, causally: output t depends on inputs 0 to t alone.
 *
 * Parameters go by the mixer's own names; the model adds a prefix for each layer.
 */
export interface Mixer {
  /** Stands in labels and checkpoints. */
  readonly name: string;
  /** Fresh parameters of one layer. An output projection that starts at zero trains fastest. */
  init(options: { random: Random; width: number; heads: number }): Record<string, tf.Tensor>;
  /** The whole sequence at once: `x [B, T, C]` → `[B, T, C]`. */
  forward(options: { x: tf.Tensor3D; params: Tensors; heads: number }): tf.Tensor3D;
  /** The same outputs one position at a time, where the mixer can do that. */
  readonly recurrent?: RecurrentForm;
}

/** A state is whatever the next position needs of the past: a cache that grows, or a summary that does not. */
export interface RecurrentForm {
  /** The state before the first position. */
  start(options: { batch: number; width: number; heads: number }): Record<string, tf.Tensor>;
  /**
   * `x [B, 1, C]`, after `position` earlier ones → `y [B, 1, C]`, and the state after it; the old state is left alone.
   */
  step(options: { x: tf.Tensor3D; params: Tensors; heads: number; state: Tensors; position: number }): {
    y: tf.Tensor3D;
    state: Record<string, tf.Tensor>;
  };
}

/**
 * Causal multi-head softmax attention (Vaswani et al., 2017, arXiv:1706.03762). Its state is the key/value cache,
 * `k` and `v` of shape `[B, H, t, D]` after t positions.
 */
export const softmaxMixer: Mixer = {
  name: "softmax",
  init({ random, width }) {
    const matrix = () => random.normalTensor<tf.Rank.R2>([width, width], width ** -0.5);
    return { wq: matrix(), wk: matrix(), wv: matrix(), wo: tf.zeros([width, width]) };
  },
  forward({ x, params, heads }) {
    return multiHeadAttention({ x, weights: projections(params), heads, causal: true });
  },
  recurrent: {
    start({ batch, width, heads }) {
      const empty = () => tf.zeros([batch, heads, 0, width / heads]);
      return { k: empty(), v: empty() };
    },
    step({ x, params, heads, state }) {
      const cache = { k: state.k as tf.Tensor4D, v: state.v as tf.Tensor4D };
      const next = decodeStep({ x, weights: projections(params), heads, cache });
      return { y: next.y, state: { ...next.cache } };
    },
  },
};

function projections(params: Tensors): MultiHeadWeights {
  const { wq, wk, wv, wo } = params as Record<string, tf.Tensor2D>;
  return { wq: wq!, wk: wk!, wv: wv!, wo: wo! };
}
