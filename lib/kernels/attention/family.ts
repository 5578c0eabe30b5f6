/** Registers attention with tfjs, forward and gradient, for any pattern of who sees whom. */

import * as tf from "@tensorflow/tfjs";
import { keyGradientOf, queryGradientOf, runKernel } from "../fused.js";
import { release } from "../tensors.js";
import { launchKeyGradient, launchQueryGradient } from "./backward.js";
import { launchForward, type Operands, type Pattern, type RowsAre } from "./forward.js";

export interface Family<Attrs> {
  /** Name of the forward kernel. */
  readonly name: string;
  /** Inputs besides q, k and v, in which the pattern is told. */
  readonly told: readonly string[];
  /** Makes the pattern; what it lists as `temporary` is disposed when the kernel is on its way. */
  readonly pattern: (inputs: tf.NamedTensorInfoMap, attrs: Attrs, rowsAre: RowsAre) => Pattern;
  /** Gradients of the inputs in `told`. */
  readonly gradients: (inputs: BackwardTensors, attrs: Attrs) => Readonly<Record<string, () => tf.Tensor>>;
}

/** A kernel's inputs by name, the gradient of its output, and each row's log-sum-exp and δ, `[B, H, T, 2]`. */
export type BackwardTensors = Readonly<Record<string, tf.Tensor>> & {
  readonly [name in "q" | "k" | "v" | "dOut"]: tf.Tensor4D;
};

/** Once per family. */
export function registerFamily<Attrs>({ name, told, pattern, gradients }: Family<Attrs>): void {
  const register = <O extends Operands>(
    kernelName: string,
    rowsAre: RowsAre,
    run: (operands: O, pattern: Pattern) => tf.TensorInfo[],
  ) => {
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => {
      const made = pattern(inputs, attrs as unknown as Attrs, rowsAre);
      const results = run({ ...inputs, ...attrs } as unknown as O, made);
      release(...(made.temporary ?? []));
      return results;
    };
    tf.registerKernel({ kernelName, backendName: "webgpu", kernelFunc });
  };
  register(name, "queries", launchForward);
  register(queryGradientOf(name), "queries", launchQueryGradient);
  register(keyGradientOf(name), "keys", launchKeyGradient);

  /**
   * With P the pattern, dP = dO Vᵀ and δ = rowsum(dO ∘ O), which is rowsum(P ∘ dP):
   * dS = P ∘ (dP − δ),  dQ = dS K · scale,  dK = dSᵀ Q · scale,  dV = Pᵀ dO.
   */
  const gradFunc: tf.GradFunc = (dy, saved, attrs) => {
    const [dOut, dLse] = dy as [tf.Tensor, tf.Tensor];
    const given = Object.fromEntries(["q", "k", "v", ...told].map((input, i) => [input, saved[i]!]));
    const [out, lse] = saved.slice(-2) as [tf.Tensor, tf.Tensor];
    const past = { ...given, dOut: dOut!, dLse: dLse!, out: out!, lse: lse! };
    // All at once, and before tfjs asks for any: it would dispose what one question leaves for the next.
    const [dk, dv, rows] = runKernel(keyGradientOf(name), past, attrs as Record<string, unknown>);
    const inputs = { ...given, dOut, rows } as unknown as BackwardTensors;
    return {
      q: () => runKernel(queryGradientOf(name), inputs, attrs as Record<string, unknown>)[0]!,
      k: () => dk!,
      v: () => dv!,
      ...gradients(inputs, attrs as unknown as Attrs),
    };
  };
  const inputsToSave = ["q", "k", "v", ...told];
  tf.registerGradient({ kernelName: name, inputsToSave, outputsToSave: [true, true], gradFunc });
}
