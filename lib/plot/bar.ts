/** Amounts side by side. Bars lie, so that their labels can be read. */

import { ensure } from "../shapes.js";
import { axisTitle, extent, position, rangeText } from "./axis.js";
import { distinct, drawable, nonEmpty } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";
import { compact, formatNumber, formatQuantity, formatSi, siSymbol } from "./numbers.js";
import { figure, INK, PALETTE, seriesChannels, WIDTH } from "./style.js";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ends of the error bar. */
  readonly low?: number;
  readonly high?: number;
  /** Bars of one label stand together, coloured by group. */
  readonly group?: string;
}

export interface BarPlotOptions {
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly value: { readonly label: string; readonly unit: string };
}

/** Height of a bar with the space around it, px. */
const BAR = 28;
const GROUPED_BAR = 20;

/**
 * One bar for each entry, from zero, with its number at the end.
 *
 * @throws RangeError for no bars, two of one label and group, and a value that is not finite, naming the bar.
 */
export function barPlot({ title, bars, value }: BarPlotOptions): VegaLiteFigure {
  const name = "barPlot";
  nonEmpty(name, "bar", bars);
  const grouped = bars.some(({ group }) => group !== undefined);
  distinct(name, "bar", bars.map(barName));
  const ungrouped = bars.find(({ group }) => group === undefined);
  ensure(
    !grouped || ungrouped === undefined,
    `${name}: expected a group for each bar or for none, got none for bar "${ungrouped?.label}"`,
  );
  for (const bar of bars) {
    for (const number of [bar.value, bar.low ?? bar.value, bar.high ?? bar.value]) {
      drawable(name, value, number, `bar "${barName(bar)}"`);
    }
  }
  const labels = [...new Set(bars.map(({ label }) => label))];
  const groups = [...new Set(bars.map(({ group = "" }) => group))];
  const x = position(name, "value", { ...value, domain: fromZero(bars) });
  const y = labelChannel(labels);
  const yOffset = grouped ? { yOffset: { field: "series", type: "nominal", scale: { domain: groups } } } : {};
  const color = grouped ? { color: seriesChannels(name, groups, "fill").color } : {};
  const data = { values: bars.map((bar) => record(bar, value.unit)) };
  const hasErrors = bars.some(({ low, high }) => low !== undefined || high !== undefined);
  const errors = {
    transform: [{ filter: "isValid(datum.low)" }],
    mark: { type: "rule", color: INK, strokeWidth: 1.5 },
    encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, ...yOffset },
  };
  return figure(title, `Bar plot of ${axisTitle(name, value)}: ${listed(bars, value)}.`, {
    width: WIDTH,
    height: labels.length * (grouped ? groups.length * GROUPED_BAR + 8 : BAR),
    data,
    layer: [
      {
        mark: { type: "bar", ...(grouped ? {} : { color: PALETTE[0] }) },
        encoding: { x, y, ...yOffset, ...color },
      },
      ...(hasErrors ? [errors] : []),
      {
        mark: { type: "text", align: "left", dx: 5 },
        encoding: { x: { ...x, field: "end" }, y, ...yOffset, text: { field: "text", type: "nominal" } },
      },
    ],
  });
}

/** From zero, or the least value under it, to the greatest, with a margin. */
function fromZero(bars: readonly Bar[]): [number, number] {
  const [low, high] = extent(bars.flatMap(({ value, low = value, high = value }) => [0, low, high]));
  const length = high - low || 1;
  // The numbers stand to the right.
  return [low < 0 ? low - 0.04 * length : 0, high + 0.16 * length];
}

function barName({ label, group }: Bar): string {
  return group === undefined ? label : `${label}, ${group}`;
}

function record({ label, value, low, high, group = "" }: Bar, unit: string): Spec {
  const bar = { label, value: compact(value), series: group };
  const symbol = siSymbol(unit);
  const text = symbol === undefined ? formatNumber(value, { significant: 3 }) : formatSi(value, symbol);
  const end = compact(Math.max(0, value, high ?? 0));
  if (low === undefined && high === undefined) return { ...bar, end, text };
  return { ...bar, end, text, low: compact(low ?? value), high: compact(high ?? value) };
}

function listed(bars: readonly Bar[], { unit }: { unit: string }): string {
  const values = bars.map(({ value }) => value);
  if (bars.length > 12) return `${bars.length} bars, ${rangeText(values, unit)}`;
  return bars.map((bar) => `${barName(bar)} ${formatQuantity(bar.value, unit)}`).join("; ");
}

/** The axis of the bars' names, in the order given. */
export function labelChannel(labels: readonly string[]): Spec {
  const axis = { labelLimit: 0, ticks: false, domain: false, labelPadding: 6 };
  return { field: "label", type: "nominal", title: null, sort: null, scale: { domain: labels }, axis };
}
