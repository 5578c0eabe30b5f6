/** Trains a small language model on a synthetic task, and asks it afterwards: what the trained tests of abilities share. */

import * as tf from "@tensorflow/tfjs";
import { adamw } from "./adamw.js";
import {
  initLanguageModel,
  type LanguageModelConfig,
  languageModelLoss,
  logits,
  type Params,
} from "./language-model.js";
import type { Tensors } from "./mixer.js";
import { warmupCosine } from "./schedule.js";
import { accuracy } from "./tasks.js";
import type { Batch } from "./text.js";
import { type History, train } from "./train.js";

export interface TaskRecipe {
  readonly warmup: number;
  /** The largest learning rate. */
  readonly peak: number;
  readonly beta2: number;
  readonly clipNorm: number;
}

export interface TrainTaskOptions {
  readonly config: LanguageModelConfig;
  readonly recipe: TaskRecipe;
  readonly steps: number;
  readonly seed: string | number;
  /** The batch of a step, from a seed of its own; disposed after use. */
  readonly batch: (step: number, seed: string) => Batch;
  readonly label: string;
}

/** A trained model: its parameters are the caller's to dispose. */
export interface TrainedTask {
  readonly config: LanguageModelConfig;
  readonly params: Params;
  readonly history: History;
}

/** Trains a fresh model. */
export async function trainTask({
  config,
  recipe: { warmup, peak, beta2, clipNorm },
  steps,
  seed,
  batch,
  label,
}: TrainTaskOptions): Promise<TrainedTask> {
  const params = initLanguageModel({ config, seed });
  const optimiser = adamw({ params, beta2, clipNorm });
  try {
    const history = await train({
      params,
      optimiser,
      steps,
      learningRate: warmupCosine({ peak, warmup: Math.min(warmup, steps - 1), steps }),
      batch: (step) => batch(step, `${seed}/${step}`),
      loss: (data) => languageModelLoss({ config, params, batch: data }),
      label,
    });
    return { config, params, history };
  } catch (error) {
    tf.dispose(params);
    throw error;
  } finally {
    optimiser.dispose();
  }
}

/** The share of right answers to a batch, which is disposed. */
export function taskAccuracy({
  config,
  params,
  batch,
}: {
  readonly config: LanguageModelConfig;
  readonly params: Tensors;
  readonly batch: Batch;
}): number {
  const share = tf.tidy(() => accuracy({ logits: logits({ config, params, tokens: batch.inputs }), batch }));
  tf.dispose(batch);
  return share;
}
