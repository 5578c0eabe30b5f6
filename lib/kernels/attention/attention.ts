/** Fused attention as a kernel of tfjs's `webgpu` backend: `lib/attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { attentionWeights, repeatHeads } from "../../attention.js";
import { ATTENTION, type AttentionAttrs, type AttentionInputs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { strides, sumTo } from "../tensors.js";

const QUERIES = 64;

/** Registers forward and gradient; once. */
export function registerAttention(): void {
  tf.registerKernel({ kernelName: ATTENTION, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: ATTENTION,
    inputsToSave: ["q", "k", "v", "bias", "mask"],
    gradFunc: composedGradient,
  });
}

/** `[out, lse]` of shapes `[B, H, T, E]` and `[B, H, T]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { q, k, v, bias, mask } = inputs as Record<keyof AttentionInputs, tf.TensorInfo>;
  const { scale, causal } = attrs as unknown as AttentionAttrs;
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S, E] = v.shape as [number, number, number, number];
  return launch({
    code: wgsl("attention/plain.wgsl"),
    constants: { D, E, scale, causal },
    inputs: [q, k, v, bias, mask],
    outputs: [
      [B, H, T, E],
      [B, H, T],
    ],
    sizes: [B, H, G, T, S, ...strides(bias), ...strides(mask)],
    workgroups: [Math.ceil(T / QUERIES), B * H],
  });
};

/**
 * With P the pattern and dP = dO Vᵀ:  dS = P ∘ (dP − rowsum(P ∘ dP)),  dQ = dS K · scale,  dK = dSᵀ Q · scale,  dV = Pᵀ dO.
 * Out of tfjs's operations, so T·S numbers are stored.
 */
const composedGradient: tf.GradFunc = (dy, saved, attrs) => {
  const [dOut] = dy as [tf.Tensor4D];
  const [q, k, v, bias, mask] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor, tf.Tensor];
  const { scale, causal } = attrs as unknown as AttentionAttrs;
  const [, H] = q.shape;
  const P = attentionWeights({ q, k, v, bias, mask, scale, causal }); // [B, H, T, S]
  const dP = tf.matMul(dOut, repeatHeads(v, H), false, true);
  const dS = tf.mul(P, tf.sub(dP, tf.sum(tf.mul(P, dP), -1, true))) as tf.Tensor4D;
  return {
    q: () => tf.mul(tf.matMul(dS, repeatHeads(k, H)), scale),
    k: () => sumTo(tf.mul(tf.matMul(dS, q, true, false), scale) as tf.Tensor4D, k.shape),
    v: () => sumTo(tf.matMul(P, dOut, true, false), v.shape),
    bias: () => sumTo(dS, bias.shape),
    mask: () => tf.zerosLike(mask),
  };
};
