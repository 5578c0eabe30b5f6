/** Launches fused attention's forward kernels, whatever the pattern of who sees whom. */

import type * as tf from "@tensorflow/tfjs";
import type { Rung } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";
import { largestOf, PARTS } from "./largest.js";
import { chooseRung } from "./rung.js";

/** Who sees whom: WGSL with `places`, `walk`, `tileAt`, `open` and `judged`, and what its binding and its sizes hold. */
export interface Pattern {
  readonly code: string;
  readonly input: tf.TensorInfo;
  /** What follows B, H, G, T, S, D, E and scale. */
  readonly sizes: readonly number[];
  /** The rows of a workgroup must divide this. */
  readonly rowsDivide?: number;
  /** What may be disposed once the kernel is on its way. */
  readonly temporary?: readonly tf.TensorInfo[];
}

export type RowsAre = "queries" | "keys";

/** `[B, H, T, D]` each; or `[T, H, D]`, packed: one batch element, whose heads lie inside of a position. */
export interface Operands {
  readonly q: tf.TensorInfo;
  readonly k: tf.TensorInfo;
  readonly v: tf.TensorInfo;
  readonly scale: number;
  readonly rung?: Rung;
}

/** What every kernel of a pattern is compiled for and told, for rows that are queries or keys. */
export function setting({ q, k, v, scale, rung }: Operands, pattern: Pattern, rowsAre: RowsAre) {
  const [B, H, T, D] = axes(q);
  const [, G, S, E] = axes(v);
  const byKeys = rowsAre === "keys";
  const [length, heads] = byKeys ? [S, G] : [T, H];
  const chosen = chooseRung({ rung, length, widths: [D, E], rowsDivide: pattern.rowsDivide });
  const shared = chosen.rung === "plain" ? [] : ["attention/tile.wgsl"];
  return {
    rung: chosen.rung,
    code: (file: string) => [file, ...shared, pattern.code].map(wgsl).join("\n"),
    constants: { byKeys, ...chosen.constants },
    inputs: [q, k, v, pattern.input],
    sizes: [B, H, G, T, S, D, E, bitsOf(scale), ...pattern.sizes],
    workgroups: [Math.ceil(length / chosen.rows), B * heads] as const,
  };
}

function axes({ shape }: tf.TensorInfo): readonly [B: number, H: number, T: number, D: number] {
  if (shape.length === 4) return shape as [number, number, number, number];
  const [T, H, D] = shape as [number, number, number];
  return [1, H, T, D];
}

/** A float32 number's bits, for a struct that is written as u32. */
function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0]!;
}

/** `[out, lse]` of shapes `[B, H, T, E]` and `[B, H, T]`; packed, of `[T, H, E]` and `[T, H]`. */
export function launchForward(operands: Operands, pattern: Pattern): tf.TensorInfo[] {
  const { rung, code, inputs, constants, ...common } = setting(operands, pattern, "queries");
  const rows = operands.q.shape.slice(0, -1);
  const half = rung === "f16";
  const largest = half ? [largestOf(operands)] : [];
  const results = launch({
    ...common,
    code: code(`attention/${rung}.wgsl`),
    constants: half ? { ...constants, PARTS } : constants,
    inputs: [...inputs, ...largest],
    outputs: [[...rows, operands.v.shape.at(-1)!], rows],
  });
  release(...largest);
  return results;
}
