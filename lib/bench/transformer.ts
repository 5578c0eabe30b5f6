/** What `workbook bench transformer` measures. */

import type * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.js";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";

const D = 64;

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, forward, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => {
      const r = random(T);
      const [q, k, v] = [0, 1, 2].map(() => r.normalTensor<tf.Rank.R4>([1, 1, T, D]));
      const inputs = { q: q!, k: k!, v: v! };
      return {
        run: () => attention(inputs),
        dispose: () => {
          for (const tensor of Object.values(inputs)) tensor.dispose();
        },
      };
    },
  },
];
