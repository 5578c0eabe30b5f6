/**
 * A trained test of recall: how many key-value pairs a token mixer can look up again. One small model learns
 * associative recall with few and many pairs in turn, and is then asked with each number of pairs.
 *
 * The task is that of Arora et al., 2024, arXiv:2312.04927 (`recallBatch` in tasks.ts). One layer cannot tie a value to
 * the key before it, so `recallMixer` takes each position's key from the token before: every mixer gets the same help, and
 * what differs is how the memory holds the pairs.
 */

import * as tf from "@tensorflow/tfjs";
import { mergeHeads, project, splitHeads } from "../attention.js";
import type { LanguageModelConfig } from "./language-model.js";
import { type Mixer, softmaxMixer, type Tensors } from "./mixer.js";
import { recallBatch } from "./tasks.js";
import { type TrainedTask, taskAccuracy, trainTask } from "./train-task.js";

/** Causal mixing of queries, keys and values, `[B, H, T, D]` each, to `[B, H, T, D]`. */
export type Mix = (inputs: { q: tf.Tensor4D; k: tf.Tensor4D; v: tf.Tensor4D }) => tf.Tensor4D;

/** A mixer whose queries and values come from each token, and whose keys from the token before it. */
export function recallMixer({ name, mix }: { name: string; mix: Mix }): Mixer {
  return {
    name,
    init: softmaxMixer.init,
    forward({ x, params, heads }) {
      const part = (from: tf.Tensor3D, weights: string) =>
        splitHeads(project(from, params[weights] as tf.Tensor2D), heads);
      const mixed = mix({ q: part(x, "wq"), k: part(previous(x), "wk"), v: part(x, "wv") });
      return project(mergeHeads(mixed), params.wo as tf.Tensor2D);
    },
  };
}

/** Row t − 1 in row t's place, zeros first: `[B, T, C]`. */
function previous(x: tf.Tensor3D): tf.Tensor3D {
  const [B, T, C] = x.shape;
  return tf.concat([tf.zeros<tf.Rank.R3>([B, 1, C]), tf.slice(x, [0, 0, 0], [B, T - 1, C])], 1);
}

/** Different keys and values: tokens 0 to 63 and 64 to 79. A guess among the values is right once in 16 times. */
export const recallVocabulary = { keys: 64, values: 16 } as const;

/** Numbers of pairs in turn, and how many of them are asked for. Without the short ones, linear attention learns nothing. */
const trainingPairs = [2, 4, 8, 16, 32] as const;
const queriesOf = (pairs: number) => Math.min(pairs, 16);

const recipe = { steps: 300, batch: 32, warmup: 20, peak: 0.02, beta2: 0.98, clipNorm: 1 } as const;

export interface RecallOptions {
  readonly mixer: Mixer;
  /** C, which is also D: there is one layer and one head. */
  readonly width: number;
  readonly seed: string | number;
  readonly label?: string;
  /** 300 unless given. */
  readonly steps?: number;
}

/** Trains a fresh model of one layer. The caller disposes the parameters. */
export function trainRecall({
  mixer,
  width,
  seed,
  label = mixer.name,
  steps = recipe.steps,
}: RecallOptions): Promise<TrainedTask> {
  const vocabulary = recallVocabulary.keys + recallVocabulary.values;
  const shape = { vocabulary, width, hidden: width, layers: 1, heads: 1 };
  return trainTask({
    // The order of the pairs must not matter, so nothing tells the model positions.
    config: { ...shape, positions: "none", mixer },
    recipe,
    steps,
    seed,
    batch: (step, seed) => {
      const pairs = trainingPairs[step % trainingPairs.length]!;
      return recallBatch({
        ...recallVocabulary,
        batch: recipe.batch,
        seed,
        pairs,
        queries: queriesOf(pairs),
      });
    },
    label,
  });
}

/** The share of right answers with that many pairs, on 128 fresh sequences. */
export function recallAccuracy({
  pairs,
  ...model
}: {
  config: LanguageModelConfig;
  params: Tensors;
  pairs: number;
}): number {
  const queries = queriesOf(pairs);
  const fresh = recallBatch({ ...recallVocabulary, batch: 128, seed: "fresh", pairs, queries });
  return taskAccuracy({ ...model, batch: fresh });
}
