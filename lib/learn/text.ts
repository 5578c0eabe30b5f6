/**
 * Batches for next-token prediction out of one long sequence of tokens: the target of every position is the token
 * that follows it.
 */

import * as tf from "@tensorflow/tfjs";
import { random } from "../random.js";
import { ensure } from "../shapes.js";

/** One training example per row. A type rather than an interface, so that `tf.dispose` takes it. */
export type Batch = {
  /** `[B, T]` int32. */
  readonly inputs: tf.Tensor2D;
  /** `[B, T]` int32. */
  readonly targets: tf.Tensor2D;
  /** `[B, T]` float32, 1 where the target counts and 0 where it does not; every position counts without it. */
  readonly mask?: tf.Tensor2D;
};

export interface SampleOptions {
  readonly tokens: Int32Array;
  /** T, tokens per row. */
  readonly length: number;
  /** B, rows. */
  readonly batch: number;
  readonly seed: string | number;
}

/** A batch of windows at uniformly random places, the same for the same seed. */
export function sampleBatch({ tokens, length, batch, seed }: SampleOptions): Batch {
  check("sampleBatch", tokens, length, batch);
  const { integer } = random(seed);
  return windowsAt(
    tokens,
    Array.from({ length: batch }, () => integer(tokens.length - length)),
    length,
  );
}

/**
 * Windows side by side from the front, each token a target at most once: what a validation loss is measured on.
 * The last batch may have fewer rows; what is left over and shorter than a window is dropped.
 */
export function* consecutiveBatches({
  tokens,
  length,
  batch,
}: Omit<SampleOptions, "seed">): Generator<Batch, void> {
  check("consecutiveBatches", tokens, length, batch);
  const windows = Math.floor((tokens.length - 1) / length);
  for (let first = 0; first < windows; first += batch) {
    const rows = Math.min(batch, windows - first);
    yield windowsAt(
      tokens,
      Array.from({ length: rows }, (_, row) => (first + row) * length),
      length,
    );
  }
}

function windowsAt(tokens: Int32Array, starts: readonly number[], length: number): Batch {
  const cut = (shift: number) => {
    const values = new Int32Array(starts.length * length);
    starts.forEach((start, row) => {
      values.set(tokens.subarray(start + shift, start + shift + length), row * length);
    });
    return tf.tensor2d(values, [starts.length, length], "int32");
  };
  return { inputs: cut(0), targets: cut(1) };
}

function check(name: string, tokens: Int32Array, length: number, batch: number): void {
  ensure(
    Number.isInteger(length) && length >= 1 && length < tokens.length,
    `${name}: expected a length from 1 to ${tokens.length - 1} (one less than the tokens), got ${length}`,
  );
  ensure(Number.isInteger(batch) && batch >= 1, `${name}: expected a batch of at least 1 row, got ${batch}`);
}
