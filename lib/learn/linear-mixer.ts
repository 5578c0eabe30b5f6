/**
 * Linear attention as a token mixer (Katharopoulos et al., 2020, arXiv:2006.16236): the projections of multi-head
 * attention around `variants/linear-transformer.ts`. Its state is one matrix for each head, however much was read.
 */

import * as tf from "@tensorflow/tfjs";
import { type MultiHeadWeights, mergeHeads, multiHeadAttention, project, splitHeads } from "../attention.js";
import { causalLinearAttentionChunkwise, linearAttentionStep } from "../variants/linear-transformer.js";
import { type Mixer, softmaxMixer, type Tensors } from "./mixer.js";

/** Causal linear attention with φ = elu + 1. Starts from the same parameters as softmax attention does. */
export const linearMixer: Mixer = {
  name: "linear",
  init: softmaxMixer.init,
  forward({ x, params, heads }) {
    // Up to 64 positions are one chunk, which is the parallel form.
    const chunk = Math.min(64, x.shape[1]);
    return multiHeadAttention({
      x,
      weights: projections(params),
      heads,
      mix: ({ q, k, v }) => causalLinearAttentionChunkwise({ q, k, v, chunk }),
    });
  },
  recurrent: {
    start({ batch, width, heads }) {
      const D = width / heads;
      return { s: tf.zeros([batch, heads, D, D + 1]) };
    },
    step({ x, params, heads, state }) {
      const { wq, wk, wv, wo } = projections(params);
      const [q, k, v] = [wq, wk, wv].map((w) => splitHeads(project(x, w), heads)) as [
        tf.Tensor4D,
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      const next = linearAttentionStep({ q, k, v, state: state.s as tf.Tensor4D });
      return { y: project(mergeHeads(next.y), wo), state: { s: next.state } };
    },
  },
};

function projections(params: Tensors): MultiHeadWeights {
  const { wq, wk, wv, wo } = params as Record<string, tf.Tensor2D>;
  return { wq: wq!, wk: wk!, wv: wv!, wo: wo! };
}
