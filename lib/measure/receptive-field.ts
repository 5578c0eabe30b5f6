/** Which inputs an output depends on after several layers of sparse attention, from the layers' patterns alone. */

import { ensure } from "../shapes.js";

/** Who may see whom: row i has a truthy entry at j where query i may see key j. `mask.arraySync()` gives one. */
export type AttentionPattern = readonly (readonly (number | boolean)[])[];

export interface ReceptiveFieldOptions {
  /** One T × T pattern per layer, the bottom layer first. */
  readonly layers: readonly AttentionPattern[];
  /** The position whose output is asked about. */
  readonly from: number;
}

/**
 * Walks down from the output of one position: entry n holds, for each of the T positions, whether that position's
 * vector n layers below the top can have changed the output. Entry 0 is the position alone, the last entry the inputs.
 */
export function receptiveField({ layers, from }: ReceptiveFieldOptions): boolean[][] {
  const T = layers[0]?.length ?? 0;
  ensure(
    layers.every((pattern) => pattern.length === T && pattern.every((row) => row.length === T)),
    `receptiveField: expected patterns of one size T × T, got ${layers.map((pattern) => `${pattern.length} × ${pattern[0]?.length}`).join(", ")}`,
  );
  ensure(
    Number.isInteger(from) && from >= 0 && from < T,
    `receptiveField: expected a position in 0 … ${T - 1}, got ${from}`,
  );
  const seen = [Array.from({ length: T }, (_, j) => j === from)];
  for (const pattern of layers.toReversed()) {
    const above = seen.at(-1)!;
    seen.push(above.map((_, j) => above.some((reached, i) => reached && Boolean(pattern[i]![j]))));
  }
  return seen;
}
