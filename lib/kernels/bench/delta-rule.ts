/** The delta rule: tfjs's operations chunk by chunk, then one kernel that walks along T. */

import * as tf from "@tensorflow/tfjs";
import { composedDeltaRule, type DeltaRuleOptions, deltaRule } from "../../delta-rule.js";
import { random } from "../../random.js";
import type { Benchmark, Case } from "./frame/benchmark.js";

type Form = typeof deltaRule;

const rounding = { tolerance: 1e-3, because: "float32 states, corrected T times" };

export const benchmark: Benchmark = ({ software }) => {
  const [H, D] = software ? [1, 64] : [16, 64];
  const lengths = software ? [256] : [1024, 4096];
  return lengths.map((T) => forward(H, T, D));
};

/** Each position reads D·D numbers twice and corrects them once. */
function forward(H: number, T: number, D: number): Case {
  const call = (form: Form) => (inputs: readonly tf.Tensor[]) => form(named(inputs));
  return {
    label: `delta rule, H = ${H}, T = ${T}, D = ${D}`,
    flops: 6 * H * T * D * D,
    bytes: 4 * (4 * H * T * D + H * T),
    timesComposed: 20,
    torch: { problem: "delta rule" },
    inputs: () => inputs(H, T, D),
    rungs: { composed: call(composedDeltaRule), plain: call(deltaRule) },
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
