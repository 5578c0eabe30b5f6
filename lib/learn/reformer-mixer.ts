/** Reformer's attention in the place of softmax attention in the language model (arXiv:2001.04451). */

import type * as tf from "@tensorflow/tfjs";
import { mergeHeads, project, splitHeads } from "../attention.js";
import { type ReformerOptions, reformer, sharedAttention } from "../variants/reformer.js";
import { type Mixer, softmaxMixer } from "./mixer.js";

export interface ReformerMixerOptions {
  /** Sequences up to this length are not hashed. */
  readonly chunk: number;
  /** Hashing rounds; 0 for full attention with shared queries and keys, which hashing approximates. */
  readonly rounds: number;
  readonly factors?: ReformerOptions["factors"];
  readonly seed?: ReformerOptions["seed"];
}

/** Causal. One projection for queries and keys. */
export function reformerMixer({ rounds, ...options }: ReformerMixerOptions): Mixer {
  return {
    name: rounds === 0 ? "shared queries and keys" : `LSH, ${rounds} ${rounds === 1 ? "round" : "rounds"}`,
    init(options) {
      const { wk: _, wq: wqk, ...rest } = softmaxMixer.init(options);
      return { wqk: wqk!, ...rest };
    },
    forward({ x, params, heads }) {
      const part = (name: string) => splitHeads(project(x, params[name] as tf.Tensor2D), heads);
      const inputs = { qk: part("wqk"), v: part("wv"), causal: true };
      const mixed = rounds === 0 ? sharedAttention(inputs) : reformer({ ...inputs, ...options, rounds });
      return project(mergeHeads(mixed), params.wo as tf.Tensor2D);
    },
  };
}
