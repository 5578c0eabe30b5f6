/** Mamba's selective scan, and its gradients: tfjs's operations join steps in pairs. */

import * as tf from "@tensorflow/tfjs";
import { random } from "../../random.js";
import { type SelectiveScanOptions, selectiveScanAssociative } from "../../variants/mamba.js";
import { runKernel, type ScanAttrs, SELECTIVE_SCAN } from "../fused.js";
import { LANES } from "../selective-scan/rung.js";
import { type Benchmark, type Case, rungsOf } from "./frame/benchmark.js";

type Form = (options: SelectiveScanOptions) => tf.Tensor;

const rounding = { tolerance: 1e-3, because: "float32 sums of T products, in another order" };

const fused =
  (rung: NonNullable<ScanAttrs["rung"]>): Form =>
  (options) =>
    tf.tidy(() => runKernel(SELECTIVE_SCAN, { ...tensors(options) }, { zeroOrder: false, rung })[0]!);

/** All gradients are the same kernels': only the forward pass has rungs. */
type Forms = Readonly<Record<string, Form>>;

export const benchmark: Benchmark = ({ software, smallestSubgroup = 0 }) => {
  const forms: Forms = {
    composed: selectiveScanAssociative,
    plain: fused("plain"),
    chunked: fused("chunked"),
    ...(smallestSubgroup >= LANES ? { subgroup: fused("subgroup") } : {}),
  };
  const [D, N] = software ? [64, 16] : [1536, 16];
  const lengths = software ? [256] : [1024, 4096];
  return lengths.flatMap((T) => [forward(forms, T, D, N), gradients(forms, T, D, N)]);
};

/** For each number of the state: e^(ΔA), three products and two sums, and one more product with Δ x for each channel. */
function forward(forms: Forms, T: number, D: number, N: number): Case {
  return {
    label: `selective scan, T = ${T}, D = ${D}, N = ${N}`,
    flops: (7 * N + 1) * T * D,
    bytes: 4 * (3 * T * D + D * N + 2 * T * N),
    timesComposed: 20,
    torch: { problem: "selective scan" },
    inputs: () => inputs(T, D, N),
    rungs: rungsOf(forms, (form) => (all) => form(named(all))),
    rounding,
  };
}

/** Forward, a scan that runs back, and five sums of products for each number of the state. */
function gradients(forms: Forms, T: number, D: number, N: number): Case {
  return {
    label: `selective scan and its gradients, T = ${T}, D = ${D}, N = ${N}`,
    flops: 3 * (7 * N + 1) * T * D,
    bytes: 4 * (6 * T * D + 2 * D * N + 4 * T * N),
    timesComposed: 20,
    torch: { problem: "selective scan", gradients: 5 },
    inputs: () => inputs(T, D, N),
    rungs: rungsOf(
      forms,
      (form) => (all) => tf.grads((...each: tf.Tensor[]) => tf.sum(form(named(each))))([...all]),
    ),
    rounding,
  };
}

function inputs(T: number, D: number, N: number): tf.Tensor[] {
  const r = random(T);
  return [
    r.normalTensor([1, T, D]),
    r.uniformTensor([1, T, D], 0.001, 0.1),
    r.uniformTensor([D, N], -16, -1),
    r.normalTensor([1, T, N]),
    r.normalTensor([1, T, N], 1 / N),
  ];
}

function named([x, delta, A, B, C]: readonly tf.Tensor[]): SelectiveScanOptions {
  return { x, delta, A, B, C } as SelectiveScanOptions;
}

function tensors({ x, delta, A, B, C }: SelectiveScanOptions): Record<string, tf.Tensor> {
  return { x, delta, A, B, C };
}
