/** The delta rule, and its gradients: tfjs's operations chunk by chunk, then every rung. */

import * as tf from "@tensorflow/tfjs";
import { composedDeltaRule, type DeltaRuleOptions } from "../../delta-rule.js";
import { random } from "../../random.js";
import { DELTA_RULE, type DeltaRuleRung, runKernel } from "../fused.js";
import { type Benchmark, type Case, rungsOf } from "./frame/benchmark.js";

type Form = (options: DeltaRuleOptions) => tf.Tensor;

const rounding = { tolerance: 1e-3, because: "float32 states, corrected T times" };

const fused =
  (rung: DeltaRuleRung): Form =>
  ({ q, k, v, beta }) =>
    tf.tidy(() => runKernel(DELTA_RULE, { q, k, v, beta }, { rung })[0]!);

export const benchmark: Benchmark = ({ software, features }) => {
  const [H, D] = software ? [1, 64] : [16, 64];
  const lengths = software ? [256] : [1024, 4096];
  const forms = {
    composed: composedDeltaRule,
    plain: fused("plain"),
    ...(features.includes("subgroups") ? { subgroup: fused("subgroup") } : {}),
    chunked: fused("chunked"),
  };
  return lengths.flatMap((T) => [forward(H, T, D, forms), gradients(H, T, D, forms)]);
};

type Forms = Readonly<Record<string, Form>>;

/** Each position reads D·D numbers twice and corrects them once. */
function forward(H: number, T: number, D: number, forms: Forms): Case {
  return {
    label: `delta rule, H = ${H}, T = ${T}, D = ${D}`,
    flops: 6 * H * T * D * D,
    bytes: 4 * (4 * H * T * D + H * T),
    timesComposed: 20,
    torch: { problem: "delta rule" },
    inputs: () => inputs(H, T, D),
    rungs: rungsOf(forms, (form) => (all) => form(named(all))),
    rounding,
  };
}

/** Forward, and its mirror: each position reads D·D numbers of states and of their gradients five times, and corrects them once. */
function gradients(H: number, T: number, D: number, forms: Forms): Case {
  return {
    label: `delta rule and its gradients, H = ${H}, T = ${T}, D = ${D}`,
    flops: 18 * H * T * D * D,
    bytes: 4 * (9 * H * T * D + 2 * H * T),
    timesComposed: 20,
    torch: { problem: "delta rule", gradients: 4 },
    inputs: () => inputs(H, T, D),
    rungs: rungsOf(
      forms,
      (form) => (all) => tf.grads((...each: tf.Tensor[]) => tf.sum(form(named(each))))([...all]),
    ),
    rounding,
  };
}

function named([q, k, v, beta]: readonly tf.Tensor[]): DeltaRuleOptions {
  return { q, k, v, beta } as DeltaRuleOptions;
}

/** Keys of length 1. */
function inputs(H: number, T: number, D: number): tf.Tensor[] {
  return tf.tidy(() => {
    const r = random(T);
    const k = r.normalTensor([1, H, T, D]);
    const unit = tf.div(k, tf.norm(k, 2, 3, true));
    const normal = (deviation: number) => r.normalTensor([1, H, T, D], deviation);
    return [normal(D ** -0.5), unit, normal(1), r.uniformTensor([1, H, T])];
  });
}
