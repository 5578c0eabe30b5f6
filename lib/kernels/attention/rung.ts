/** Picks the version of attention's kernels that a device and a problem can have, and its tiles. */

import type { GpuInfo } from "../adapter.js";
import { describeGpu } from "../device.js";
import type { Rung } from "../fused.js";

export interface Wish {
  /** Undefined: the best. */
  readonly rung?: Rung;
  /** How many rows there are: queries, or keys. */
  readonly length: number;
  /** D and E. */
  readonly widths: readonly number[];
  /** The rows of a workgroup must divide this. */
  readonly rowsDivide?: number;
}

export interface Choice {
  readonly rung: Rung;
  /** Rows of a workgroup. */
  readonly rows: number;
  readonly constants: Readonly<Record<string, number>>;
}

/**
 * Asked for what cannot be had, the version below it: `subgroup` wants subgroups of at least 4, `tiled` widths that are
 * multiples of 4 (it reads four numbers at a time) and 16 rows that divide what they must, and `f16` besides that shader-f16.
 *
 * Unasked, `tiled`; `subgroup` where workgroup memory is short of what a tile of 64 queries takes there.
 */
export function chooseRung(
  { rung, length, widths, rowsDivide = 64 }: Wish,
  gpu: Pick<GpuInfo, "software" | "features" | "smallestSubgroup" | "limits"> = describeGpu(),
): Choice {
  const [D, E] = widths as [number, number];
  const plain: Choice = { rung: "plain", rows: 64, constants: { D, E } };
  if (rung === "plain" || widths.some((width) => width % 4 !== 0)) return plain;

  const memory = gpu.limits.maxComputeWorkgroupStorageSize;
  const ample = memory >= 32_768;
  const half = rung === "f16" && gpu.features.includes("shader-f16");
  const smallest = gpu.smallestSubgroup ?? 0;
  const subgroup = smallest >= 4 && (rung === "subgroup" || (rung === undefined && !ample && smallest >= 8));
  const lanes = subgroup && smallest < 8 ? 4 : 8;
  const width = gpu.software ? 128 : Math.max(...widths);
  const chunks = [1, 2, 4, 8].find((count) => width <= 4 * lanes * count)!;
  const kind = half ? "f16" : subgroup ? "subgroup" : "tiled";
  const fitting = [64, 32, 16].filter(
    (rows) => workgroupBytes(kind, { rows, lanes, chunks }) <= memory && rowsDivide % rows === 0,
  );
  // Compiling costs more than running on software: there one tile and one bound for all lengths and widths.
  const rows = gpu.software ? fitting[0] : (fitting.find((size) => length > size / 2) ?? fitting.at(-1));
  if (rows === undefined) return plain;
  return { rung: kind, rows, constants: { ROWS: rows, LANES: lanes, CHUNKS: chunks } };
}

/** What a kernel of that rung declares of workgroup memory: tile.wgsl, tiled.wgsl, f16.wgsl. */
function workgroupBytes(
  rung: Exclude<Rung, "plain">,
  { rows, lanes, chunks }: Readonly<Record<"rows" | "lanes" | "chunks", number>>,
): number {
  const [tile, groups, pitch] = [4 * lanes, rows / 4, lanes + 1];
  const [weights, exchanged] = [groups * (tile + 1), groups * lanes];
  if (rung === "f16") return 8 * (rows * (chunks * lanes + 1) + tile * pitch + weights) + 16 * exchanged;
  return 16 * ((rows + tile) * pitch + (rung === "tiled" ? weights + exchanged : 0));
}
