/** The gradient of attention's bias, out of tfjs's operations: only where somebody asks for it, as it is T·S numbers itself. */

import * as tf from "@tensorflow/tfjs";
import { attentionWeights, repeatHeads } from "../../attention.js";
import type { AttentionAttrs } from "../fused.js";
import { sumTo } from "../tensors.js";
import type { BackwardTensors } from "./family.js";

/** P ∘ (dO Vᵀ − δ), summed over the axes along which the bias was repeated. */
export function biasGradient(inputs: BackwardTensors, { scale, causal, radius }: AttentionAttrs): tf.Tensor {
  const { q, k, v, dOut } = inputs;
  const [bias, mask, rows] = [inputs.bias!, inputs.mask!, inputs.rows!];
  const P = attentionWeights({ q, k, v, bias, mask, scale, causal, radius }); // [B, H, T, S]
  const dP = tf.matMul(dOut, repeatHeads(v, q.shape[1]), false, true);
  const delta = tf.slice(rows, [0, 0, 0, 1]); // [B, H, T, 1]
  return sumTo(tf.mul(P, tf.sub(dP, delta)), bias.shape);
}
