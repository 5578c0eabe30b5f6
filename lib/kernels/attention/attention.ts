/** Fused attention as a kernel of tfjs's `webgpu` backend: `lib/attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { ATTENTION, type AttentionAttrs } from "../fused.js";
import { strides } from "../tensors.js";
import { biasGradient } from "./bias-gradient.js";
import { type BackwardTensors, registerFamily } from "./family.js";
import type { Pattern } from "./forward.js";

/** Registers forward and gradient; once. */
export function registerAttention(): void {
  registerFamily({ name: ATTENTION, told: ["bias", "mask"], pattern: span, gradients });
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

function gradients(inputs: BackwardTensors, attrs: AttentionAttrs) {
  return { bias: () => biasGradient(inputs, attrs), mask: () => tf.zerosLike(inputs.mask!) };
}
