/**
 * When which worker computes what: a model of a GPU that shares out jobs, with nothing in it but who waits for whom.
 *
 * Workers are equal, keys cost the same everywhere, and the worker that is free first takes the next job, as a GPU's scheduler deals out
 * workgroups. A real GPU's workers share its memory, which this leaves out: it says what balance alone is worth.
 */

import { ensure } from "../shapes.js";
import type { Piece, Splits } from "./lean-splits.js";

export interface TimelineOptions {
  /** The jobs, in the order in which they are dealt out; each is a list of pieces that stay with one worker. */
  readonly splits: Splits;
  /** How many run at the same time. */
  readonly workers: number;
  /** What a piece costs besides its keys, as a number of keys; 0 unless given. */
  readonly overhead?: number;
}

export interface Span {
  readonly worker: number;
  /** In keys that one worker computes. */
  readonly start: number;
  readonly end: number;
  readonly piece: Piece;
}

export interface Timeline {
  readonly spans: readonly Span[];
  /** When the last worker is done. */
  readonly end: number;
  /** Share of the workers' time, until the last one is done, in which they had nothing to do. */
  readonly idle: number;
}

/** @throws RangeError unless there is a worker. */
export function timeline({ splits, workers, overhead = 0 }: TimelineOptions): Timeline {
  ensure(Number.isInteger(workers) && workers >= 1, `timeline: expected one worker or more, got ${workers}`);
  const free = Array<number>(workers).fill(0);
  const spans: Span[] = [];
  for (const job of splits) {
    const worker = free.indexOf(Math.min(...free));
    for (const piece of job) {
      if (piece.from === piece.to) continue;
      const start = free[worker]!;
      const end = start + piece.to - piece.from + overhead;
      spans.push({ worker, start, end, piece });
      free[worker] = end;
    }
  }
  const end = Math.max(...free);
  const busy = free.reduce((sum, time) => sum + time, 0);
  return { spans, end, idle: end === 0 ? 0 : 1 - busy / (workers * end) };
}
