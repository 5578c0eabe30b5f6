/** The delta rule as a kernel of tfjs's `webgpu` backend: `lib/delta-rule.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { describeGpu, hasFeature } from "../device.js";
import { DELTA_RULE, type DeltaRuleAttrs, type DeltaRuleInputs, type DeltaRuleRung } from "../fused.js";
import { chunked, chunkedGradient } from "./chunked.js";
import { CHUNK } from "./chunks.js";
import { registerWalkBack, walk, walkGradient } from "./walk.js";

/** Registers forward and gradient; once. */
export function registerDeltaRule(): void {
  tf.registerKernel({ kernelName: DELTA_RULE, backendName: "webgpu", kernelFunc: forward });
  registerWalkBack();
  tf.registerGradient({
    kernelName: DELTA_RULE,
    inputsToSave: ["q", "k", "v", "beta"],
    outputsToSave: [false, true, true],
    gradFunc: gradient,
  });
}

/** o, `[B, H, T, E]`, and what the rung's gradient starts from. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const all = inputs as Record<keyof DeltaRuleInputs, tf.TensorInfo>;
  const rung = rungOf(all.q.shape[2]!, attrs);
  return rung === "chunked" ? chunked(all) : walk(all, lanesOf(rung));
};

const gradient: tf.GradFunc = (dy, saved, attrs) => {
  const [dO] = dy as [tf.Tensor4D];
  const [q, k, v, beta, ...own] = saved as [
    ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor3D],
    ...tf.Tensor[],
  ];
  const rung = rungOf(q.shape[2], attrs);
  return rung === "chunked"
    ? chunkedGradient({ q, k, v, beta, dO }, own[0]!)
    : walkGradient({ q, k, beta, dO }, own, lanesOf(rung));
};

/** @throws RangeError where the wanted one cannot run. */
function rungOf(T: number, attrs: tf.NamedAttrMap | undefined): DeltaRuleRung {
  const walked = hasFeature("subgroups") ? "subgroup" : "plain";
  const { rung = T > 2 * CHUNK ? "chunked" : walked } = (attrs ?? {}) as DeltaRuleAttrs;
  if (rung !== "subgroup" || walked === "subgroup") return rung;
  throw new RangeError(`${DELTA_RULE}: expected a rung that runs without subgroups, got ${rung}`);
}

/** Lanes that share a column of the state: as many as the smallest subgroup surely has, 8 at most. */
function lanesOf(rung: DeltaRuleRung): number {
  return rung === "plain" ? 1 : Math.min(8, describeGpu().smallestSubgroup ?? 4);
}
