/** Values to compare with: grey lines across the plot, named in its right margin. */

import type { Spec } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { GREY, HEIGHT, WIDTH } from "./style.js";

export interface Baseline {
  readonly label: string;
  /** In the unit of the y axis. */
  readonly value: number;
}

/** Least distance between two labels, px. */
const LABEL_HEIGHT = 15;

/** Layers for the baselines; `y` is the position channel, whose scale has `domain` and is logarithmic or not. */
export function baselineLayers(
  baselines: readonly Baseline[],
  y: Spec,
  domain: readonly [number, number],
  log = false,
): Spec[] {
  const place = log ? Math.log : (value: number) => value;
  const share = (value: number) => (place(value) - place(domain[0])) / (place(domain[1]) - place(domain[0]));
  const sorted = [...baselines].sort((a, b) => b.value - a.value);
  const heights = spread(sorted.map(({ value }) => HEIGHT * (1 - share(value))));
  return sorted.flatMap(({ label, value }, i) => [
    {
      data: { values: [{ y: compact(value) }] },
      mark: { type: "rule", color: GREY, strokeWidth: 1.5, strokeDash: [6, 4] },
      encoding: { y },
    },
    {
      data: { values: [{}] },
      mark: {
        type: "text",
        text: `${label}: ${formatNumber(value, { significant: 3 })}`,
        color: GREY,
        align: "left",
        x: WIDTH + 6,
        y: compact(heights[i]!),
      },
    },
  ]);
}

/** Pushes heights that are sorted downwards apart, and back up where that would leave the plot. */
function spread(heights: readonly number[]): number[] {
  const placed: number[] = [];
  for (const height of heights)
    placed.push(Math.max(height, (placed.at(-1) ?? -LABEL_HEIGHT) + LABEL_HEIGHT));
  for (let i = placed.length - 1, limit = HEIGHT; i >= 0; i--, limit -= LABEL_HEIGHT) {
    placed[i] = Math.min(placed[i]!, limit);
  }
  return placed;
}
