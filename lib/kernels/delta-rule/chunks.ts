/** Launches of the kernels that rung `chunked` and its gradient are made of. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";

/** Positions in a chunk, in every kernel of this rung. */
export const CHUNK = 32;
/** Columns of the state in a workgroup that walks over chunks. */
const COLUMNS = 16;

type Shape = readonly number[];

/** A solver (solve.wgsl or solve-back.wgsl) over all chunks; its inputs begin with k and β. */
export function solveChunks(file: string, inputs: readonly tf.TensorInfo[], outputs: readonly Shape[]) {
  const [k, , columns] = inputs as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const [B, H, T, D] = k.shape as [number, number, number, number];
  return launch({
    code: wgsl("delta-rule/triangle.wgsl") + wgsl(`delta-rule/${file}.wgsl`),
    constants: { D },
    inputs,
    outputs,
    sizes: [T, columns.shape[3]!],
    workgroups: [Math.ceil(T / CHUNK), B * H],
  });
}

/** A walk over chunks (states.wgsl or states-back.wgsl); its inputs begin with a matrix `[B, H, T, D]`, outputs hold one `[B, H, T, E]`. */
export function walkChunks(file: string, inputs: readonly tf.TensorInfo[], E: number) {
  const [B, H, T, D] = inputs[0]!.shape as [number, number, number, number];
  return launch({
    code: wgsl("delta-rule/columns.wgsl") + wgsl(`delta-rule/${file}.wgsl`),
    constants: { D },
    inputs,
    outputs: [
      [B, H, T, E],
      [B, H, Math.ceil(T / CHUNK), D, E],
    ],
    sizes: [T, E],
    workgroups: [Math.ceil(E / COLUMNS), B * H],
  });
}

export interface Reads {
  /** What reads, `[B, H, T, I]`. */
  readonly r: tf.TensorInfo;
  /** What it is compared with, `[B, H, T, I]`, and what is read, `[B, H, T, J]`, in the chunk; nothing there unless given. */
  readonly m?: tf.TensorInfo;
  readonly w?: tf.TensorInfo;
  /** Of each chunk, `[B, H, chunks, I, J]`, or `[B, H, chunks, J, I]` with `transposed`. */
  readonly states?: tf.TensorInfo;
  readonly transposed?: boolean;
  /** From s ≥ t on, instead of up to s ≤ t. */
  readonly later?: boolean;
  /** Without s = t. */
  readonly exclusive?: boolean;
}

/** reads.wgsl over all chunks: `[B, H, T, J]`. */
export function reads(options: Reads): tf.TensorInfo {
  const { r, m = r, w = r, states, transposed = false, later = false, exclusive = false } = options;
  const [B, H, T, I] = r.shape as [number, number, number, number];
  const J = states === undefined ? w.shape[3]! : states.shape[transposed ? 3 : 4]!;
  return launch({
    code: wgsl("delta-rule/reads.wgsl"),
    constants: {
      I,
      scores: options.m !== undefined,
      later,
      exclusive,
      states: states !== undefined,
      transposed,
    },
    inputs: [r, m, w, states ?? r],
    outputs: [[B, H, T, J]],
    sizes: [T, J],
    workgroups: [Math.ceil(T / CHUNK), B * H],
  })[0]!;
}
