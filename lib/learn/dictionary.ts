/**
 * A trained test of recall from a small dictionary: keys and values alternate, every key has a value of its own for the length of one
 * text, and both come again and again. Where a key comes again, what is its value?
 *
 * The task is associative recall as Poli et al., 2023, arXiv:2302.10866, section 4.1, use it: few different keys in texts of any
 * length. (recall.ts tells each of many keys once; there the memory must hold many things, here it must hold few for long.)
 * Identity (test/learn/dictionary.test.ts): every scored target is what followed that key before.
 */

import { ensure } from "../shapes.js";
import type { LanguageModelConfig } from "./language-model.js";
import type { Mixer, Tensors } from "./mixer.js";
import { assemble } from "./tasks.js";
import type { Batch } from "./text.js";
import { type TrainedTask, taskAccuracy, trainTask } from "./train-task.js";

export interface DictionaryOptions {
  /** B */
  readonly batch: number;
  readonly seed: string | number;
  /** Pairs of a key and its value in a text; T = 2 pairs − 1. */
  readonly pairs: number;
  /** Different keys, tokens 0 to keys − 1. */
  readonly keys: number;
  /** Different values, tokens keys to keys + values − 1. */
  readonly values: number;
}

/** Texts of key, value, key, value, …; keys that have stood before are scored. */
export function dictionaryBatch({ batch, seed, pairs, keys, values }: DictionaryOptions): Batch {
  for (const [label, size] of Object.entries({ batch, pairs, keys, values })) {
    ensure(
      Number.isInteger(size) && size >= 1,
      `dictionaryBatch: expected ${label} to be a positive integer, got ${size}`,
    );
  }
  return assemble(batch, seed, ({ integer }) => {
    const meaning = Array.from({ length: keys }, () => keys + integer(values));
    const said = Array.from({ length: pairs }, () => integer(keys));
    const sequence = said.flatMap((key) => [key, meaning[key]!]);
    const isRepeated = (pair: number) => said.indexOf(said[pair]!) < pair;
    return { sequence, scored: (position) => position % 2 === 0 && isRepeated(position / 2) };
  });
}

/** Different values: a guess among them is right once in 4 times. */
export const dictionaryValues = 4;

/** Pairs in the texts to train with, in turn. */
export const dictionaryPairs: readonly number[] = [4, 8, 16];

const recipe = { warmup: 20, peak: 0.02, beta2: 0.98, clipNorm: 1 } as const;
const batch = 32;

export interface TrainDictionaryOptions {
  readonly mixer: Mixer;
  readonly keys: number;
  /** C */
  readonly width: number;
  readonly seed: string | number;
  readonly label?: string;
  /** 200 unless given. */
  readonly steps?: number;
}

/** Trains a fresh model of one layer. The caller disposes the parameters. */
export function trainDictionary({
  mixer,
  keys,
  width,
  seed,
  label = mixer.name,
  steps = 200,
}: TrainDictionaryOptions): Promise<TrainedTask> {
  const values = dictionaryValues;
  const shape = { vocabulary: keys + values, width, hidden: width, layers: 1, heads: 1 };
  return trainTask({
    config: { ...shape, positions: "none", mixer },
    recipe,
    steps,
    seed,
    batch: (step, seed) =>
      dictionaryBatch({
        batch,
        seed,
        pairs: dictionaryPairs[step % dictionaryPairs.length]!,
        keys,
        values,
      }),
    label,
  });
}

/** The share of right answers in texts of that many pairs, on 64 fresh texts. */
export function dictionaryAccuracy({
  keys,
  pairs,
  ...model
}: {
  readonly config: LanguageModelConfig;
  readonly params: Tensors;
  readonly keys: number;
  readonly pairs: number;
}): number {
  const fresh = dictionaryBatch({ batch: 64, seed: "fresh", pairs, keys, values: dictionaryValues });
  return taskAccuracy({ ...model, batch: fresh });
}
