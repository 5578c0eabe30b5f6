/** Fused attention as a kernel of tfjs's `webgpu` backend: `lib/attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { ATTENTION, type AttentionAttrs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { sizeOf, strides } from "../tensors.js";
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
  const both = attrs.biased && attrs.masked;
  const told = both ? joined(bias!, mask!) : attrs.masked ? mask! : bias!;
  const present = [attrs.biased, attrs.masked].map(Number);
  const maskAt = both ? sizeOf(bias!) : 0;
  return {
    code: "attention/span.wgsl",
    input: told,
    sizes: [radius, attrs.causal ? 0 : radius, ...present, maskAt, ...strides(bias!), ...strides(mask!)],
    temporary: both ? [told] : [],
  };
}

/** The numbers of both, behind one another, bit for bit. */
function joined(first: tf.TensorInfo, second: tf.TensorInfo): tf.TensorInfo {
  const sizes = [first, second].map(sizeOf);
  const size = sizes[0]! + sizes[1]!;
  const [result] = launch({
    code: wgsl("attention/join.wgsl"),
    inputs: [first, second],
    outputs: [[size]],
    sizes,
    workgroups: [Math.min(4096, Math.ceil(size / 256))],
  });
  return result!;
}

function gradients(inputs: BackwardTensors, attrs: AttentionAttrs) {
  return { bias: () => biasGradient(inputs, attrs), mask: () => tf.zerosLike(inputs.mask!) };
}
