/** Measures the rungs of one case: first that they are right, then how long they take. */

import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { assertClose } from "../../../assert-close.js";
import { takeGpuErrors } from "../../device.js";
import type { Case } from "./benchmark.js";
import { type Effort, forgetFreeBuffers, timeOnGpu } from "./clock.js";

/** How long one rung took. */
export interface Timed {
  readonly rung: string;
  /** Median, on the GPU's clock where it has one. */
  readonly milliseconds: number;
  /** Interquartile range. */
  readonly iqr: number;
  /** Median for whoever waits. */
  readonly wall: number;
}

/** A rung that has no time, and why. */
export interface Missing {
  readonly rung: string;
  readonly reason: string;
  /** True where it ran and gave other numbers than the composition. */
  readonly wrong: boolean;
}

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Who hears of each step of a case as it happens. */
export interface Listener {
  starting?(rung: string): void;
  timed?(timed: Timed): void;
  missing?(missing: Missing): void;
}

/** What could be measured, and the numbers that all of it agreed on: none where nothing ran. */
export interface Measured {
  readonly timed: readonly Timed[];
  readonly missing: readonly Missing[];
  readonly numbers?: readonly Numbers[];
}

/**
 * Times each rung whose numbers are the composition's, or the first rung's that runs where the composition does not. One that is
 * wrong, fails or asks for more memory than there is becomes a `Missing`. Leaves the inputs to the caller.
 */
export async function measureRungs(
  { label, rungs, rounding, roundings }: Case,
  inputs: readonly tf.Tensor[],
  effort: Effort,
  { skip = [], listener = {} }: { readonly skip?: readonly string[]; readonly listener?: Listener } = {},
): Promise<Measured> {
  const [timed, missing]: [Timed[], Missing[]] = [[], []];
  let expected: Numbers[] | undefined;
  for (const [rung, run] of Object.entries(rungs)) {
    if (skip.includes(rung)) continue;
    listener.starting?.(rung);
    try {
      const actual = await numbersOf(() => run(inputs));
      refuseGpuErrors();
      expected?.forEach((numbers, i) => {
        assertClose(actual[i] ?? Number.NaN, numbers, roundings?.[rung] ?? rounding, `${label}, ${rung}`);
      });
      expected ??= actual;
      const { median, iqr, wall } = await timeOnGpu(() => run(inputs), effort);
      refuseGpuErrors();
      timed.push({ rung, milliseconds: median, iqr, wall });
      listener.timed?.(timed.at(-1)!);
    } catch (error) {
      missing.push({ rung, reason: (error as Error).message, wrong: error instanceof AssertionError });
      listener.missing?.(missing.at(-1)!);
    }
    forgetFreeBuffers();
  }
  return { timed, missing, numbers: expected };
}

/** WebGPU tells most of what goes wrong besides the call: no memory, a lost device. */
function refuseGpuErrors(): void {
  const [first] = takeGpuErrors();
  if (first !== undefined) throw new Error(`WebGPU reports ${first.split("\n")[0]}`);
}

async function numbersOf(run: () => tf.Tensor | tf.Tensor[]): Promise<Numbers[]> {
  const results = [tf.tidy(run)].flat();
  try {
    return await Promise.all(
      results.map(async (each) => ({ shape: each.shape, data: (await each.data()) as Float32Array })),
    );
  } finally {
    tf.dispose(results);
  }
}
