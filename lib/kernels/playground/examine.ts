/** What the outputs of several runs of one kernel, on the same inputs, tell about it. */

import { POISON } from "./guards.js";
import type { Findings } from "./job.js";

/** The bits of an output, and of the guards behind it, after a run with POISON[0] there before, and one with POISON[1]. */
type Pair = readonly [Uint32Array, Uint32Array];

export interface Runs {
  /** Words of the output. */
  readonly length: number;
  readonly exact: Pair;
  /** Bound with guards; absent where no buffer could be watched. */
  readonly guarded?: Pair;
}

export function examine({ length, exact, guarded }: Runs): Omit<Findings, "unwatched"> {
  const isUnwritten = (i: number) => exact[0][i] === POISON[0] && exact[1][i] === POISON[1];
  const find = (what: keyof Findings, from: number, to: number, holds: (i: number) => boolean) => {
    for (let i = from; i < to; i++) if (holds(i)) return { [what]: i };
    return {};
  };
  const unwritten = find("unwritten", 0, length, isUnwritten);
  const differs = find("differs", 0, length, (i) => !isUnwritten(i) && !same(exact[0][i]!, exact[1][i]!));
  if (guarded === undefined) return { ...unwritten, ...differs };
  const [first] = guarded;
  const wrote = find("wroteOutside", length, first.length, (i) => first[i] !== POISON[0]);
  // Where two runs differ anyway, or a write from outside fell on the last number, one more difference proves nothing.
  const isClear = Object.keys({ ...differs, ...wrote }).length === 0;
  const hangsOnGuard = (i: number) =>
    !isUnwritten(i) && guarded.some((words) => !same(words[i]!, exact[0][i]!));
  return { ...unwritten, ...differs, ...wrote, ...(isClear && find("readOutside", 0, length, hangsOnGuard)) };
}

/** Equal bits, or NaN both. */
function same(a: number, b: number): boolean {
  return a === b || (isNaNWord(a) && isNaNWord(b));
}

const isNaNWord = (word: number) => (word & 0x7fffffff) >>> 0 > 0x7f800000;
