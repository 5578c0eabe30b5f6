/** What `workbook bench reformer` measures. */

import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";
import { lshAttentionDense, reformer } from "../variants/reformer.js";
import { bucketFactors, hashBuckets, rotations } from "../variants/reformer-hash.js";

const D = 64;
const chunk = 64;

function benchmark(
  label: string,
  H: number,
  run: (qk: tf.Tensor4D, v: tf.Tensor4D) => tf.Tensor,
  sizes: readonly number[] = [1024, 2048, 4096, 8192],
): Benchmark {
  return {
    label: `${label}, forward, causal, B = 1, H = ${H}, D = ${D}`,
    sizes,
    make: (T) => {
      const r = random(T);
      const [qk, v] = [0, 1].map(() => r.normalTensor<tf.Rank.R4>([1, H, T, D])) as [
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      return { run: () => run(qk, v), dispose: () => tf.dispose([qk, v]) };
    },
  };
}

const rounds = (R: number) => (qk: tf.Tensor4D, v: tf.Tensor4D) =>
  reformer({ qk, v, chunk, rounds: R, causal: true });

export const benchmarks: readonly Benchmark[] = [
  ...[1, 2, 4, 8].map((R) =>
    benchmark(`LSH, chunks of ${chunk}, ${R} ${R === 1 ? "round" : "rounds"}`, 1, rounds(R)),
  ),
  benchmark(`LSH, chunks of ${chunk}, 4 rounds`, 8, rounds(4), [1024, 2048, 4096]),
  benchmark(
    "the same 4 rounds under a dense mask",
    1,
    (qk, v) => {
      const factors = bucketFactors({ T: qk.shape[2], chunk });
      const buckets = hashBuckets({ x: qk, rotations: rotations({ D, factors, rounds: 4, seed: 0 }) });
      return lshAttentionDense({ qk, v, buckets, chunk, causal: true });
    },
    [1024, 2048],
  ),
  benchmark("full attention", 1, (qk, v) => attention({ q: qk, k: qk, v, causal: true }), [1024, 2048, 4096]),
];
