/** Linear attention with decay as a kernel of tfjs's `webgpu` backend; its gradients are scans of the same kind. */

import * as tf from "@tensorflow/tfjs";
import { LINEAR_ATTENTION, type LinearAttentionAttrs, type LinearAttentionInputs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { sumTo } from "../tensors.js";
import { type OuterScan, outerScan, type Rung } from "./outer-scan.js";

/** The scan as a kernel of its own, so that gradients can be taken out of tensors. */
const OUTER_SCAN = "WorkbookOuterScan";

type Infos = Record<keyof LinearAttentionInputs, tf.TensorInfo>;
type ScanAttrs = Pick<OuterScan, "decayOnRow" | "reverse" | "exclusive" | "rung">;

/** Registers forward and gradient; once. */
export function registerLinearAttention(): void {
  tf.registerKernel({
    kernelName: OUTER_SCAN,
    backendName: "webgpu",
    kernelFunc: ({ inputs, attrs }) =>
      outerScan({ ...(inputs as unknown as OuterScan), ...(attrs as unknown as ScanAttrs) }),
  });
  tf.registerKernel({
    kernelName: LINEAR_ATTENTION,
    backendName: "webgpu",
    kernelFunc: ({ inputs, attrs }) => {
      const { q, k, v, logDecay } = inputs as Infos;
      return outerScan({ w: v, m: k, r: q, logDecay, rung: rungOf(attrs) });
    },
  });
  tf.registerGradient({
    kernelName: LINEAR_ATTENTION,
    inputsToSave: ["q", "k", "v", "logDecay"],
    gradFunc: gradient,
  });
}

/** y of the scan, as a tensor. */
export function scanTensors(
  inputs: Readonly<Record<"w" | "m" | "r" | "logDecay", tf.Tensor>>,
  attrs: ScanAttrs,
): tf.Tensor4D {
  return tf.engine().runKernel(OUTER_SCAN, inputs, { ...attrs }) as tf.Tensor4D;
}

function rungOf(attrs: tf.NamedAttrMap | undefined): Rung | undefined {
  return (attrs as LinearAttentionAttrs | undefined)?.rung;
}

/**
 * With weights e^{b_t − b_s} of channel j:  dq_t = Σ_{s ≤ t} e^{b_t − b_s} k_s (v_s · do_t),  dk_s = Σ_{t ≥ s} e^{b_t − b_s} q_t (do_t · v_s),
 * dv_s = Σ_{t ≥ s} (q_t ∘ e^{b_t − b_s}) · k_s do_t,  db_t = q_t ∘ dq_t − k_t ∘ dk_t,  dg_t = Σ_{u ≥ t} db_u.
 */
const gradient: tf.GradFunc = (dy, saved, attrs) => {
  const dO = dy as tf.Tensor4D;
  const [q, k, v, logDecay] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor];
  const rung = rungOf(attrs);
  // Both at once, and before tfjs asks for either: it would dispose what one question leaves for the next.
  const dq = scanTensors({ w: k, m: v, r: dO, logDecay }, { decayOnRow: true, rung });
  const dk = scanTensors({ w: q, m: dO, r: v, logDecay }, { decayOnRow: true, reverse: true, rung });
  return {
    q: () => tf.clone(dq),
    k: () => tf.clone(dk),
    v: () => scanTensors({ w: dO, m: q, r: k, logDecay }, { reverse: true, rung }),
    logDecay: () => sumTo(decayGradient({ q, dq, k, dk }), logDecay.shape),
  };
};

/** Of each position and channel, `[B, H, T, D]`. */
function decayGradient({ q, dq, k, dk }: Readonly<Record<"q" | "dq" | "k" | "dk", tf.Tensor4D>>) {
  const [B, H, T, D] = q.shape;
  const [dg] = launch({
    code: wgsl("linear-attention/decay-gradient.wgsl"),
    inputs: [q, dq, k, dk],
    outputs: [q.shape],
    sizes: [T, D],
    workgroups: [Math.ceil(D / 16), B * H],
  });
  return tf.engine().makeTensorFromTensorInfo(dg!) as tf.Tensor4D;
}
