/** Curves of one quantity against another, where no more special plot fits. */

import { type AxisOptions, axisTitle, plotDomain, plotTicks, position, rangeText } from "./axis.js";
import { type Baseline, baselineLayers } from "./baseline.js";
import { drawable } from "./check.js";
import type { VegaLiteFigure } from "./figure.js";
import { checkSeries, heights, type Series, seriesLayers } from "./series.js";
import { figure, HEIGHT, WIDTH } from "./style.js";

export interface LinePlotOptions {
  readonly title: string;
  /** Points with `low` and `high` get error bars, or a band where there are many. */
  readonly series: readonly Series[];
  readonly x: AxisOptions;
  readonly y: AxisOptions;
  /** Values of y to compare with. */
  readonly baselines?: readonly Baseline[];
}

/**
 * A line for each series: with markers up to 25 points, smooth beyond.
 *
 * @throws RangeError for no series, one without points, two of one label, and any number that cannot stand on its
 * axis, naming the series and the point.
 */
export function linePlot({ title, series, x, y, baselines = [] }: LinePlotOptions): VegaLiteFigure {
  const name = "linePlot";
  checkSeries(name, "series", series, x, y);
  for (const { label, value } of baselines) drawable(name, y, value, `baseline "${label}"`);
  const across = series.flatMap(({ points }) => points.map((point) => point.x));
  const [xDomain, yDomain] = [
    plotDomain(name, x, across, 0.03),
    plotDomain(name, y, [...heights(series), ...baselines.map(({ value }) => value)]),
  ];
  const xChannel = position(name, "x", { ...x, domain: xDomain }, plotTicks(x, xDomain, across));
  const yChannel = position(name, "y", { ...y, domain: yDomain }, plotTicks(y, yDomain));
  const ranges = series.map(
    ({ label, points }) =>
      `${label}: ${rangeText(
        points.map((point) => point.y),
        y.unit,
      )}`,
  );
  const description = `Line plot of ${axisTitle(name, y)} against ${axisTitle(name, x)}, ${rangeText(across, x.unit)}. ${ranges.join("; ")}.`;
  return figure(title, description, {
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...baselineLayers(baselines, yChannel, yDomain, y.scale === "log"),
      ...seriesLayers(name, series, xChannel, yChannel, x.domain !== undefined || y.domain !== undefined),
    ],
  });
}
