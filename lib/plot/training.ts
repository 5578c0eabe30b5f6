/** Loss against training steps, for runs that end and for runs that are still going. */

import { type AxisOptions, extent, plotDomain, position } from "./axis.js";
import { type Baseline, baselineLayers } from "./baseline.js";
import { distinct, drawable, nonEmpty } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { figure, HEIGHT, INK, seriesChannels, WIDTH } from "./style.js";

export interface TrainingPoint {
  readonly step: number;
  /** Training loss. */
  readonly loss: number;
  /** Validation loss, at the steps where it was taken. */
  readonly validation?: number;
}

export interface TrainingRun {
  readonly label: string;
  readonly points: readonly TrainingPoint[];
}

export interface TrainingPlotOptions {
  readonly title: string;
  readonly runs: readonly TrainingRun[];
  /** Losses to compare with, such as a bigram model's. */
  readonly baselines?: readonly Baseline[];
  /** What the loss is counted in. */
  readonly unit?: string;
  /** Planned length of training: the axis spans it from the first update on. */
  readonly steps?: number;
}

/** Of longer curves only so many points are drawn, evenly chosen: more than that no screen shows. */
const MOST_POINTS = 400;
const MOST_MARKERS = 10;
/** A run that has just begun still gets an axis of whole steps. */
const SHORTEST = 10;

/**
 * Training losses as solid lines, validation losses as dashed ones.
 *
 * @throws RangeError for no runs, a run without points, two runs of one label, and a loss that is not finite,
 * naming the run and the step.
 */
export function trainingPlot(options: TrainingPlotOptions): VegaLiteFigure {
  const { title, runs, baselines = [], unit = "nats/character", steps: planned = 0 } = options;
  const name = "trainingPlot";
  const steps: AxisOptions = { label: "training step", unit: "optimizer updates" };
  const loss: AxisOptions = { label: "loss", unit };
  check(name, runs, baselines, loss);
  const training = runs.flatMap(({ label, points }) =>
    thin(points, MOST_POINTS).map((point) => record(label, "training", point.step, point.loss)),
  );
  const validation = runs.flatMap(({ label, points }) =>
    thin(validated(points), MOST_POINTS).map((point) =>
      record(label, "validation", point.step, point.validation),
    ),
  );
  const lines = [...training, ...validation];
  const yDomain = plotDomain(name, loss, [
    ...lines.map(({ y }) => y),
    ...baselines.map(({ value }) => value),
  ]);
  const [, last] = extent(training.map((point) => point.x));
  const x = position(name, "x", { ...steps, domain: [0, 1.02 * Math.max(last, planned, SHORTEST)] });
  const y = position(name, "y", { ...loss, domain: yDomain });
  const labels = runs.map(({ label }) => label);
  const { color, shape } = seriesChannels(name, labels, "marker");
  const strokeDash = {
    field: "kind",
    type: "nominal",
    scale: {
      domain: ["training", "validation"],
      range: [
        [1, 0],
        [5, 3],
      ],
    },
    legend:
      validation.length === 0
        ? null
        : {
            title: null,
            orient: "top",
            symbolType: "stroke",
            symbolStrokeColor: INK,
            symbolSize: 400,
            offset: 6,
          },
  };
  // Training losses are noisy: the validation losses should stand out from them.
  const faint = { test: "datum.kind === 'training'", value: 0.45 };
  const opacity = validation.length === 0 ? { value: 1 } : { condition: faint, value: 1 };
  return figure(title, describe(runs, unit), {
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...baselineLayers(baselines, y, yDomain),
      {
        data: { values: lines },
        mark: { type: "line", strokeWidth: 2 },
        encoding: { x, y, color, strokeDash, opacity },
      },
      {
        data: { values: markers(runs) },
        mark: { type: "point", filled: true, size: 60, opacity: 1 },
        encoding: { x, y, color, shape, tooltip: tooltip(x, y) },
      },
    ],
  });
}

/** Evenly chosen points, the first and the last among them. */
export function thin<T>(points: readonly T[], most: number): T[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]!);
}

/** A few points of each run carry its shape: of the validation loss where there is one. */
function markers(runs: readonly TrainingRun[]): Spec[] {
  return runs.flatMap(({ label, points }) => {
    const checked = thin(validated(points), MOST_MARKERS);
    return checked.length > 0
      ? checked.map((point) => record(label, "validation", point.step, point.validation))
      : thin(points, MOST_MARKERS).map((point) => record(label, "training", point.step, point.loss));
  });
}

function validated(points: readonly TrainingPoint[]): (TrainingPoint & { validation: number })[] {
  return points.filter(
    (point): point is TrainingPoint & { validation: number } => point.validation !== undefined,
  );
}

function record(series: string, kind: string, x: number, y: number) {
  return { series, kind, x, y: compact(y) };
}

function tooltip(x: Spec, y: Spec): Spec[] {
  return [
    { field: "series", type: "nominal", title: "run" },
    { field: "kind", type: "nominal", title: "data" },
    { field: "x", type: "quantitative", title: x.title, format: ",d" },
    { field: "y", type: "quantitative", title: y.title, format: ".4f" },
  ];
}

function check(
  name: string,
  runs: readonly TrainingRun[],
  baselines: readonly Baseline[],
  loss: AxisOptions,
): void {
  nonEmpty(name, "run", runs);
  distinct(
    name,
    "run",
    runs.map(({ label }) => label),
  );
  for (const { label, points } of runs) {
    nonEmpty(name, `point in run "${label}"`, points);
    for (const point of points) {
      drawable(name, { label: "step", unit: "optimizer updates" }, point.step, `run "${label}"`);
      drawable(name, loss, point.loss, `run "${label}" at step ${point.step}`);
      drawable(name, loss, point.validation ?? 0, `run "${label}" at step ${point.step}, validation`);
    }
  }
  for (const { label, value } of baselines) drawable(name, loss, value, `baseline "${label}"`);
}

function describe(runs: readonly TrainingRun[], unit: string): string {
  const curves = runs.map(({ label, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    const [, steps] = extent(points.map(({ step }) => step));
    const validation = validated(points).at(-1)?.validation;
    const held = validation === undefined ? "" : `, validation ${formatNumber(validation)}`;
    return `${label}: from ${formatNumber(first.loss)} to ${formatNumber(last.loss)} at step ${formatNumber(steps)}${held}`;
  });
  return `Line plot of loss (${unit}) against training step. ${curves.join("; ")}.`;
}
