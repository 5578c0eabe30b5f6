/** Keeps V8 from compiling loops that nothing can break off. */

import process from "node:process";
import { setFlagsFromString } from "node:v8";

/**
 * Call before any cell is compiled.
 *
 * When V8 unrolls a loop (Node 24 does), it may drop the check by which the loop notices an interrupt: one that calls only
 * built-in functions then runs on for seconds, or for ever. V8 learnt to unroll such loops in version 12.
 */
export function keepLoopsBreakable(): void {
  const [version = 0] = process.versions.v8.split(".").map(Number);
  if (version >= 12) setFlagsFromString("--no-turboshaft-loop-unrolling");
}
