/** Distributions: samples as histograms of density, with the densities that theory gives. */

import { ensure } from "../shapes.js";
import { type AxisOptions, axisTitle, extent, plotDomain, position } from "./axis.js";
import { drawable, nonEmpty } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { figure, HEIGHT, seriesChannels, WIDTH } from "./style.js";

export interface HistogramOptions {
  readonly title: string;
  readonly samples: readonly { readonly label: string; readonly values: ArrayLike<number> }[];
  readonly x: Omit<AxisOptions, "scale">;
  /** Equal bins over the axis. Values outside its `domain` count towards the whole, but are not drawn. */
  readonly bins?: number;
  /** Probability densities to compare with. */
  readonly curves?: readonly { readonly label: string; readonly density: (x: number) => number }[];
}

const CURVE_POINTS = 200;

/**
 * Outlines with the share of each sample per unit of x: each encloses an area of one.
 *
 * @throws RangeError for no samples, an empty one, two of one label, bins that are not a positive integer, and a
 * value that is not finite, naming the sample and the place.
 */
export function histogram({ title, samples, x, bins = 40, curves = [] }: HistogramOptions): VegaLiteFigure {
  const name = "histogram";
  nonEmpty(name, "sample", samples);
  ensure(Number.isInteger(bins) && bins >= 1, `${name}: expected a positive integer for bins, got ${bins}`);
  const checked = samples.map(({ label, values }) => {
    const list = Array.from(values);
    nonEmpty(name, `value in sample "${label}"`, list);
    list.forEach((value, i) => {
      drawable(name, x, value, `sample "${label}", value ${i + 1}`);
    });
    return { label, values: list };
  });
  const ends = checked.flatMap(({ values }) => extent(values));
  const domain = plotDomain(name, x, ends, 0);
  const outlines = checked.flatMap(({ label, values }) => outline(label, values, domain, bins));
  const theory = curves.flatMap(({ label, density }) => curve(name, label, density, domain));
  const top = 1.05 * extent([...outlines, ...theory].map(({ y }) => y))[1] || 1;
  const xChannel = position(name, "x", { ...x, domain });
  const yChannel = position(name, "y", {
    label: "probability density",
    unit: "share per unit",
    domain: [0, top],
  });
  const labels = [...samples, ...curves].map(({ label }) => label);
  const { color, strokeDash } = seriesChannels(name, labels, "dash");
  // Distributions lie over each other; Vega-Lite would pile them up.
  const encoding = { x: xChannel, y: { ...yChannel, stack: null }, color };
  const layer: Spec[] = [
    { data: { values: outlines }, mark: { type: "area", interpolate: "step-after", opacity: 0.2 }, encoding },
    {
      data: { values: outlines },
      mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5 },
      encoding: { ...encoding, strokeDash },
    },
  ];
  if (theory.length > 0) {
    const mark = { type: "line", strokeWidth: 2.5 };
    layer.push({ data: { values: theory }, mark, encoding: { ...encoding, strokeDash } });
  }
  return figure(title, describe(checked, axisTitle(name, x)), { width: WIDTH, height: HEIGHT, layer });
}

interface Vertex {
  readonly series: string;
  readonly x: number;
  readonly y: number;
}

/** The corners of a histogram, from the axis and back to it. */
function outline(
  series: string,
  values: readonly number[],
  [low, high]: readonly [number, number],
  bins: number,
): Vertex[] {
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    if (value >= low && value <= high) counts[Math.min(bins - 1, Math.floor((value - low) / width))]! += 1;
  }
  const corners = counts.map((count, i) => ({
    series,
    x: compact(low + i * width),
    y: compact(count / (values.length * width)),
  }));
  return [{ series, x: compact(low), y: 0 }, ...corners, { series, x: compact(high), y: 0 }];
}

function curve(
  name: string,
  series: string,
  density: (x: number) => number,
  [low, high]: readonly [number, number],
): Vertex[] {
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const x = low + ((high - low) * i) / (CURVE_POINTS - 1);
    const y = density(x);
    drawable(name, { label: "density", unit: "share per unit" }, y, `curve "${series}" at x = ${compact(x)}`);
    return { series, x: compact(x), y: compact(y) };
  });
}

function describe(samples: readonly { label: string; values: readonly number[] }[], x: string): string {
  const described = samples.map(({ label, values }) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return `${label}: ${formatNumber(values.length)} values, mean ${formatNumber(mean, { significant: 3 })}, variance ${formatNumber(variance, { significant: 3 })}`;
  });
  return `Histogram of ${x}. ${described.join("; ")}.`;
}
