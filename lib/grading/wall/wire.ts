/**
 * The form in which plain values cross: one byte says what follows. Numbers are little-endian, texts UTF-16 (so that
 * every JavaScript string survives, and no bytes are malformed). A tensor is its type, rank, sizes and numbers.
 */

import type { PlainDtype } from "../values.js";

/** The bytes are not what `encode` writes, or hold more than was allowed. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export const tag = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  text: 5,
  array: 6,
  record: 7,
  tensor: 8,
  odd: 9,
} as const;

/** In the order of their numbers. */
export const dtypes = [
  { name: "float32", bytes: 4 },
  { name: "int32", bytes: 4 },
  { name: "bool", bytes: 1 },
] as const satisfies readonly { name: PlainDtype; bytes: number }[];
