/**
 * Gated multi-scale retention as a token mixer (Sun et al., 2023, arXiv:2307.08621), with values twice as wide as queries
 * (section 3.1): 8 C² parameters, so that a block with a feed-forward network of 2 C hidden units has as many as a
 * Transformer's with 4 C.
 */

import * as tf from "@tensorflow/tfjs";
import { type RetentionOptions, retention } from "../variants/retnet.js";
import {
  multiScaleRetention,
  multiScaleRetentionStep,
  type RetentionWeights,
} from "../variants/retnet-layer.js";
import type { Mixer, Tensors } from "./mixer.js";

export interface RetentionMixerOptions {
  /** Stands in labels and checkpoints; `retention` unless given. */
  readonly name?: string;
  /** γ for each head; the paper's unless given. */
  readonly decays?: (heads: number) => number[];
  /** The form to train with; the parallel one unless given. */
  readonly mix?: (options: RetentionOptions) => tf.Tensor4D;
}

/** Retention as a mixer; it knows positions by itself. The state is one D × 2 D matrix for each head, whatever was read. */
export function retentionMixer({
  name = "retention",
  decays,
  mix = retention,
}: RetentionMixerOptions = {}): Mixer {
  return {
    name,
    init({ random, width }) {
      const matrix = (columns: number) => random.normalTensor<tf.Rank.R2>([width, columns], width ** -0.5);
      return {
        wq: matrix(width),
        wk: matrix(width),
        wv: matrix(2 * width),
        wg: matrix(2 * width),
        wo: tf.zeros([2 * width, width]),
      };
    },
    forward({ x, params, heads }) {
      return multiScaleRetention({ x, weights: weights(params), heads, decays: decays?.(heads), mix });
    },
    recurrent: {
      start({ batch, width, heads }) {
        const D = width / heads;
        return { s: tf.zeros([batch, heads, D, 2 * D]) };
      },
      step({ x, params, heads, state, position }) {
        const next = multiScaleRetentionStep({
          x,
          weights: weights(params),
          heads,
          decays: decays?.(heads),
          position,
          state: state.s as tf.Tensor4D,
        });
        return { y: next.y, state: { s: next.state } };
      },
    },
  };
}

function weights(params: Tensors): RetentionWeights {
  const { wq, wk, wv, wg, wo } = params as Record<string, tf.Tensor2D>;
  return { wq: wq!, wk: wk!, wv: wv!, wg: wg!, wo: wo! };
}
