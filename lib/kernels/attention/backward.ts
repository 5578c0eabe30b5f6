/** Launches the gradients of fused attention: P comes back from each row's log-sum-exp, nothing of size T·S is stored. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { sizeOf } from "../tensors.js";
import { type Operands, type Pattern, type RowsAre, setting } from "./forward.js";

/** What both gradients read. */
interface Backward extends Operands {
  /** Gradient of the output, `[B, H, T, E]`. */
  readonly dOut: tf.TensorInfo;
  /** Each row's log-sum-exp and δ, `[B, H, T, 2]`. */
  readonly rows: tf.TensorInfo;
}

/** The forward pass's results `out` and `lse`, and the gradients of both. */
export interface Past extends Omit<Backward, "rows"> {
  readonly dLse: tf.TensorInfo;
  readonly out: tf.TensorInfo;
  readonly lse: tf.TensorInfo;
}

/** `[dq]` */
export function launchQueryGradient(operands: Backward, pattern: Pattern): tf.TensorInfo[] {
  return launchGradient(operands, pattern, "queries", [operands.q.shape]);
}

/** `[dk, dv, rows]`: what is known of each row stays for the gradients that come after. */
export function launchKeyGradient(past: Past, pattern: Pattern): tf.TensorInfo[] {
  const rows = launchRows(past);
  const shapes = [past.k.shape, past.v.shape];
  return [...launchGradient({ ...past, rows }, pattern, "keys", shapes), rows];
}

/** Rows of a workgroup of rows.wgsl. */
const ROWS = 16;

function launchRows({ dOut, out, lse, dLse }: Past): tf.TensorInfo {
  const rows = sizeOf(lse);
  const [count, most] = [Math.ceil(rows / ROWS), 1024];
  const [result] = launch({
    code: wgsl("attention/rows.wgsl"),
    inputs: [dOut, out, lse, dLse],
    outputs: [[...lse.shape, 2]],
    sizes: [rows, out.shape.at(-1)!],
    workgroups: [Math.min(count, most), Math.ceil(count / most)],
  });
  return result!;
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
