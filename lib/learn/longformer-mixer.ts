/** Longformer's attention in the place of softmax attention in the language model (arXiv:2004.05150). */

import * as tf from "@tensorflow/tfjs";
import { type LongformerWeights, longformerLayer } from "../variants/longformer-layer.js";
import type { LongformerPattern } from "../variants/longformer-pattern.js";
import { type Mixer, softmaxMixer } from "./mixer.js";

export interface LongformerMixerOptions extends LongformerPattern {
  /** Positions with global attention; none unless given. */
  readonly globals?: readonly number[];
  /** Whether the global tokens have projections of their own, as the paper has it; true unless given. */
  readonly ownProjections?: boolean;
}

/**
 * Sees both sides, as the paper's encoder does, unless `causal` is true: the `Mixer` contract asks for that only where
 * a model generates. The global projections start as copies of the window's (section 3.1).
 */
export function longformerMixer({
  globals = [],
  ownProjections = true,
  ...pattern
}: LongformerMixerOptions): Mixer {
  const separate = ownProjections && globals.length > 0;
  return {
    name: `longformer, w = ${pattern.window}`,
    init(options) {
      const shared = softmaxMixer.init(options);
      if (!separate) return shared;
      const copies = ["wq", "wk", "wv"].map((name) => [`${name}Global`, tf.clone(shared[name]!)] as const);
      return { ...shared, ...Object.fromEntries(copies) };
    },
    forward({ x, params, heads }) {
      const { wq, wk, wv, wo, wqGlobal, wkGlobal, wvGlobal } = params as Record<string, tf.Tensor2D>;
      const global = separate && { global: { wq: wqGlobal!, wk: wkGlobal!, wv: wvGlobal! } };
      const weights: LongformerWeights = { wq: wq!, wk: wk!, wv: wv!, wo: wo!, ...global };
      return longformerLayer({ x, weights, heads, globals, ...pattern });
    },
  };
}
