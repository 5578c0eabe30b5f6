/** Cost against sequence length on two log axes, where a power T^p is a straight line of slope p. */

import { ensure } from "../shapes.js";
import { type AxisOptions, extent, logDomain, logTicks, position, rangeText, sizeTicks } from "./axis.js";
import { drawable } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { checkSeries, heights, type Series, seriesLayers } from "./series.js";
import { figure, GREY, HEIGHT, INK, WIDTH } from "./style.js";

export interface ScalingPoint {
  /** Sequence length, tokens. */
  readonly T: number;
  /** Cost in the unit of the plot's quantity. */
  readonly y: number;
  /** Ends of the error bar, in the same unit. */
  readonly low?: number;
  readonly high?: number;
}

export interface ScalingCurve {
  readonly label: string;
  readonly points: readonly ScalingPoint[];
  /** Fitted exponent p of y ∝ T^p: shown in the legend. */
  readonly exponent?: number;
  /** Ends of the exponent's confidence interval: half its width is shown as ± after the exponent. */
  readonly confidence?: readonly [low: number, high: number];
}

/** `time` is in milliseconds, `memory` in bytes, `operations` in FLOPs. */
export type Quantity = "time" | "memory" | "operations" | { readonly label: string; readonly unit: string };

export interface ScalingPlotOptions {
  readonly title: string;
  readonly curves: readonly ScalingCurve[];
  readonly quantity: Quantity;
  /** Exponents drawn as grey lines for comparison, each along the curve it fits best. */
  readonly references?: readonly number[];
  /** Where two curves meet: marked with a rule. */
  readonly crossover?: { readonly T: number; readonly label?: string };
}

const QUANTITIES = {
  time: { label: "time", unit: "ms" },
  memory: { label: "peak memory", unit: "bytes" },
  operations: { label: "operations", unit: "FLOPs" },
} as const;

/**
 * A log-log plot with one line per curve, fitted exponents in the legend, reference slopes and a crossover.
 *
 * @throws RangeError for no curves, a curve without points, two curves of one label, and any T or cost that is not
 * a positive finite number, naming the curve and the point.
 */
export function scalingPlot(options: ScalingPlotOptions): VegaLiteFigure {
  const { title, curves, quantity, references = [], crossover } = options;
  const name = "scalingPlot";
  const cost: AxisOptions = {
    ...(typeof quantity === "string" ? QUANTITIES[quantity] : quantity),
    scale: "log",
  };
  const length: AxisOptions = { label: "sequence length T", unit: "tokens", scale: "log" };
  const series = curves.map((curve) => ({
    label: curveLabel(curve),
    points: curve.points.map(({ T, ...rest }) => ({ x: T, ...rest })),
  }));
  checkSeries(name, "curve", series, length, cost);
  if (crossover !== undefined) drawable(name, length, crossover.T, "the crossover");
  for (const exponent of references) {
    ensure(Number.isFinite(exponent), `${name}: expected finite reference exponents, got ${exponent}`);
  }
  const lengths = series.flatMap(({ points }) => points.map(({ x }) => x));
  const xDomain = logDomain(crossover === undefined ? lengths : [...lengths, crossover.T]);
  // Room on the right for the references' labels.
  if (references.length > 0) xDomain[1] *= (xDomain[1] / xDomain[0]) ** 0.05;
  const yDomain = logDomain(heights(series), 0.07);
  const x = position(name, "x", { ...length, domain: xDomain }, sizeTicks(lengths, xDomain));
  const y = position(name, "y", { ...cost, domain: yDomain }, logTicks(yDomain));
  return figure(title, describe(series, cost, crossover), {
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...references.flatMap((exponent) => referenceLayers(exponent, series, yDomain, x, y)),
      ...(crossover === undefined ? [] : crossoverLayers(crossover, xDomain, x)),
      ...seriesLayers(name, series, x, y),
    ],
  });
}

/** `softmax attention, T^1.98 ± 0.03` */
function curveLabel({ label, exponent, confidence }: ScalingCurve): string {
  if (exponent === undefined) return label;
  const [low, high] = confidence ?? [Number.NaN, Number.NaN];
  // Two points give an endless interval, which says nothing in a legend.
  const error = Number.isFinite(high - low) ? ` ± ${((high - low) / 2).toFixed(2)}` : "";
  return `${label}, T^${exponent.toFixed(2)}${error}`;
}

/** `∝ T²` */
function powerLabel(exponent: number): string {
  if (exponent === 0) return "constant";
  const powers: Readonly<Record<number, string>> = { 0.5: "∝ √T", 1: "∝ T", 2: "∝ T²", 3: "∝ T³" };
  return powers[exponent] ?? `∝ T^${compact(exponent)}`;
}

/** A line of the given slope a little under the curve whose overall slope is nearest, cut at the plot's edge. */
function referenceLayers(
  exponent: number,
  series: readonly Series[],
  [lowest]: readonly [number, number],
  x: Spec,
  y: Spec,
): Spec[] {
  const misfit = (curve: Series) => Math.abs(slope(curve) - exponent);
  const nearest = series.reduce((best, curve) => (misfit(curve) < misfit(best) ? curve : best));
  const [start, end] = extent(nearest.points.map((point) => point.x));
  const last = nearest.points.reduce((a, b) => (b.x > a.x ? b : a));
  const at = (T: number) => 0.6 * last.y * (T / end) ** exponent;
  const from = exponent > 0 ? Math.max(start, end * (lowest / at(end)) ** (1 / exponent)) : start;
  const ends = [from, end].map((T) => ({ x: compact(T), y: compact(at(T)) }));
  return [
    {
      data: { values: ends },
      mark: { type: "line", color: GREY, strokeWidth: 1, strokeDash: [4, 3] },
      encoding: { x, y },
    },
    {
      data: { values: [ends[1]] },
      mark: { type: "text", text: powerLabel(exponent), color: GREY, align: "left", dx: 8 },
      encoding: { x, y },
    },
  ];
}

/** Slope between the first and the last point on log axes; 0 for a single point. */
function slope({ points }: Series): number {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  return first.x === last.x ? 0 : Math.log(last.y / first.y) / Math.log(last.x / first.x);
}

function crossoverLayers(
  { T, label }: { T: number; label?: string },
  domain: [number, number],
  x: Spec,
): Spec[] {
  const text = label ?? `crossover at T ≈ ${formatNumber(Math.round(T))}`;
  const left = T > Math.sqrt(domain[0] * domain[1]);
  const data = { values: [{ x: compact(T) }] };
  return [
    { data, mark: { type: "rule", color: INK, strokeWidth: 1, strokeDash: [2, 3] }, encoding: { x } },
    {
      data,
      mark: { type: "text", text, y: 10, align: left ? "right" : "left", dx: left ? -6 : 6 },
      encoding: { x },
    },
  ];
}

function describe(series: readonly Series[], cost: AxisOptions, crossover?: { T: number }): string {
  const curves = series.map(({ label, points }) => {
    const lengths = rangeText(
      points.map((point) => point.x),
      "tokens",
    );
    return `${label}: ${rangeText(
      points.map((point) => point.y),
      cost.unit,
    )} for T from ${lengths}`;
  });
  const meeting =
    crossover === undefined ? "" : `; crossover at T ≈ ${formatNumber(Math.round(crossover.T))}`;
  return `Log-log plot of ${cost.label} (${cost.unit}) against sequence length T (tokens). ${curves.join("; ")}${meeting}.`;
}
