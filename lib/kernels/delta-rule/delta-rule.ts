/** The delta rule as a kernel of tfjs's `webgpu` backend. With u known it is linear attention: so are most of its gradients. */

import * as tf from "@tensorflow/tfjs";
import { DELTA_RULE, type DeltaRuleInputs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { scanTensors } from "../linear-attention/linear-attention.js";

const BACKWARD = "WorkbookDeltaRuleBackward";
const LANES = 32;

/** Registers forward and gradient; once. */
export function registerDeltaRule(): void {
  tf.registerKernel({ kernelName: DELTA_RULE, backendName: "webgpu", kernelFunc: forward });
  tf.registerKernel({ kernelName: BACKWARD, backendName: "webgpu", kernelFunc: backward });
  tf.registerGradient({
    kernelName: DELTA_RULE,
    inputsToSave: ["q", "k", "beta"],
    outputsToSave: [false, true, true],
    gradFunc: gradient,
  });
}

/** `[o, u, rest]`, each `[B, H, T, E]`. */
const forward: tf.KernelFunc = ({ inputs }) => {
  const { q, k, v, beta } = inputs as Record<keyof DeltaRuleInputs, tf.TensorInfo>;
  const [B, H, T, E] = v.shape as [number, number, number, number];
  return launch({
    code: wgsl("delta-rule/forward.wgsl"),
    constants: { D: q.shape[3]! },
    inputs: [q, k, v, beta],
    outputs: [v.shape, v.shape, v.shape],
    sizes: [T, E],
    workgroups: [Math.ceil(E / LANES), B * H],
  });
};

/** du, `[B, H, T, E]`. */
const backward: tf.KernelFunc = ({ inputs }) => {
  const { q, k, beta, dO } = inputs as Record<"q" | "k" | "beta" | "dO", tf.TensorInfo>;
  const [B, H, T, E] = dO.shape as [number, number, number, number];
  return launch({
    code: wgsl("delta-rule/backward.wgsl"),
    constants: { D: q.shape[3]! },
    inputs: [q, k, beta, dO],
    outputs: [dO.shape],
    sizes: [T, E],
    workgroups: [Math.ceil(E / LANES), B * H],
  })[0]!;
};

/**
 * dv = β du,  dβ_t = du_t · rest_t,  dq_t = S_t do_t,  and, with dS_t = Σ_{s ≥ t} q_s do_sᵀ − Σ_{s > t} β_s k_s du_sᵀ,
 * dk_t = dS_t u_t − S_{t−1} (β_t du_t).
 */
const gradient: tf.GradFunc = (dy, saved) => {
  const [dO] = dy as [tf.Tensor4D];
  const [q, k, beta, u, rest] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor3D, tf.Tensor4D, tf.Tensor4D];
  const logDecay = tf.scalar(0);
  const du = tf.engine().runKernel(BACKWARD, { q, k, beta, dO }, {}) as tf.Tensor4D;
  const dv = tf.mul(tf.expandDims(beta, 3), du) as tf.Tensor4D;
  return {
    q: () => scanTensors({ w: k, m: u, r: dO, logDecay }, { rung: "chunked" }),
    k: () => {
      const outer = scanTensors({ w: q, m: dO, r: u, logDecay }, { reverse: true, rung: "chunked" });
      const later = scanTensors(
        { w: k, m: dv, r: u, logDecay },
        { reverse: true, exclusive: true, rung: "chunked" },
      );
      const state = scanTensors({ w: k, m: u, r: dv, logDecay }, { exclusive: true, rung: "chunked" });
      return tf.sub(outer, tf.add(later, state));
    },
    v: () => dv,
    beta: () => tf.sum(tf.mul(du, rest), 3),
  };
};
