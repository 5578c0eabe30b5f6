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
  const [H, D] = software ? [1, 64] : [16, 64];
  const lengths = software ? [256] : [1024, 4096];
  // PyTorch's kernels know these two by names of their own; software has no time for the first.
  const others = software
    ? [forward(H, 256, D, "head")]
    : [forward(H, 4096, D, "none"), forward(H, 4096, D, "head")];
  const inHalf = features.includes("shader-f16") ? lengths.map((T) => inHalves(H, T, D)) : [];
  return [...lengths.flatMap((T) => [forward(H, T, D), gradients(H, T, D)]), ...others, ...inHalf];
};

/** A decay for each channel and position, none, or RetNet's: one for each head. */
type Decay = "channel" | "none" | "head";
const labels = { channel: "linear attention with decay", none: "linear attention", head: "retention" };

/** Each position adds an outer product to D·D numbers, fades them, and reads them: 5 D² operations. */
export function forward(H: number, T: number, D: number, decay: Decay = "channel"): Case {
  const call = (form: Form) => (inputs: readonly tf.Tensor[]) => form(...inputs);
  return {
    label: `${labels[decay]}, H = ${H}, T = ${T}, D = ${D}`,
    flops: (decay === "none" ? 4 : 5) * H * T * D * D,
    bytes: 4 * (decay === "channel" ? 5 : 4) * H * T * D,
    timesComposed: 20,
    torch: { problem: "linear attention", options: { decay } },
    inputs: () => inputs(H, T, D, decay),
    rungs: rungsOf(forms, call),
    rounding,
  };
}

/** The forward pass again, with the rung that is less exact than the others. */
function inHalves(H: number, T: number, D: number): Case {
  const one = forward(H, T, D);
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
    timesComposed: 20,
    torch: { problem: "linear attention", gradients: 3 },
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

/** Queries and keys of length 1 on average; decays from 0.9 to 1 for each channel, 1 − 2^(−5−h) for head h. */
function inputs(H: number, T: number, D: number, decay: Decay = "channel"): tf.Tensor[] {
  const r = random(T);
  const normal = (deviation: number) => r.normalTensor([1, H, T, D], deviation);
  const ofHead = Array.from({ length: H }, (_, h) => Math.log1p(-(2 ** (-5 - h))));
  const logDecay = {
    channel: () => r.uniformTensor([1, H, T, D], Math.log(0.9), 0),
    none: () => tf.zeros([1, 1, 1, 1]),
    head: () => tf.tensor4d(ofHead, [1, H, 1, 1]),
  };
  return [normal(D ** -0.5), normal(D ** -0.5), normal(1), logDecay[decay]()];
}
