/** Wall time of a computation: warmed up, repeated, forced to completion; its median and spread. */

import { performance } from "node:perf_hooks";
import { ensure } from "../shapes.js";
import { finish, type Measured, released } from "./run.js";

export interface TimeOptions {
  /** Calls before the clock starts. */
  readonly warmup?: number;
  /** Fewest calls to time. */
  readonly runs?: number;
  /** Seconds to keep timing for, once there are `runs`. */
  readonly minSeconds?: number;
}

/** Milliseconds per call. */
export interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Interquartile range: how far apart the middle half of the calls lies. */
  readonly iqr: number;
  /** Calls timed. */
  readonly runs: number;
}

export const defaultTiming: Required<TimeOptions> = { warmup: 2, runs: 5, minSeconds: 0.2 };

/**
 * Times `fn`, which returns the tensors that must be finished (or a promise of them), and disposes of them.
 *
 * Each call is timed until one number of every returned tensor has been read back, so that a backend which queues
 * its work is measured and not just the queueing.
 */
export async function time(fn: Measured, options: TimeOptions = {}): Promise<Timing> {
  const { warmup, runs, minSeconds } = { ...defaultTiming, ...options };
  ensure(Number.isInteger(runs) && runs >= 1, `time: expected runs to be a positive integer, got ${runs}`);
  for (let i = 0; i < warmup; i++) await released(fn, finish);
  const samples: number[] = [];
  const started = performance.now();
  while (samples.length < runs || performance.now() - started < minSeconds * 1000) {
    const start = performance.now();
    samples.push(
      await released(fn, async (result) => {
        await finish(result);
        return performance.now() - start;
      }),
    );
  }
  return summary(samples);
}

/** Median, extremes and interquartile range of a list of numbers; quartiles interpolate between neighbours. */
export function summary(samples: readonly number[]): Timing {
  ensure(samples.length > 0, "summary: expected at least one sample, got none");
  const sorted = samples.toSorted((a, b) => a - b);
  const quantile = (p: number) => {
    const at = p * (sorted.length - 1);
    const below = sorted[Math.floor(at)]!;
    return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
  };
  return {
    median: quantile(0.5),
    min: sorted[0]!,
    max: quantile(1),
    iqr: quantile(0.75) - quantile(0.25),
    runs: sorted.length,
  };
}
