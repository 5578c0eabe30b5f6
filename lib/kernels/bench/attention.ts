/** Attention: forward, and its three gradients. `composed` is tfjs's operations, which store T² numbers per head. */

import * as tf from "@tensorflow/tfjs";
import { type AttentionOptions, composedAttention, fusedAttention } from "../../attention.js";
import { random } from "../../random.js";
import type { Rung } from "../fused.js";
import type { Benchmark, Case } from "./frame/benchmark.js";

type Attention = (options: AttentionOptions) => tf.Tensor4D;

const rung =
  (name: Rung): Attention =>
  (options) =>
    fusedAttention({ ...options, rung: name })!;

/** Runs as `tiled` where the GPU has no shader-f16. */
const half = {
  tolerance: 2e-2,
  because: "operands keep 11 bits, which moves scores up to 5 by 2e-3, and values reach 4",
};
const rounding = { tolerance: 1e-3, because: "float32 sums of T products, in another order" };

export const benchmark: Benchmark = ({ software }) => {
  const [H, D] = software ? [1, 64] : [16, 64];
  const lengths = software ? [256] : [1024, 4096];
  return lengths.flatMap((T) => [forward(H, T, D), gradients(H, T, D)]);
};

/** Two products of T·T/2·D multiply-adds, half of the pattern being hidden. */
function forward(H: number, T: number, D: number): Case {
  const run = (of: Attention) => (inputs: readonly tf.Tensor[]) => causal(of, inputs);
  return {
    label: `attention, causal, H = ${H}, T = ${T}, D = ${D}`,
    flops: 2 * H * T * T * D,
    bytes: 4 * 4 * H * T * D,
    timesComposed: T === 1024 ? undefined : 5,
    torch: { problem: "attention" },
    inputs: () => inputs(H, T, D),
    rungs: {
      composed: run(composedAttention),
      plain: run(rung("plain")),
      tiled: run(rung("tiled")),
      subgroup: run(rung("subgroup")),
      f16: run(rung("f16")),
    },
    rounding,
    roundings: { f16: half },
  };
}

/** Forward, and five products more: the scores again, dV, dP, dQ and dK. */
function gradients(H: number, T: number, D: number): Case {
  const run = (of: Attention) => (inputs: readonly tf.Tensor[]) =>
    tf.grads((...tensors: tf.Tensor[]) => tf.sum(causal(of, tensors)))([...inputs]);
  return {
    label: `attention and its gradients, causal, H = ${H}, T = ${T}, D = ${D}`,
    flops: 7 * H * T * T * D,
    bytes: 4 * 8 * H * T * D,
    timesComposed: T === 1024 ? undefined : 5,
    torch: { problem: "attention", gradients: 3 },
    inputs: () => inputs(H, T, D),
    rungs: {
      composed: run(composedAttention),
      plain: run(rung("plain")),
      tiled: run(rung("tiled")), // subgroups have no part in the gradients
    },
    rounding,
  };
}

function causal(of: Attention, [q, k, v]: readonly tf.Tensor[]): tf.Tensor4D {
  return of({ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D, causal: true });
}

function inputs(H: number, T: number, D: number): tf.Tensor[] {
  return [1, 2, 3].map((seed) => random(seed).normalTensor([1, H, T, D]));
}
