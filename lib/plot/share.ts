/** Shares of a whole: where a model's operations or bytes go. */

import { ensure } from "../shapes.js";
import { labelChannel } from "./bar.js";
import { distinct, nonEmpty } from "./check.js";
import type { VegaLiteFigure } from "./figure.js";
import { compact, formatNumber, formatQuantity } from "./numbers.js";
import { figure, inkOn, PALETTE, PAPER, seriesChannels, WIDTH } from "./style.js";

export interface SharePlotOptions {
  readonly title: string;
  readonly bars: readonly {
    readonly label: string;
    readonly parts: readonly { readonly label: string; readonly value: number }[];
  }[];
  /** What is shared out, and in what it is counted. */
  readonly quantity: { readonly label: string; readonly unit: string };
}

/** Height of a bar with the space around it, px. */
const BAR = 34;
/** Smaller parts have no room for their number, percent. */
const LEAST_LABELLED = 6;

/**
 * One bar for each entry, all of one length, divided in proportion to its parts, with the whole at its end.
 *
 * @throws RangeError for no bars, no parts, two of one label, and a part that is negative or not finite.
 */
export function sharePlot({ title, bars, quantity }: SharePlotOptions): VegaLiteFigure {
  const name = "sharePlot";
  nonEmpty(name, "bar", bars);
  distinct(
    name,
    "bar",
    bars.map(({ label }) => label),
  );
  const rows = bars.flatMap(({ label, parts }) => shares(name, label, parts, quantity));
  const parts = [...new Set(rows.map(({ series }) => series))];
  const x = {
    field: "from",
    type: "quantitative",
    title: `share of ${quantity.label} (%)`,
    scale: { domain: [0, 100], nice: false },
  };
  const y = labelChannel(bars.map(({ label }) => label));
  const { color } = seriesChannels(name, parts, "fill");
  const ink = (part: string) => inkOn(PALETTE[parts.indexOf(part) % PALETTE.length]!);
  const roomy = rows.filter(({ from, to }) => to - from >= LEAST_LABELLED);
  const wholes = bars.map(({ label, parts }) => ({
    label,
    from: 100,
    text: formatQuantity(
      parts.reduce((sum, part) => sum + part.value, 0),
      quantity.unit,
    ),
  }));
  const described = bars.map(({ label }) => {
    const own = rows.filter((row) => row.label === label);
    return `${label}: ${own.map(({ series, percent }) => `${series} ${percent}`).join(", ")}`;
  });
  return figure(title, `Shares of ${quantity.label}. ${described.join("; ")}.`, {
    width: WIDTH,
    height: bars.length * BAR,
    layer: [
      {
        data: { values: rows },
        mark: { type: "bar", stroke: PAPER, strokeWidth: 1 },
        encoding: { x, x2: { field: "to" }, y, color },
      },
      {
        data: { values: roomy.map((row) => ({ ...row, ink: ink(row.series) })) },
        mark: { type: "text" },
        encoding: {
          x: { ...x, field: "middle" },
          y,
          text: { field: "percent", type: "nominal" },
          color: { field: "ink", type: "nominal", scale: null },
        },
      },
      {
        data: { values: wholes },
        mark: { type: "text", align: "left", dx: 6 },
        encoding: { x, y, text: { field: "text", type: "nominal" } },
      },
    ],
  });
}

function shares(
  name: string,
  label: string,
  parts: readonly { readonly label: string; readonly value: number }[],
  quantity: { readonly label: string },
) {
  nonEmpty(name, `part in bar "${label}"`, parts);
  distinct(
    name,
    `part of "${label}"`,
    parts.map((part) => part.label),
  );
  for (const part of parts) {
    ensure(
      part.value >= 0 && part.value < Number.POSITIVE_INFINITY,
      `${name}: expected a finite ${quantity.label} of zero or more for part "${part.label}" of "${label}", got ${part.value}`,
    );
  }
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  let from = 0;
  return parts.map((part) => {
    const share = (100 * part.value) / whole;
    const row = { label, series: part.label, from: compact(from), to: compact(from + share) };
    from += share;
    const percent = `${formatNumber(share, { significant: 2 })}%`;
    return { ...row, middle: compact((row.from + row.to) / 2), percent };
  });
}
