/**
 * Guard zones: words behind the end of each buffer, inside of its binding. WebGPU moves an index that is too large to the
 * last word of the binding, so that an access outside of the buffer lands among them, however far outside it was meant.
 */

import type { Numbers } from "./job.js";

/** Words behind each buffer; together with the buffer a whole number of vec4. */
export const GUARD = 1024;

/** What an output holds before a run, guards included: NaNs that no arithmetic makes. */
export const POISON = [0x7fc0dead, 0xffc0beef] as const;

/** Words of a buffer with its guards. */
export function guardedLength(words: number): number {
  return Math.ceil((words + GUARD) / 4) * 4;
}

/**
 * The bits of an input and of guards behind it. Round 0 and 1 differ, so that a result that hangs on a guard differs too:
 * NaN, and large numbers of both signs; for integers 0 and 3, as large ones could make endless loops.
 */
export function guarded(numbers: Numbers, round: 0 | 1): Uint32Array {
  const words = new Uint32Array(guardedLength(numbers.length));
  words.set(bitsOf(numbers));
  const guards = words.subarray(numbers.length);
  if (!(numbers instanceof Float32Array)) return fill(guards, round === 0 ? [0] : [3], words);
  return fill(guards, bitsOf(Float32Array.of(...(round === 0 ? [Number.NaN] : [1e30, -1e30]))), words);
}

function fill(part: Uint32Array, pattern: ArrayLike<number>, whole: Uint32Array): Uint32Array {
  for (let i = 0; i < part.length; i++) part[i] = pattern[i % pattern.length]!;
  return whole;
}

export function bitsOf({ buffer, byteOffset, length }: Numbers): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}
