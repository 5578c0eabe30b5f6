/** What was hoped for on a real GPU, and what was reached: words for people, never a reason to fail. */

import type { Case } from "./benchmark.js";
import type { Row } from "./rows.js";

export interface Judgement {
  readonly case: string;
  /** "at least 5 × the composition" */
  readonly goal: string;
  /** "tiled, 7.31 ×" */
  readonly reached: string;
  /** Undefined for what is stated and not judged: everything on software, and PyTorch's ratio. */
  readonly met?: boolean;
}

/** Of the ceiling that bounds a case, at least so much. */
const SHARE = 0.5;

/** One line for each goal of each case, in the cases' order. */
export function judge(cases: readonly Case[], rows: readonly Row[], software: boolean): Judgement[] {
  return cases.flatMap((one) => {
    const mine = rows.filter((row) => row.case === one.label);
    const best = fastest(mine.filter(({ by }) => by === "workbook"));
    const judged = (goal: string, reached: string | undefined, met: boolean): Judgement => ({
      case: one.label,
      goal,
      reached: reached ?? "not measured",
      ...(software || reached === undefined ? {} : { met }),
    });
    const lines: Judgement[] = [];
    if (one.timesComposed !== undefined) {
      const times = best?.speedup;
      const reached = times === undefined ? undefined : `${best!.rung}, ${times.toFixed(2)} ×`;
      lines.push(judged(`${one.timesComposed} × the composition`, reached, times! >= one.timesComposed));
    }
    if (best !== undefined) {
      // The larger share is the ceiling that the case meets first.
      const [share, which] =
        best.ofCopy > best.ofProduct ? [best.ofCopy, "copy"] : [best.ofProduct, "product"];
      const reached = `${best.rung}, ${(100 * share).toFixed(1)} % of the ${which}`;
      lines.push(judged(`${100 * SHARE} % of the ceiling that bounds it`, reached, share >= SHARE));
    }
    const yardstick = fastest(mine.filter(({ by }) => by === "pytorch"));
    if (yardstick?.best !== undefined) {
      const reached = `${best!.rung}, ${yardstick.best.toFixed(2)} × as fast as ${yardstick.rung}`;
      lines.push({ case: one.label, goal: "PyTorch's best, stated", reached });
    }
    return lines;
  });
}

function fastest(rows: readonly Row[]): Row | undefined {
  return rows.toSorted((a, b) => a.milliseconds - b.milliseconds)[0];
}
