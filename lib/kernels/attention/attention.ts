/** Fused attention as a kernel of tfjs's `webgpu` backend: `lib/attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import {
  ATTENTION,
  ATTENTION_KEY_GRADIENT,
  ATTENTION_QUERY_GRADIENT,
  type AttentionAttrs,
  runKernel,
} from "../fused.js";
import { type Backward, launchKeyGradient, launchQueryGradient } from "./backward.js";
import { biasGradient } from "./bias-gradient.js";
import { launchForward, type Pattern } from "./forward.js";

/** Registers forward and gradient; once. */
export function registerAttention(): void {
  const kernels = {
    [ATTENTION]: launchForward,
    [ATTENTION_QUERY_GRADIENT]: launchQueryGradient,
    [ATTENTION_KEY_GRADIENT]: launchKeyGradient,
  } as Record<string, (operands: Backward, pattern: Pattern) => tf.TensorInfo[]>;
  for (const [kernelName, run] of Object.entries(kernels)) {
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) =>
      run({ ...inputs, ...attrs } as unknown as Backward, span(inputs, attrs as unknown as AttentionAttrs));
    tf.registerKernel({ kernelName, backendName: "webgpu", kernelFunc });
  }
  tf.registerGradient({
    kernelName: ATTENTION,
    inputsToSave: ["q", "k", "v", "bias", "mask"],
    outputsToSave: [true, true],
    gradFunc: gradient,
  });
}

/** Positions that a query sees around its own, as far as mask and bias allow: span.wgsl. */
function span({ q, v, bias, mask }: tf.NamedTensorInfoMap, attrs: AttentionAttrs): Pattern {
  const everything = q!.shape[2]! + v!.shape[2]!;
  const radius = Math.min(attrs.radius ?? everything, everything);
  const present = [attrs.biased, attrs.masked].map(Number);
  return {
    code: "attention/span.wgsl",
    inputs: [bias!, mask!],
    sizes: [radius, attrs.causal ? 0 : radius, ...present, ...strides(bias!), ...strides(mask!)],
  };
}

/**
 * With P the pattern, dP = dO Vᵀ and δ = rowsum(dO ∘ O), which is rowsum(P ∘ dP):
 * dS = P ∘ (dP − δ),  dQ = dS K · scale,  dK = dSᵀ Q · scale,  dV = Pᵀ dO.
 */
const gradient: tf.GradFunc = (dy, saved, attrs) => {
  const [dOut, dLse] = dy as [tf.Tensor4D, tf.Tensor3D];
  const [q, k, v, bias, mask, out, lse] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, ...tf.Tensor[]];
  const inputs = { q, k, v, bias: bias!, mask: mask!, dOut, rows: rowsOf(dOut, dLse, out!, lse!) };
  // Both at once, and before tfjs asks for either: it would dispose what one question leaves for the next.
  const [dk, dv] = runKernel(ATTENTION_KEY_GRADIENT, inputs, attrs as Record<string, unknown>);
  return {
    q: () => runKernel(ATTENTION_QUERY_GRADIENT, inputs, attrs as Record<string, unknown>)[0]!,
    k: () => dk!,
    v: () => dv!,
    bias: () => biasGradient({ ...inputs, ...(attrs as unknown as AttentionAttrs) }),
    mask: () => tf.zerosLike(mask!),
  };
};

/** Each row's log-sum-exp and δ, less what comes in for the log-sum-exp itself: `[B, H, T, 2]`. */
function rowsOf(dOut: tf.Tensor, dLse: tf.Tensor, out: tf.Tensor, lse: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.stack([lse, tf.sub(tf.sum(tf.mul(dOut, out), -1), dLse)], -1));
}

/** Steps between neighbours along [B, H, T, S]; 0 where the tensor repeats. */
function strides({ shape }: tf.TensorInfo): number[] {
  const full = [...Array<number>(4 - shape.length).fill(1), ...shape];
  return full.map((size, axis) => (size === 1 ? 0 : full.slice(axis + 1).reduce((a, b) => a * b, 1)));
}
