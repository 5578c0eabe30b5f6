/** Linear attention with a decay of each channel: forward, and its gradients. */

import * as tf from "@tensorflow/tfjs";
import { composedFadingAttention } from "../../linear-attention.js";
import { random } from "../../random.js";
import { LINEAR_ATTENTION, runKernel } from "../fused.js";
import { type Benchmark, type Case, rungsOf } from "./frame/benchmark.js";

type Form = (...inputs: tf.Tensor[]) => tf.Tensor;

const rounding = { tolerance: 1e-3, because: "float32 sums of T products, in another order" };

const forms: Readonly<Record<string, Form>> = {
  composed: (...[q, k, v, logDecay]) =>
    composedFadingAttention({ q, k, v, logDecay } as Parameters<typeof composedFadingAttention>[0]),
  plain: fused("plain"),
  chunked: fused("chunked"),
};

/** Its operands are rounded to 11 bits: compared as closely as that allows. */
const halves = { ...forms, f16: fused("f16") };
const halfRounding = { tolerance: 1e-2, because: "operands rounded to 11 bits, float32 sums of T products" };

export const benchmark: Benchmark = ({ software, features }) => {
  const [H, D] = software ? [1, 64] : [8, 64];
  const lengths = software ? [256, 1024] : [1024, 4096, 16384];
  return lengths.flatMap((T) => [
    ...(["of each channel", "of each head"] as const).map((decay) => forward(H, T, D, decay)),
    // Composed, they take most of a minute at T = 1024 on software.
    ...(software && T > 256 ? [] : [gradients(H, T, D)]),
    ...(features.includes("shader-f16") ? [inHalves(H, T, D)] : []),
  ]);
};

/** Each position adds an outer product to D·D numbers, fades them, and reads them: 5 D² operations. */
function forward(H: number, T: number, D: number, decay: "of each channel" | "of each head"): Case {
  const call = (form: Form) => (inputs: readonly tf.Tensor[]) => form(...inputs);
  return {
    label: `linear attention with decay ${decay}, H = ${H}, T = ${T}, D = ${D}`,
    flops: 5 * H * T * D * D,
    bytes: 4 * (decay === "of each channel" ? 5 : 4) * H * T * D,
    inputs: () => {
      const all = inputs(H, T, D);
      if (decay === "of each channel") return all;
      all.pop()!.dispose();
      return [...all, random(T).uniformTensor([1, H, 1, 1], Math.log(0.9), 0)];
    },
    rungs: rungsOf(forms, call),
    rounding,
  };
}

/** The forward pass again, with the rung that is less exact than the others. */
function inHalves(H: number, T: number, D: number): Case {
  const one = forward(H, T, D, "of each channel");
  const call = (form: Form) => (inputs: readonly tf.Tensor[]) => form(...inputs);
  return { ...one, label: `${one.label}, halves too`, rungs: rungsOf(halves, call), rounding: halfRounding };
}

/** Forward, and three scans of the same size: those of q, k and v. */
function gradients(H: number, T: number, D: number): Case {
  const call = (form: Form) => (inputs: readonly tf.Tensor[]) => {
    const [q, k, v, logDecay] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    return tf.grads((...learned: tf.Tensor[]) => tf.sum(form(...learned, logDecay)))([q, k, v]);
  };
  return {
    label: `linear attention with decay and its gradients, H = ${H}, T = ${T}, D = ${D}`,
    flops: 20 * H * T * D * D,
    bytes: 4 * 9 * H * T * D,
    inputs: () => inputs(H, T, D),
    rungs: rungsOf(forms, call),
    rounding,
  };
}

function fused(rung: string): Form {
  return (...[q, k, v, logDecay]) => {
    const named = { q: q!, k: k!, v: v!, logDecay: logDecay! };
    return tf.tidy(() => runKernel(LINEAR_ATTENTION, named, { rung })[0]!);
  };
}

/** Queries and keys of length 1 on average; decays from 0.9 to 1. */
function inputs(H: number, T: number, D: number): tf.Tensor[] {
  const r = random(T);
  const normal = (deviation: number) => r.normalTensor([1, H, T, D], deviation);
  return [normal(D ** -0.5), normal(D ** -0.5), normal(1), r.uniformTensor([1, H, T, D], Math.log(0.9), 0)];
}
