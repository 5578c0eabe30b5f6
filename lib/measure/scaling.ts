/** Scaling curves: time, operations and memory of one implementation over growing sizes, within a time budget. */

import { performance } from "node:perf_hooks";
import { ensure } from "../shapes.js";
import { count } from "./count.js";
import type { Curve } from "./crossover.js";
import type { Measured } from "./run.js";
import { defaultTiming, type TimeOptions, time } from "./time.js";

/** What to measure: a label, the sizes, and how to prepare one size. */
export interface Benchmark {
  readonly label: string;
  /** Sequence lengths, rising. */
  readonly sizes: readonly number[];
  /** Prepares the inputs of one size, unmeasured; `run` is measured; `dispose` frees the inputs. */
  readonly make: (T: number) => Prepared | Promise<Prepared>;
}

export interface Prepared {
  /** Returns the tensors that must be finished. */
  readonly run: Measured;
  readonly dispose?: () => void;
}

export interface ScalingOptions extends Benchmark {
  /** Seconds for the whole curve; a size that would not fit is left out. */
  readonly budgetSeconds?: number;
  readonly timing?: TimeOptions;
}

/** One size of one implementation. */
export interface ScalingRow {
  readonly T: number;
  /** Median milliseconds. */
  readonly ms: number;
  /** Interquartile range of the milliseconds. */
  readonly iqr: number;
  readonly flops: number;
  readonly peakBytes: number;
}

export interface ScalingCurve {
  readonly label: string;
  readonly rows: readonly ScalingRow[];
  /** Why sizes are missing; undefined when all were measured. */
  readonly stopped?: string;
}

/** Measures each size in turn. The first is always measured; the next only if the budget should last for it. */
export async function scalingCurve({
  label,
  sizes,
  make,
  budgetSeconds = 10,
  timing,
}: ScalingOptions): Promise<ScalingCurve> {
  const rising = sizes.every((T, i) => Number.isInteger(T) && T > (sizes[i - 1] ?? 0));
  ensure(sizes.length > 0 && rising, `scalingCurve: expected rising whole sizes, got [${sizes.join(", ")}]`);
  const rows: ScalingRow[] = [];
  const started = performance.now();
  for (const T of sizes) {
    const spent = (performance.now() - started) / 1000;
    const expected = expectedSeconds(T, rows.at(-1), timing);
    if (rows.length > 0 && spent + expected > budgetSeconds) {
      const stopped = `stopped before T = ${T}: ${spent.toFixed(1)} s of ${budgetSeconds} s spent, and it would take about ${expected.toFixed(1)} s`;
      return { label, rows, stopped };
    }
    rows.push(await measureSize(T, make, timing));
  }
  return { label, rows };
}

/** Seconds that measuring T will take if time grows quadratically, the worst that the papers here promise. */
function expectedSeconds(T: number, smaller: ScalingRow | undefined, timing?: TimeOptions): number {
  if (smaller === undefined) return 0;
  const { warmup, runs, minSeconds } = { ...defaultTiming, ...timing };
  const calls = 1 + warmup + runs;
  return Math.max(minSeconds, (calls * smaller.ms * (T / smaller.T) ** 2) / 1000);
}

async function measureSize(T: number, make: Benchmark["make"], timing?: TimeOptions): Promise<ScalingRow> {
  const { run, dispose } = await make(T);
  try {
    const { flops, peakBytes } = await count(run);
    const { median, iqr } = await time(run, timing);
    return { T, ms: median, iqr, flops, peakBytes };
  } finally {
    dispose?.();
  }
}

/** One quantity of a scaling curve against T, as `crossover` and `fitExponent(xs, ys)` take it. */
export function curveOf({ rows }: ScalingCurve, quantity: "ms" | "flops" | "peakBytes"): Curve {
  return { xs: rows.map(({ T }) => T), ys: rows.map((row) => row[quantity]) };
}
