/** Launches the gradients of fused attention: P comes back from each row's log-sum-exp, nothing of size T·S is stored. */

import type * as tf from "@tensorflow/tfjs";
import { launch } from "../launch.js";
import { type Operands, type Pattern, type RowsAre, setting } from "./forward.js";

/** The gradient of the output `[B, H, T, E]`, and each row's log-sum-exp and δ, `[B, H, T, 2]`. */
export interface Backward extends Operands {
  readonly dOut: tf.TensorInfo;
  readonly rows: tf.TensorInfo;
}

/** `[dq]` */
export function launchQueryGradient(operands: Backward, pattern: Pattern): tf.TensorInfo[] {
  return launchGradient(operands, pattern, "queries", [operands.q.shape]);
}

/** `[dk, dv]` */
export function launchKeyGradient(operands: Backward, pattern: Pattern): tf.TensorInfo[] {
  return launchGradient(operands, pattern, "keys", [operands.k.shape, operands.v.shape]);
}

function launchGradient(
  operands: Backward,
  pattern: Pattern,
  rowsAre: RowsAre,
  outputs: readonly (readonly number[])[],
): tf.TensorInfo[] {
  // Gradients reduce nothing over the lanes of a row, so subgroups have nothing to give.
  const tiled = { ...operands, rung: operands.rung === "plain" ? "plain" : "tiled" } as const;
  const { rung, code, inputs, ...common } = setting(tiled, pattern, rowsAre);
  const file = `${rung}-${rowsAre === "keys" ? "dkv" : "dq"}`;
  return launch({
    ...common,
    code: code(`attention/${file}.wgsl`),
    inputs: [...inputs, operands.dOut, operands.rows],
    outputs,
  });
}
