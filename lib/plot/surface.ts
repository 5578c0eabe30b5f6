/**
 * Pictures to turn and zoom, by Plotly: JupyterLab draws them offline with the extension in Python's `plotly`
 * package, VS Code by itself. Every other reader sees the still heatmap of the same numbers.
 */

import { ensure } from "../shapes.js";
import { type AxisOptions, axisTitle, extent } from "./axis.js";
import { type CheckedMatrix, checkMatrix, drawable, type Matrix } from "./check.js";
import type { PlotlyFigure, Spec } from "./figure.js";
import { colourDomain, type HeatmapOptions, heatmap } from "./heatmap.js";
import { compact, formatNumber } from "./numbers.js";
import { COLOUR_SCALES, FONT, GREY, INK, PAPER } from "./style.js";

/** An axis whose values may be given: positions 0, 1, 2, … unless they are. */
export interface SurfaceAxis extends Pick<AxisOptions, "label" | "unit"> {
  readonly values?: ArrayLike<number>;
}

export interface SurfacePlotOptions {
  readonly title: string;
  /** Heights: row i stands at the i-th value of y, column j at the j-th of x. */
  readonly z: Matrix;
  readonly x: SurfaceAxis;
  readonly y: SurfaceAxis;
  readonly height: Pick<AxisOptions, "label" | "unit">;
  readonly scale?: HeatmapOptions["scale"];
}

/**
 * A surface in three dimensions.
 *
 * @throws RangeError for an empty or ragged matrix, values that are not finite, and axis values that are not as
 * many as the columns (x) or rows (y).
 */
export function surfacePlot({
  title,
  z,
  x,
  y,
  height,
  scale = "sequential",
}: SurfacePlotOptions): PlotlyFigure {
  const name = "surfacePlot";
  const matrix = checkMatrix(name, z, "z");
  const [xs, ys] = [axisValues(name, "x", x, matrix.columns), axisValues(name, "y", y, matrix.rows)];
  const [xTitle, yTitle, zTitle] = [axisTitle(name, x), axisTitle(name, y), axisTitle(name, height)];
  const still = heatmap({
    title,
    // Turned over: y grows upwards here, and rows run downwards there.
    values: toRows(matrix).reverse(),
    rowTitle: yTitle,
    columnTitle: xTitle,
    valueTitle: zTitle,
    rowLabels: ys.map((value) => formatNumber(value)).reverse(),
    columnLabels: xs.map((value) => formatNumber(value)),
    scale,
  });
  const surface = {
    type: "surface",
    x: xs,
    y: ys,
    z: toRows(matrix),
    ...colouring(matrix, scale, zTitle),
    // A net of lines, or the pale middle of a scale would vanish against the paper.
    contours: { x: netLines(xs), y: netLines(ys) },
    lighting: { ambient: 0.85, diffuse: 0.5, specular: 0.05 },
    hovertemplate: `${escapeText(x.label)} %{x}<br>${escapeText(y.label)} %{y}<br>${escapeText(height.label)} %{z}<extra></extra>`,
  };
  const scene = {
    xaxis: wall(xTitle),
    yaxis: wall(yTitle),
    zaxis: wall(zTitle),
    // A step back from Plotly's own place, which cuts off the axis labels in front.
    camera: { eye: { x: 1.45, y: 1.45, z: 1.05 }, center: { x: 0, y: 0, z: -0.12 } },
  };
  return { kind: "plotly", data: [surface], layout: layout(title, 640, 520, { scene }), still };
}

function wall(title: string): Spec {
  return {
    ...plotlyAxis(title),
    nticks: 6,
    showbackground: true,
    backgroundcolor: "#f4f4f4",
    gridcolor: "#d0d0d0",
  };
}

/** Lines on the surface where one of the two axes is constant, about sixteen of them. */
function netLines(values: readonly number[]): Spec {
  const [start, end] = extent(values);
  return { show: true, start, end, size: (end - start) / 16 || 1, color: GREY, width: 1, highlight: false };
}

export interface ZoomHeatmapOptions extends Omit<HeatmapOptions, "panels" | "values"> {
  readonly values: Matrix;
}

/**
 * A heatmap to zoom into, for matrices too large to read at once.
 *
 * @throws RangeError as `heatmap` does.
 */
export function zoomHeatmap(options: ZoomHeatmapOptions): PlotlyFigure {
  const { title, values, rowTitle, columnTitle, valueTitle, rowLabels, columnLabels, scale, domain } =
    options;
  const still = heatmap(options);
  const matrix = checkMatrix("zoomHeatmap", values);
  const cells = {
    type: "heatmap",
    z: toRows(matrix),
    ...colouring(matrix, scale ?? "sequential", valueTitle, domain),
    hovertemplate: `${escapeText(rowTitle)} %{y}<br>${escapeText(columnTitle)} %{x}<br>${escapeText(valueTitle)} %{z}<extra></extra>`,
  };
  const axes = {
    xaxis: { ...plotlyAxis(columnTitle), ...ticks(columnLabels), constrain: "domain" },
    // Row 0 on top, cells square.
    yaxis: { ...plotlyAxis(rowTitle), ...ticks(rowLabels), autorange: "reversed", scaleanchor: "x" },
  };
  return { kind: "plotly", data: [cells], layout: layout(title, 640, 560, axes), still };
}

function axisValues(name: string, which: string, axis: SurfaceAxis, count: number): number[] {
  if (axis.values === undefined) return Array.from({ length: count }, (_, i) => i);
  const values = Array.from(axis.values, compact);
  ensure(values.length === count, `${name}: expected ${count} values for ${which}, got ${values.length}`);
  values.forEach((value, i) => {
    drawable(name, axis, value, `${which}, value ${i + 1}`);
  });
  return values;
}

function toRows({ rows, columns, data }: CheckedMatrix): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    data.slice(row * columns, (row + 1) * columns).map(compact),
  );
}

function colouring(
  matrix: CheckedMatrix,
  scale: "sequential" | "diverging",
  title: string,
  domain: readonly [number, number] = colourDomain([matrix], scale),
): Spec {
  const colours = COLOUR_SCALES[scale];
  const colorbar = {
    title: { text: escapeText(title), side: "right" },
    thickness: 16,
    len: 0.75,
    outlinewidth: 0,
  };
  const colorscale = colours.map((colour, i) => [i / (colours.length - 1), colour]);
  // Plotly names the ends after z in heatmaps and after c in surfaces, and ignores the other pair.
  const [low, high] = domain.map(compact);
  return { colorscale, colorbar, zmin: low, zmax: high, cmin: low, cmax: high };
}

function layout(title: string, width: number, height: number, parts: Spec): Spec {
  return {
    title: { text: escapeText(title), x: 0.02, xanchor: "left", font: { size: 16 } },
    width,
    height,
    margin: { l: 60, r: 20, t: 50, b: 50 },
    paper_bgcolor: PAPER,
    plot_bgcolor: PAPER,
    font: { family: FONT, size: 12, color: INK },
    ...parts,
  };
}

function plotlyAxis(title: string): Spec {
  return { title: { text: escapeText(title) } };
}

function ticks(labels: readonly string[] | undefined): Spec {
  return labels === undefined
    ? {}
    : { tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels.map(escapeText) };
}

/** Plotly reads a little HTML in every text. */
function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
