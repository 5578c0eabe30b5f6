/** RWKV's WKV, and its gradients: tfjs's operations sum chunks of 8 positions side by side. */

import * as tf from "@tensorflow/tfjs";
import { random } from "../../random.js";
import { type WkvOptions, wkvChunkwise } from "../../variants/rwkv.js";
import { runKernel, WKV } from "../fused.js";
import { type Benchmark, type Case, rungsOf } from "./frame/benchmark.js";

type Form = (w: tf.Tensor, u: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => tf.Tensor;

const rounding = { tolerance: 1e-3, because: "float32 averages of T values, in another order" };

const fused =
  (rung: "plain" | "chunked"): Form =>
  (w, u, k, v) =>
    tf.tidy(() => runKernel(WKV, { w, u, k, v }, { rung })[0]!);

const forms: Readonly<Record<string, Form>> = {
  composed: (w, u, k, v) => wkvChunkwise({ w, u, k, v } as WkvOptions),
  plain: fused("plain"),
  chunked: fused("chunked"),
};

export const benchmark: Benchmark = ({ software }) => {
  const C = software ? 64 : 2048;
  const lengths = software ? [256] : [1024, 4096];
  return lengths.flatMap((T) => [forward(T, C), gradients(T, C)]);
};

/** For each number: two maxima, four exponentials, and about twelve sums and products. */
function forward(T: number, C: number): Case {
  return {
    label: `WKV, T = ${T}, C = ${C}`,
    flops: 18 * T * C,
    bytes: 4 * (3 * T * C + 2 * C),
    timesComposed: 20,
    torch: { problem: "wkv" },
    inputs: () => inputs(T, C),
    rungs: rungsOf(
      forms,
      (form) =>
        ([w, u, k, v]) =>
          form(w!, u!, k!, v!),
    ),
    rounding,
  };
}

function gradients(T: number, C: number): Case {
  const slopes = (form: Form) => (all: readonly tf.Tensor[]) =>
    tf.grads((w, u, k, v) => tf.sum(form(w!, u!, k!, v!)))([...all]);
  return {
    label: `WKV and its gradients, T = ${T}, C = ${C}`,
    flops: 3 * 18 * T * C,
    bytes: 4 * (6 * T * C + 4 * C),
    timesComposed: 20,
    torch: { problem: "wkv", gradients: 4 },
    inputs: () => inputs(T, C),
    rungs: rungsOf(forms, slopes),
    rounding,
  };
}

function inputs(T: number, C: number): tf.Tensor[] {
  const r = random(T);
  return [
    r.uniformTensor([C], -1, -0.01),
    r.normalTensor([C]),
    r.normalTensor([1, T, C]),
    r.normalTensor([1, T, C]),
  ];
}
