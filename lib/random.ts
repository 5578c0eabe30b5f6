/** Seeded randomness that gives the same numbers on every backend. */

import * as tf from "@tensorflow/tfjs";
import seedrandom from "seedrandom";

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, n). */
  integer(n: number): number;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** Standard normal tensor of any shape, times `scale`. */
  normalTensor<R extends tf.Rank>(shape: tf.ShapeMap[R], scale?: number): tf.Tensor<R>;
  /** Uniform tensor in [low, high). */
  uniformTensor<R extends tf.Rank>(shape: tf.ShapeMap[R], low?: number, high?: number): tf.Tensor<R>;
}

/** A generator of its own for each seed; strings and numbers both serve as seeds. */
export function random(seed: string | number): Random {
  const uniform = seedrandom.alea(String(seed));
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const integer = (n: number) => Math.floor(uniform() * n);
  const fill = <R extends tf.Rank>(shape: tf.ShapeMap[R], draw: () => number) => {
    const values = new Float32Array((shape as number[]).reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; i++) values[i] = draw();
    return tf.tensor(values, shape as number[]) as unknown as tf.Tensor<R>;
  };
  return {
    uniform,
    normal,
    integer,
    shuffle: (items) => {
      const out = [...items];
      for (let i = out.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
    normalTensor: (shape, scale = 1) => fill(shape, () => scale * normal()),
    uniformTensor: (shape, low = 0, high = 1) => fill(shape, () => low + (high - low) * uniform()),
  };
}
