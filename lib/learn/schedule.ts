/** Learning rates as functions of the step, which counts from 0. */

import { ensure } from "../shapes.js";

export type Schedule = (step: number) => number;

/**
 * Rises in a line to `peak` over `warmup` steps, then falls along half a cosine to `floor · peak` at step `steps`
 * (Loshchilov & Hutter, 2017, arXiv:1608.03983, eq. 5, one cycle), and stays there.
 */
export function warmupCosine({
  peak,
  warmup,
  steps,
  floor = 0,
}: {
  peak: number;
  warmup: number;
  steps: number;
  floor?: number;
}): Schedule {
  ensure(
    warmup >= 0 && warmup < steps,
    `warmupCosine: expected a warm-up shorter than the ${steps} steps, got ${warmup}`,
  );
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / warmup;
    const done = Math.min(1, (step - warmup) / (steps - warmup));
    return peak * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
  };
}

/**
 * width^(−1/2) · min(n^(−1/2), n · warmup^(−3/2)) with n = step + 1: the schedule of Vaswani et al., 2017,
 * arXiv:1706.03762, eq. 3.
 */
export function inverseSquareRoot({ width, warmup }: { width: number; warmup: number }): Schedule {
  ensure(warmup >= 1, `inverseSquareRoot: expected at least 1 step of warm-up, got ${warmup}`);
  return (step) => width ** -0.5 * Math.min((step + 1) ** -0.5, (step + 1) * warmup ** -1.5);
}
