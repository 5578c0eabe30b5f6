/** Who does what when: a row for each worker, a bar for each piece of work, gaps where nothing is done. */

import { ensure } from "../shapes.js";
import { type AxisOptions, axisTitle, extent, position, rangeText } from "./axis.js";
import { labelChannel } from "./bar.js";
import { distinct, drawable, nonEmpty } from "./check.js";
import type { VegaLiteFigure } from "./figure.js";
import { compact } from "./numbers.js";
import { figure, INK, inkOn, PALETTE, PAPER, seriesChannels, WIDTH } from "./style.js";

export interface TimelineSpan {
  /** One of `rows`. */
  readonly row: string;
  readonly start: number;
  readonly end: number;
  /** What is worked on: its colour, named in the legend. */
  readonly series: string;
  /** Stands in the bar, where it has the room. */
  readonly text?: string;
}

export interface TimelinePlotOptions {
  readonly title: string;
  /** Workers, from top to bottom; also those that do nothing. */
  readonly rows: readonly string[];
  readonly spans: readonly TimelineSpan[];
  /** Time; with a `domain`, several plots have one scale. */
  readonly x: Omit<AxisOptions, "scale">;
}

/** Height of a row with the space around it, px. */
const ROW = 24;
/** Width of a character in a bar, px. */
const CHARACTER = 8;

/**
 * Bars along one axis of time. The end of the last bar is ruled: until then everybody waits.
 *
 * @throws RangeError for no rows or spans, two rows of one label, a span in no row, or one that ends before it starts.
 */
export function timelinePlot({ title, rows, spans, x }: TimelinePlotOptions): VegaLiteFigure {
  const name = "timelinePlot";
  nonEmpty(name, "row", rows);
  nonEmpty(name, "span", spans);
  distinct(name, "row", rows);
  for (const { row, start, end } of spans) {
    ensure(
      rows.includes(row),
      `${name}: expected spans in the rows [${rows.join(", ")}], got one in "${row}"`,
    );
    for (const at of [start, end]) drawable(name, x, at, `a span of row "${row}"`);
    ensure(
      start <= end,
      `${name}: expected spans that end after they start, got ${start} to ${end} in row "${row}"`,
    );
  }
  const last = extent(spans.map(({ end }) => end))[1];
  const domain = x.domain ?? [Math.min(0, ...spans.map(({ start }) => start)), last || 1];
  const channel = position(name, "start", { ...x, domain });
  const series = [...new Set(spans.map((span) => span.series))];
  const { color } = seriesChannels(name, series, "fill");
  const ink = (of: string) => inkOn(PALETTE[series.indexOf(of) % PALETTE.length]!);
  const values = spans.map(({ row, start, end, series, text = "" }) => {
    const room = ((end - start) / (domain[1] - domain[0])) * WIDTH;
    const middle = compact((start + end) / 2);
    const shown = text.length * CHARACTER <= room ? text : "";
    return {
      label: row,
      start: compact(start),
      end: compact(end),
      middle,
      series,
      text: shown,
      ink: ink(series),
    };
  });
  const y = labelChannel(rows);
  const labelled = values.filter(({ text }) => text !== "");
  const description = `Timeline of ${rows.length} rows against ${axisTitle(name, x)}, ${spans.length} spans of ${series.join(", ")}: ${rangeText([Math.min(...spans.map(({ start }) => start)), last], x.unit)}.`;
  return figure(title, description, {
    width: WIDTH,
    height: rows.length * ROW,
    layer: [
      {
        data: { values },
        mark: { type: "bar", stroke: PAPER, strokeWidth: 1 },
        encoding: { x: channel, x2: { field: "end" }, y, color },
      },
      ...(labelled.length === 0
        ? []
        : [
            {
              data: { values: labelled },
              mark: { type: "text" },
              encoding: {
                x: { ...channel, field: "middle" },
                y,
                text: { field: "text", type: "nominal" },
                color: { field: "ink", type: "nominal", scale: null },
              },
            },
          ]),
      {
        data: { values: [{ last: compact(last) }] },
        mark: { type: "rule", color: INK, strokeDash: [4, 3] },
        encoding: { x: { ...channel, field: "last" } },
      },
    ],
  });
}
