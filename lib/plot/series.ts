/** Curves with markers and error bars: what scaling plots and line plots share. */

import type { AxisOptions } from "./axis.js";
import { distinct, drawable, nonEmpty } from "./check.js";
import type { Spec } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { DASH_FIELD, seriesChannels } from "./style.js";

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of the error bar. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly label: string;
  readonly points: readonly Point[];
  /** False leaves the points unjoined: measurements beside a curve that theory gives. */
  readonly joined?: boolean;
}

/** With more points than this a curve is drawn without markers, and its errors as a band. */
const MOST_MARKERS = 25;

/** Throws, naming the series and the point, unless every number can stand on its axis. */
export function checkSeries(
  name: string,
  what: string,
  series: readonly Series[],
  x: AxisOptions,
  y: AxisOptions,
): void {
  nonEmpty(name, what, series);
  const labels = series.map(({ label }) => label);
  distinct(name, what, labels);
  for (const { label, points } of series) {
    nonEmpty(name, `point in ${what} "${label}"`, points);
    points.forEach((point, i) => {
      const at = `${what} "${label}", point ${i + 1}`;
      drawable(name, x, point.x, at);
      for (const value of [point.y, point.low ?? point.y, point.high ?? point.y]) {
        drawable(name, y, value, `${at} (${x.label} ${formatNumber(point.x)})`);
      }
    });
  }
}

/** All heights that an axis must have room for. */
export function heights(series: readonly Series[]): number[] {
  return series.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [low, y, high]));
}

/**
 * Layers that draw the series by the position channels `x` and `y`; `low` and `high` become bars or
 * a band. `clip` cuts off what lies outside the axes.
 */
export function seriesLayers(
  name: string,
  series: readonly Series[],
  x: Spec,
  y: Spec,
  clip = false,
): Spec[] {
  const marked = series.every(({ points }) => points.length <= MOST_MARKERS);
  const labels = series.map(({ label }) => label);
  const { color, strokeDash, shape } = seriesChannels(name, labels, marked ? "marker" : "dash");
  const records = series.flatMap(({ label, points }) => points.map((point) => record(label, point)));
  const uncertain = records.filter((point) => "low" in point);
  const tooltip = [
    { field: "series", type: "nominal", title: "curve" },
    { field: "x", type: "quantitative", title: x.title, format: ",.10~g" },
    { field: "y", type: "quantitative", title: y.title, format: ",.5~r" },
  ];
  const spread = marked ? { type: "rule", strokeWidth: 1.5, clip } : { type: "area", opacity: 0.2, clip };
  const layers: Spec[] = [];
  if (uncertain.length > 0) {
    layers.push({
      data: { values: uncertain },
      mark: spread,
      encoding: { x, y: { ...y, field: "low", stack: null }, y2: { field: "high" }, color },
    });
  }
  const loose = new Set(series.flatMap(({ label, joined = true }) => (joined ? [] : [label])));
  layers.push({
    data: { values: records.filter((point) => !loose.has(point.series as string)) },
    ...(marked ? { transform: [DASH_FIELD] } : {}),
    mark: { type: "line", strokeWidth: 2, clip },
    encoding: { x, y, color, strokeDash },
  });
  const dots = marked ? records : records.filter((point) => loose.has(point.series as string));
  if (dots.length > 0) {
    layers.push({
      data: { values: dots },
      mark: { type: "point", filled: true, size: 60, opacity: 1, clip },
      encoding: { x, y, color, ...(marked ? { shape } : {}), tooltip },
    });
  }
  return layers;
}

function record(label: string, { x, y, low, high }: Point): Spec {
  const point = { series: label, x: compact(x), y: compact(y) };
  if (low === undefined && high === undefined) return point;
  return { ...point, low: compact(low ?? y), high: compact(high ?? y) };
}
