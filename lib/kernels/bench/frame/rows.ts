/** The rows of the table: what each time means beside the composition, the ceilings and PyTorch. */

import type { Case } from "./benchmark.js";
import type { Ceilings } from "./ceilings.js";
import type { Timed } from "./measure.js";
import type { TorchTimed } from "./yardstick.js";

export interface Row extends Timed {
  readonly case: string;
  /** Who computes: the workbook's kernels, tfjs's operations, or PyTorch. */
  readonly by: "workbook" | "tfjs" | "pytorch";
  /** How many times as fast as the composition; unknown where that has no time. */
  readonly speedup?: number;
  /** PyTorch's rows: how many times as fast as it the workbook's best rung is. */
  readonly best?: number;
  /** PyTorch's rows: what it computes in. */
  readonly precision?: string;
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
  /** Shares of the ceilings, from 0 to 1. */
  readonly ofCopy: number;
  readonly ofProduct: number;
}

/** `torch`: the yardstick's times for the same case. */
export function rowsOf(
  one: Case,
  ceilings: Ceilings,
  timed: readonly Timed[],
  torch: readonly TorchTimed[] = [],
): Row[] {
  const [first] = Object.keys(one.rungs);
  const composed = timed.find(({ rung }) => rung === first)?.milliseconds;
  const ours = timed.filter(({ rung }) => rung !== first).map(({ milliseconds }) => milliseconds);
  const best = Math.min(...ours);
  const row = <T extends Timed>(each: T, by: Row["by"]): Row => {
    const perSecond = (count: number) => count / (each.milliseconds / 1000);
    const [bytesPerSecond, flopsPerSecond] = [perSecond(one.bytes), perSecond(one.flops)];
    return {
      ...each,
      case: one.label,
      by,
      speedup: composed === undefined ? undefined : composed / each.milliseconds,
      best: by === "pytorch" && ours.length > 0 ? each.milliseconds / best : undefined,
      bytesPerSecond,
      flopsPerSecond,
      ofCopy: bytesPerSecond / ceilings.bytesPerSecond,
      ofProduct: flopsPerSecond / ceilings.flopsPerSecond,
    };
  };
  return [
    ...timed.map((each) => row(each, each.rung === first ? "tfjs" : "workbook")),
    ...torch.map((each) => row(each, "pytorch")),
  ];
}
