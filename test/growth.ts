/** How counted operations and bytes grow with the length of a sequence. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { count } from "workbook/measure/count";
import { fitExponent } from "workbook/measure/fit";
import { random } from "workbook/random";

export interface Growth {
  /** Exponents of T. */
  readonly flops: number;
  readonly peakBytes: number;
  readonly counts: readonly { readonly flops: number; readonly peakBytes: number }[];
}

/** Counts `run` on the inputs of each size; every operation must have a formula. */
export async function growth<I extends tf.TensorContainerObject>(
  sizes: readonly number[],
  draw: (T: number) => I,
  run: (inputs: I) => tf.Tensor,
): Promise<Growth> {
  const counts: { flops: number; peakBytes: number }[] = [];
  for (const T of sizes) {
    const inputs = draw(T);
    const { flops, peakBytes, uncounted } = await count(() => run(inputs));
    expect(uncounted).to.deep.equal([]);
    counts.push({ flops, peakBytes });
    tf.dispose(inputs);
  }
  const exponent = (of: "flops" | "peakBytes") =>
    fitExponent(
      sizes,
      counts.map((row) => row[of]),
    ).exponent;
  return { flops: exponent("flops"), peakBytes: exponent("peakBytes"), counts };
}

/** 2^from, …, 2^to. */
export function powersOfTwo(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));
}

/** Queries, keys and values `[1, 1, T, D]`, all of them the same normal numbers. */
export function selfSequences(T: number, D = 64): Record<"q" | "k" | "v", tf.Tensor4D> {
  const x = random(T).normalTensor<tf.Rank.R4>([1, 1, T, D]);
  return { q: x, k: x, v: x };
}
