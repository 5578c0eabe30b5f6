/** Damaged bytes for fuzzing. */

import type { Random } from "workbook/random";

/** A few bytes changed, cut out, doubled or added. */
export function mutated(bytes: Uint8Array, source: Random): Uint8Array {
  let list = [...bytes];
  for (let changes = 1 + source.integer(3); changes > 0; changes--) {
    const at = source.integer(list.length + 1);
    const value = source.integer(2) === 0 ? 255 : source.integer(256);
    const kind = source.integer(4);
    if (kind === 0) list[at] = value;
    else if (kind === 1) list.splice(at, 1 + source.integer(4));
    else if (kind === 2) list.splice(at, 0, value, value, value, value);
    else list = [...list.slice(0, at), ...list.slice(source.integer(at + 1))];
  }
  return Uint8Array.from(list);
}
