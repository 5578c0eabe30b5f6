/**
 * Broadcast: a task for mixers that see both sides. One marked token stands somewhere among tokens that mean nothing, and every
 * position has to name it. How far from the mark a model still answers is how far its information travels.
 *
 * Identity (test/learn/broadcast-task.test.ts): the marked token alone determines every target of its row.
 */

import * as tf from "@tensorflow/tfjs";
import { random } from "../random.js";
import { ensure } from "../shapes.js";
import type { Batch } from "./text.js";

export interface BroadcastOptions {
  /** B */
  readonly batch: number;
  readonly seed: string | number;
  /** T, the start token included. */
  readonly length: number;
  /** Different marked tokens: a guess is right once in `symbols`. */
  readonly symbols: number;
  /** Different tokens that mean nothing; 1, a blank, unless given. */
  readonly noise?: number;
}

/**
 * Tokens 0 to symbols − 1 are marked, the next `noise` mean nothing, and the last, V − 1, starts every row.
 *
 * V = symbols + noise + 1. Targets are the row's marked token at all T positions.
 */
export function broadcastBatch({ batch, seed, length, symbols, noise = 1 }: BroadcastOptions): Batch {
  for (const [label, size, least] of [
    ["batch", batch, 1],
    ["length", length, 2],
    ["symbols", symbols, 1],
    ["noise", noise, 1],
  ] as const) {
    ensure(
      Number.isInteger(size) && size >= least,
      `broadcastBatch: expected ${label} to be a whole number of at least ${least}, got ${size}`,
    );
  }
  const { integer } = random(seed);
  const inputs: number[][] = [];
  const targets: number[][] = [];
  for (let row = 0; row < batch; row++) {
    const tokens = Array.from({ length }, () => symbols + integer(noise));
    tokens[0] = symbols + noise;
    const mark = integer(symbols);
    tokens[1 + integer(length - 1)] = mark;
    inputs.push(tokens);
    targets.push(new Array<number>(length).fill(mark));
  }
  return {
    inputs: tf.tensor2d(inputs, undefined, "int32"),
    targets: tf.tensor2d(targets, undefined, "int32"),
  };
}

/**
 * The share of right answers at each distance |i − mark| from the marked token: entry n for distance n, undefined
 * where no position was at that distance.
 */
export function accuracyByDistance({
  logits,
  batch,
  symbols,
}: {
  /** `[B, T, V]` */
  readonly logits: tf.Tensor3D;
  readonly batch: Batch;
  readonly symbols: number;
}): (number | undefined)[] {
  const [inputs, targets] = [batch.inputs.arraySync(), batch.targets.arraySync()];
  const answers = tf.tidy(() => tf.argMax(logits, -1).arraySync()) as number[][];
  const T = inputs[0]?.length ?? 0;
  const [right, all] = [new Array<number>(T).fill(0), new Array<number>(T).fill(0)];
  inputs.forEach((tokens, row) => {
    const mark = tokens.findIndex((token) => token < symbols);
    answers[row]!.forEach((answer, i) => {
      const distance = Math.abs(i - mark);
      all[distance]!++;
      if (answer === targets[row]![i]) right[distance]!++;
    });
  });
  return all.map((count, distance) => (count === 0 ? undefined : right[distance]! / count));
}
