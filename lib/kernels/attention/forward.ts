/** Launches fused attention's forward kernels, whatever the pattern of who sees whom. */

import type * as tf from "@tensorflow/tfjs";
import { describeGpu } from "../device.js";
import type { Rung } from "../fused.js";
import { launch, wgsl } from "../launch.js";

/** Who sees whom: WGSL with `walk`, `tileAt`, `open` and `judged`, and what its two bindings and its sizes hold. */
export interface Pattern {
  readonly code: string;
  readonly inputs: readonly [tf.TensorInfo, tf.TensorInfo];
  /** What follows B, H, G, T, S, D, E and scale. */
  readonly sizes: readonly number[];
  /** The rows of a workgroup must divide this. */
  readonly rowsDivide?: number;
  /** What may be disposed once the kernel is on its way. */
  readonly temporary?: readonly tf.TensorInfo[];
}

export type RowsAre = "queries" | "keys";

export interface Operands {
  readonly q: tf.TensorInfo;
  readonly k: tf.TensorInfo;
  readonly v: tf.TensorInfo;
  readonly scale: number;
  readonly rung?: Rung;
}

/** What every kernel of a pattern is compiled for and told, for rows that are queries or keys. */
export function setting({ q, k, v, scale, rung }: Operands, pattern: Pattern, rowsAre: RowsAre) {
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S, E] = v.shape as [number, number, number, number];
  const byKeys = rowsAre === "keys";
  const [length, heads] = byKeys ? [S, G] : [T, H];
  const tileRows = rowsFor(length, pattern.rowsDivide);
  // The tiled kernels read four numbers at a time.
  const tiled = rung !== "plain" && D % 4 === 0 && E % 4 === 0 && tileRows !== undefined;
  const rows = tiled ? tileRows : 64;
  return {
    tiled,
    code: (file: string) => [file, ...(tiled ? ["attention/tile.wgsl"] : []), pattern.code].map(wgsl).join("\n"),
    constants: { byKeys, ...(tiled ? { ROWS: rows, CHUNKS: chunksFor(Math.max(D, E)) } : { D, E }) },
    inputs: [q, k, v, ...pattern.inputs],
    sizes: [B, H, G, T, S, D, E, bitsOf(scale), ...pattern.sizes],
    workgroups: [Math.ceil(length / rows), B * heads] as const,
  };
}

/**
 * The largest tile that workgroup memory holds, none much larger than there are rows; undefined where none divides what it must.
 * On software as few different ones as can be: compiling costs more there than running.
 */
function rowsFor(length: number, divide = 64): number | undefined {
  const { software, limits } = describeGpu();
  const most = limits.maxComputeWorkgroupStorageSize >= 32768 ? 64 : 32;
  const fitting = [64, 32, 16].filter((rows) => rows <= most && divide % rows === 0);
  return software ? fitting[0] : (fitting.find((rows) => length > rows / 2) ?? fitting.at(-1));
}

/** 1, 2 or 4 chunks of 32 numbers; on software one answer for all widths. */
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
