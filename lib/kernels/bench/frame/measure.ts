/** Measures the rungs of one case: first that they are right, then how long they take. */

import * as tf from "@tensorflow/tfjs";
import { assertClose } from "../../../assert-close.js";
import { takeGpuErrors } from "../../device.js";
import type { Case } from "./benchmark.js";
import type { Ceilings } from "./ceilings.js";
import { type Effort, timeOnGpu } from "./clock.js";

export interface Row {
  readonly case: string;
  readonly rung: string;
  /** Median. */
  readonly milliseconds: number;
  /** Interquartile range. */
  readonly iqr: number;
  /** How many times as fast as the composition. */
  readonly speedup: number;
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
  /** Shares of the ceilings, from 0 to 1. */
  readonly ofCopy: number;
  readonly ofProduct: number;
}

/** @throws AssertionError for a rung whose numbers are not the composition's: its time would say nothing. */
export async function measureCase(one: Case, ceilings: Ceilings, effort: Effort): Promise<Row[]> {
  const inputs = one.inputs();
  try {
    const [[composed] = []] = [Object.values(one.rungs)];
    const expected = await numbers(() => composed!(inputs));
    const rows: Row[] = [];
    for (const [rung, run] of Object.entries(one.rungs)) {
      for (const [i, actual] of (await numbers(() => run(inputs))).entries()) {
        assertClose(actual, expected[i]!, one.roundings?.[rung] ?? one.rounding, `${one.label}, ${rung}`);
      }
      const { median, iqr } = await timeOnGpu(() => run(inputs), effort);
      const errors = takeGpuErrors();
      if (errors.length > 0) throw new Error(`${one.label}, ${rung}: WebGPU reports ${errors[0]}`);
      const perSecond = (count: number) => count / (median / 1000);
      const [bytesPerSecond, flopsPerSecond] = [perSecond(one.bytes), perSecond(one.flops)];
      rows.push({
        case: one.label,
        rung,
        milliseconds: median,
        iqr,
        speedup: (rows[0]?.milliseconds ?? median) / median,
        bytesPerSecond,
        flopsPerSecond,
        ofCopy: bytesPerSecond / ceilings.bytesPerSecond,
        ofProduct: flopsPerSecond / ceilings.flopsPerSecond,
      });
    }
    return rows;
  } finally {
    tf.dispose(inputs);
  }
}

async function numbers(run: () => tf.Tensor | tf.Tensor[]) {
  const results = [tf.tidy(run)].flat();
  const read = await Promise.all(
    results.map(async (each) => ({ shape: each.shape, data: await each.data() })),
  );
  tf.dispose(results);
  return read;
}
