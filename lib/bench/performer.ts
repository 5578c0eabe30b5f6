/** What `workbook bench performer` measures. */

import { attention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark } from "../measure/scaling.js";
import { random } from "../random.js";
import { orthogonalRows } from "../random-features.js";
import {
  causalPerformer,
  causalPerformerChunkwise,
  causalPerformerRecurrent,
  performerAttention,
} from "../variants/performer.js";

const [D, m] = [64, 64];

const inputs = (T: number) => ({ ...drawSequences(T, D), w: orthogonalRows({ m, D, random: random(T) }) });

export const benchmarks: readonly Benchmark[] = [
  {
    label: `softmax attention, causal, B = H = 1, D = ${D}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), (sequences) => attention({ ...sequences, causal: true })),
  },
  {
    label: `FAVOR+, parallel, causal, D = m = ${m}`,
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(inputs(T), causalPerformer),
  },
  {
    label: "the same, chunkwise (chunk 64)",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), causalPerformerChunkwise),
  },
  {
    label: "the same, recurrent",
    sizes: [4096],
    make: (T) => prepared(inputs(T), causalPerformerRecurrent),
  },
  {
    label: "FAVOR+, every query sees every key",
    sizes: [1024, 2048, 4096, 8192, 16384],
    make: (T) => prepared(inputs(T), performerAttention),
  },
];
