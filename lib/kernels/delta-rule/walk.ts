/** The delta rule position by position, on rungs `plain` and `subgroup`. With u known it is linear attention: so are most gradients. */

import * as tf from "@tensorflow/tfjs";
import type { DeltaRuleInputs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { scanTensors } from "../linear-attention/linear-attention.js";

/** The gradient with respect to u as a kernel of its own, so that the others can be taken out of tensors. */
const BACK = "WorkbookDeltaRuleBackward";

/** Columns of the state in a workgroup of plain.wgsl, and invocations in one of subgroup.wgsl. */
const [COLUMNS, THREADS] = [32, 64];

/** With one lane to a column of the state the rung is `plain`, with more of them `subgroup`. */
function walkOf(D: number, lanes: number) {
  const plain: Record<string, number> = { D };
  if (lanes === 1) return { file: "plain", constants: plain, columns: COLUMNS };
  return { file: "subgroup", constants: { ...plain, LANES: lanes }, columns: THREADS / lanes };
}

/** `[o, u, v − Sᵀ k]`, each `[B, H, T, E]`. */
export function walk(inputs: Record<keyof DeltaRuleInputs, tf.TensorInfo>, lanes: number): tf.TensorInfo[] {
  const { q, k, v, beta } = inputs;
  const [B, H, T, E] = v.shape as [number, number, number, number];
  const { file, constants, columns } = walkOf(q.shape[3]!, lanes);
  return launch({
    code: wgsl(`delta-rule/${file}.wgsl`),
    constants,
    inputs: [q, k, v, beta],
    outputs: [v.shape, v.shape, v.shape],
    sizes: [T, E],
    workgroups: [Math.ceil(E / columns), B * H],
  });
}

export function registerWalkBack(): void {
  const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => {
    const { q, k, beta, dO } = inputs as Record<"q" | "k" | "beta" | "dO", tf.TensorInfo>;
    const [B, H, T, E] = dO.shape as [number, number, number, number];
    const { file, constants, columns } = walkOf(q.shape[3]!, (attrs as unknown as { lanes: number }).lanes);
    return launch({
      code: wgsl(`delta-rule/${file}-back.wgsl`),
      constants,
      inputs: [q, k, beta, dO],
      outputs: [dO.shape],
      sizes: [T, E],
      workgroups: [Math.ceil(E / columns), B * H],
    })[0]!;
  };
  tf.registerKernel({ kernelName: BACK, backendName: "webgpu", kernelFunc });
}

/**
 * dv = β du,  dβ_t = du_t · rest_t,  dq_t = S_t do_t,  and, with dS_t = Σ_{s ≥ t} q_s do_sᵀ − Σ_{s > t} β_s k_s du_sᵀ,
 * dk_t = dS_t u_t − S_{t−1} (β_t du_t).
 */
export function walkGradient(
  inputs: Readonly<{ q: tf.Tensor4D; k: tf.Tensor4D; beta: tf.Tensor3D; dO: tf.Tensor4D }>,
  own: readonly tf.Tensor[],
  lanes: number,
) {
  const { q, k, beta, dO } = inputs;
  const [u, rest] = own as [tf.Tensor4D, tf.Tensor4D];
  const logDecay = tf.scalar(0);
  const du = tf.engine().runKernel(BACK, { ...inputs }, { lanes }) as tf.Tensor4D;
  const dv: tf.Tensor4D = tf.mul(tf.expandDims(beta, 3), du);
  const later = { reverse: true, rung: "chunked" } as const;
  const earlier = { exclusive: true, rung: "chunked" } as const;
  return {
    q: () => scanTensors({ w: k, m: u, r: dO, logDecay }, { rung: "chunked" }),
    k: () => {
      const outer = scanTensors({ w: q, m: dO, r: u, logDecay }, later);
      const corrected = scanTensors({ w: k, m: dv, r: u, logDecay }, { ...later, exclusive: true });
      const state = scanTensors({ w: k, m: u, r: dv, logDecay }, earlier);
      return tf.sub(outer, tf.add(corrected, state));
    },
    v: () => dv,
    beta: () => tf.sum(tf.mul(du, rest), 3),
  };
}
