/** What `workbook bench flash-attention` measures. */

import * as tf from "@tensorflow/tfjs";
import { composedAttention } from "../attention.js";
import { drawSequences, prepared } from "../measure/prepared.js";
import type { Benchmark } from "../measure/scaling.js";
import { type FlashAttentionOptions, flashAttention } from "../variants/flash-attention.js";

const D = 64;
const sizes = [1024, 2048, 4096, 8192];

/** The gradients of q, k and v. */
function gradients(attend: (options: FlashAttentionOptions) => tf.Tensor4D) {
  return ({ q, k, v }: FlashAttentionOptions) =>
    tf.grads((...[q, k, v]) => tf.sum(attend({ q, k, v, causal: true } as unknown as FlashAttentionOptions)))(
      [q, k, v],
    );
}

const tiles = (block: number) => (options: FlashAttentionOptions) =>
  flashAttention({ ...options, queryBlock: block, keyBlock: block });

export const benchmarks: readonly Benchmark[] = [
  {
    label: `standard attention, B = H = 1, D = ${D}`,
    sizes,
    make: (T) => prepared(drawSequences(T, D), composedAttention),
  },
  ...[1024, 512, 256].map((block) => ({
    label: `the same in tiles of ${block} × ${block}`,
    sizes,
    make: (T: number) => prepared(drawSequences(T, D), tiles(block)),
  })),
  {
    label: "standard attention, causal",
    sizes,
    make: (T) => prepared(drawSequences(T, D), (inputs) => composedAttention({ ...inputs, causal: true })),
  },
  {
    label: "the same in tiles of 512 × 512",
    sizes,
    make: (T) => prepared(drawSequences(T, D), (inputs) => flashAttention({ ...inputs, causal: true })),
  },
  {
    label: "standard attention, causal, forward and gradients",
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), gradients(composedAttention)),
  },
  {
    label: "the same in tiles of 512 × 512, scores computed anew",
    sizes: [1024, 2048, 4096],
    make: (T) => prepared(drawSequences(T, D), gradients(flashAttention)),
  },
];
