/**
 * A trained test of selection: does a token mixer find, among tokens that mean nothing, the ones that count, wherever they stand?
 *
 * Two tasks of tasks.ts, selective copying and induction, as Gu and Dao, 2023, arXiv:2312.00752, section 4.1, use them, at a size
 * that trains in seconds. Training shows short and longer sequences in turn; the tests go beyond.
 */

import type { LanguageModelConfig } from "./language-model.js";
import type { Mixer, Tensors } from "./mixer.js";
import { inductionBatch, selectiveCopyingBatch } from "./tasks.js";
import type { Batch } from "./text.js";
import { type TrainedTask, taskAccuracy, trainTask } from "./train-task.js";

/** A task at any length. */
export interface SelectionTask {
  readonly name: string;
  readonly vocabulary: number;
  /** Lengths to train with, in turn. */
  readonly lengths: readonly number[];
  /** Steps of training in which the Mamba block learns it, where it does. */
  readonly steps: number;
  /** The share of right answers that guessing gets. */
  readonly chance: number;
  readonly draw: (options: { batch: number; length: number; seed: string }) => Batch;
}

const copied = { remembered: 3, symbols: 6 } as const;
const induced = { symbols: 8 } as const;

/** Three symbols among blanks, to be repeated in their order. */
export const selectiveCopying: SelectionTask = {
  name: "selective copying",
  vocabulary: copied.symbols + 2,
  lengths: [4, 8, 16, 32],
  steps: 200,
  chance: 1 / copied.symbols,
  draw: (options) => selectiveCopyingBatch({ ...options, ...copied }),
};

/** What followed the trigger the first time? */
export const induction: SelectionTask = {
  name: "induction",
  vocabulary: induced.symbols + 1,
  lengths: [4, 8, 16, 32],
  steps: 100,
  chance: 1 / induced.symbols,
  draw: (options) => inductionBatch({ ...options, ...induced }),
};

const [width, batch] = [32, 32] as const;
const recipe = { warmup: 20, peak: 0.02, beta2: 0.98, clipNorm: 1 } as const;

export interface SelectionOptions {
  readonly task: SelectionTask;
  readonly mixer: Mixer;
  readonly seed: string | number;
  readonly label?: string;
  /** The task's unless given. */
  readonly steps?: number;
}

/** Trains a fresh model of one layer, 32 wide. The caller disposes the parameters. */
export function trainSelection({
  task,
  mixer,
  seed,
  label = `${task.name}, ${mixer.name}`,
  steps = task.steps,
}: SelectionOptions): Promise<TrainedTask> {
  const shape = { vocabulary: task.vocabulary, width, hidden: width, layers: 1, heads: 2 };
  return trainTask({
    // Nothing tells the model positions: where a token stands must not matter.
    config: { ...shape, positions: "none", mixer },
    recipe,
    steps,
    seed,
    batch: (step, seed) => task.draw({ batch, length: task.lengths[step % task.lengths.length]!, seed }),
    label,
  });
}

/** The share of right answers at one length, on 128 fresh sequences. */
export function selectionAccuracy({
  task,
  length,
  ...model
}: {
  task: SelectionTask;
  config: LanguageModelConfig;
  params: Tensors;
  length: number;
}): number {
  return taskAccuracy({ ...model, batch: task.draw({ batch: 128, length, seed: "fresh" }) });
}
