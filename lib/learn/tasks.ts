/**
 * Synthetic tasks that isolate one ability of a token mixer: each is a seeded batch of token sequences whose answers
 * can be known exactly, and a mask that scores only those answers.
 *
 * Identities (test/learn/tasks.test.ts): a program that follows the task's rule scores accuracy 1, and what comes
 * before a scored position determines its target.
 */

import * as tf from "@tensorflow/tfjs";
import { type Random, random } from "../random.js";
import { dims, ensure } from "../shapes.js";
import type { Batch } from "./text.js";

interface TaskOptions {
  /** B */
  readonly batch: number;
  readonly seed: string | number;
}

export interface CopyingOptions extends TaskOptions {
  /** Symbols to remember. */
  readonly length: number;
  /** Different symbols; tokens 0 to symbols − 1. */
  readonly symbols: number;
  /** Blanks between the symbols and the signal to repeat them; 0 unless given. */
  readonly delay?: number;
}

/**
 * Copying: `length` random symbols, `delay` blanks, a signal, and the same symbols again, which are scored.
 * Hochreiter & Schmidhuber, 1997; in this form Arjovsky, Shah & Bengio, 2016, arXiv:1511.06464, section 5.1.
 *
 * V = symbols + 2 (blank, then signal); T = 2 length + delay.
 */
export function copyingBatch({ batch, seed, length, symbols, delay = 0 }: CopyingOptions): Batch {
  positive("copyingBatch", { batch, length, symbols });
  return assemble(batch, seed, ({ integer }) => {
    const pattern = Array.from({ length }, () => integer(symbols));
    const blanks = Array.from({ length: delay }, () => symbols);
    const sequence = [...pattern, ...blanks, symbols + 1, ...pattern];
    return { sequence, scored: (position) => position >= length + delay };
  });
}

export interface SelectiveCopyingOptions extends TaskOptions {
  /** Positions before the signal. */
  readonly length: number;
  /** Symbols among them to remember; all others are blanks. */
  readonly remembered: number;
  /** Different symbols; tokens 0 to symbols − 1. */
  readonly symbols: number;
}

/**
 * Selective copying: symbols at random places among blanks, a signal, and the same symbols again in their order, which are
 * scored. The places differ from row to row, so that no fixed delay finds them.
 * Jing et al., 2019, arXiv:1706.02761; in this form Gu & Dao, 2023, arXiv:2312.00752, section 4.1.1.
 *
 * V = symbols + 2 (blank, then signal); T = length + remembered.
 */
export function selectiveCopyingBatch({
  batch,
  seed,
  length,
  remembered,
  symbols,
}: SelectiveCopyingOptions): Batch {
  positive("selectiveCopyingBatch", { batch, length, remembered, symbols });
  ensure(
    remembered <= length,
    `selectiveCopyingBatch: expected at most ${length} symbols to remember in as many positions, got ${remembered}`,
  );
  return assemble(batch, seed, ({ integer, shuffle }) => {
    const places = shuffle(Array.from({ length }, (_, position) => position)).slice(0, remembered);
    const marked = new Map(places.map((place) => [place, integer(symbols)]));
    const context = Array.from({ length }, (_, position) => marked.get(position) ?? symbols);
    const pattern = context.filter((token) => token !== symbols);
    return { sequence: [...context, symbols + 1, ...pattern], scored: (position) => position >= length };
  });
}

export interface InductionOptions extends TaskOptions {
  /** T, tokens that the model reads. */
  readonly length: number;
  /** Different ordinary tokens; the trigger is one more. */
  readonly symbols: number;
}

/**
 * Induction: a trigger stands somewhere in a random sequence and again at its end; the answer is the token that
 * followed it the first time. Olsson et al., 2022, arXiv:2209.11895 describe the heads that do this; the task is
 * that of Fu et al., 2023, arXiv:2212.14052, section 3.1.
 *
 * V = symbols + 1, the trigger last. Only the last position is scored.
 */
export function inductionBatch({ batch, seed, length, symbols }: InductionOptions): Batch {
  positive("inductionBatch", { batch, symbols });
  ensure(
    Number.isInteger(length) && length >= 3,
    `inductionBatch: expected a length of at least 3, got ${length}`,
  );
  return assemble(batch, seed, ({ integer }) => {
    const sequence = Array.from({ length: length - 1 }, () => integer(symbols));
    const place = integer(length - 2);
    sequence[place] = symbols;
    return {
      sequence: [...sequence, symbols, sequence[place + 1]!],
      scored: (position) => position === length - 1,
    };
  });
}

export interface RecallOptions extends TaskOptions {
  /** Key-value pairs to remember. */
  readonly pairs: number;
  /** Keys asked for, all different; 1 unless given. */
  readonly queries?: number;
  /** Different keys, tokens 0 to keys − 1; at least as many as pairs. */
  readonly keys: number;
  /** Different values, tokens keys to keys + values − 1. */
  readonly values: number;
}

/**
 * Associative recall: pairs of a key and its value, then keys again, each to be answered with its value.
 * Ba et al., 2016, arXiv:1610.06258, section 4.1, with one query; Arora et al., 2024, arXiv:2312.04927, with several.
 *
 * V = keys + values; T = 2 pairs + 2 queries − 1. The positions of the keys asked for are scored.
 */
export function recallBatch({ batch, seed, pairs, queries = 1, keys, values }: RecallOptions): Batch {
  positive("recallBatch", { batch, pairs, queries, keys, values });
  ensure(
    queries <= pairs && pairs <= keys,
    `recallBatch: expected queries <= pairs <= keys, got ${queries}, ${pairs} and ${keys}`,
  );
  return assemble(batch, seed, ({ integer, shuffle }) => {
    const chosen = shuffle(Array.from({ length: keys }, (_, key) => key)).slice(0, pairs);
    const told = chosen.map((key) => [key, keys + integer(values)]);
    const asked = shuffle(told).slice(0, queries);
    return {
      sequence: [...told, ...asked].flat(),
      scored: (position) => position >= 2 * pairs && position % 2 === 0,
    };
  });
}

/** The share of scored positions where the largest logit is the target's. */
export function accuracy({ logits, batch }: { logits: tf.Tensor3D; batch: Batch }): number {
  dims("accuracy", { logits: [logits, "B T V"], targets: [batch.targets, "B T"] });
  return tf.tidy(() => {
    const right = tf.cast(tf.equal(tf.argMax(logits, -1), batch.targets), "float32");
    const share =
      batch.mask === undefined
        ? tf.mean(right)
        : tf.div(tf.sum(tf.mul(right, batch.mask)), tf.sum(batch.mask));
    return share.dataSync()[0]!;
  });
}

/** One row: T + 1 tokens, and which of the T positions are scored for the token after them. */
export interface Row {
  readonly sequence: readonly number[];
  readonly scored: (position: number) => boolean;
}

/** `batch` rows, drawn one after the other from one seed. */
export function assemble(batch: number, seed: string | number, draw: (random: Random) => Row): Batch {
  const generator = random(seed);
  const rows = Array.from({ length: batch }, () => draw(generator));
  const inputs = rows.map(({ sequence }) => sequence.slice(0, -1));
  const targets = rows.map(({ sequence }) => sequence.slice(1));
  const mask = rows.map(({ scored }, row) => inputs[row]!.map((_, position) => (scored(position) ? 1 : 0)));
  return {
    inputs: tf.tensor2d(inputs, undefined, "int32"),
    targets: tf.tensor2d(targets, undefined, "int32"),
    mask: tf.tensor2d(mask, undefined, "float32"),
  };
}

function positive(name: string, sizes: Readonly<Record<string, number>>): void {
  for (const [label, size] of Object.entries(sizes)) {
    ensure(
      Number.isInteger(size) && size >= 1,
      `${name}: expected ${label} to be a positive integer, got ${size}`,
    );
  }
}
