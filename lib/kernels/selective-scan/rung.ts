/** Picks the version of the selective scan's forward pass for a device and a problem. */

import type { GpuInfo } from "../adapter.js";
import { describeGpu } from "../device.js";
import type { ScanAttrs } from "../fused.js";
import { keepsBusy } from "../rung.js";

/** Positions in a chunk: long enough that states of chunks are fewer numbers than x. */
export const CHUNK = 64;
/** Lanes that share a channel on the rung `subgroup`. */
export const LANES = 4;

export interface ScanWish {
  /** Undefined: the best. */
  readonly rung: ScanAttrs["rung"];
  readonly batch: number;
  readonly T: number;
  readonly D: number;
}

/**
 * One walk over all positions where the channels alone, or four lanes for each, are invocations enough, or where there is but one chunk;
 * else chunks.
 *
 * @throws RangeError where the wanted rung cannot run.
 */
export function chooseScanRung(
  { rung, batch, T, D }: ScanWish,
  gpu: Pick<GpuInfo, "software" | "smallestSubgroup"> = describeGpu(),
): NonNullable<ScanAttrs["rung"]> {
  const quads = (gpu.smallestSubgroup ?? 0) >= LANES;
  if (rung === "subgroup" && !quads) {
    throw new RangeError(
      `selective scan: expected a rung that runs without subgroups of ${LANES} or more, got ${rung}`,
    );
  }
  if (rung !== undefined) return rung;
  // Two cores are as full with the plain walk's invocations as with any others.
  if (gpu.software) return "plain";
  if (T > CHUNK && !keepsBusy(batch * D * (quads ? LANES : 1))) return "chunked";
  return quads ? "subgroup" : "plain";
}
