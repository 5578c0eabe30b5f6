/** Launches fused attention's forward kernels, whatever the pattern of who sees whom. */

import type * as tf from "@tensorflow/tfjs";
import { describeGpu, gpuBackend } from "../device.js";
import type { Rung } from "../fused.js";
import { launch, wgsl } from "../launch.js";

/** Who sees whom: WGSL with `walk`, `tileAt`, `open` and `judged`, and what its two bindings and its sizes hold. */
export interface Pattern {
  readonly code: string;
  readonly inputs: readonly [tf.TensorInfo, tf.TensorInfo];
  /** What follows B, H, G, T, S, D, E and scale. */
  readonly sizes: readonly number[];
  /** A workgroup's rows must divide this. */
  readonly rowsDivide?: number;
}

export interface Operands {
  readonly q: tf.TensorInfo;
  readonly k: tf.TensorInfo;
  readonly v: tf.TensorInfo;
  readonly scale: number;
  readonly rung?: Rung;
}

/** What every kernel of a pattern is compiled for and told, for rows that are queries or keys. */
export function setting({ q, k, v, scale, rung }: Operands, pattern: Pattern, rowsAre: "queries" | "keys") {
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S, E] = v.shape as [number, number, number, number];
  const byKeys = rowsAre === "keys";
  const [length, heads] = byKeys ? [S, G] : [T, H];
  // The tiled kernels read four numbers at a time.
  const tiled = rung !== "plain" && D % 4 === 0 && E % 4 === 0;
  const rows = tiled ? rowsFor(length, pattern.rowsDivide) : 64;
  return {
    tiled,
    code: (file: string) => [file, ...(tiled ? ["attention/tile.wgsl"] : []), pattern.code].map(wgsl).join("\n"),
    constants: { byKeys, ...(tiled ? { ROWS: rows, CHUNKS: chunksFor(Math.max(D, E)) } : { D, E }) },
    inputs: [q, k, v, ...pattern.inputs],
    sizes: [B, H, G, T, S, D, E, bitsOf(scale), ...pattern.sizes],
    workgroups: [Math.ceil(length / rows), B * heads] as const,
  };
}

/** The largest tile that workgroup memory holds, and none much larger than there are rows. */
function rowsFor(length: number, divide = 64): number {
  const most = gpuBackend().device.limits.maxComputeWorkgroupStorageSize >= 32768 ? 64 : 32;
  return [64, 32].find((rows) => rows <= most && length > rows / 2 && divide % rows === 0) ?? 16;
}

/** 1, 2 or 4 chunks of 32 numbers; one answer for all widths on software, where compiling costs more than running. */
function chunksFor(width: number): number {
  return describeGpu().software ? 4 : [1, 2, 4].find((chunks) => width <= 32 * chunks)!;
}

/** A float32 number's bits, for a struct that is written as u32. */
function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0]!;
}

/** `[out, lse]` of shapes `[B, H, T, E]` and `[B, H, T]`. */
export function launchForward(operands: Operands, pattern: Pattern): tf.TensorInfo[] {
  const { tiled, code, ...common } = setting(operands, pattern, "queries");
  const [B, H, T] = operands.q.shape as [number, number, number, number];
  return launch({
    ...common,
    code: code(`attention/${tiled ? "tiled" : "plain"}.wgsl`),
    outputs: [
      [B, H, T, operands.v.shape[3]!],
      [B, H, T],
    ],
  });
}
