/** Matrices as colours: attention patterns, kernels, states. */

import { ensure } from "../shapes.js";
import { extent } from "./axis.js";
import { type CheckedMatrix, checkMatrix, type Matrix, nonEmpty } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";
import { type Layout, panelSpec } from "./heatmap-panel.js";
import { formatNumber } from "./numbers.js";
import { COLOUR_SCALES, figure } from "./style.js";

export interface HeatmapOptions {
  readonly title: string;
  /** One matrix; or use `panels`. */
  readonly values?: Matrix;
  /** Several matrices side by side under one colour scale, one for each head, say. */
  readonly panels?: readonly { readonly title: string; readonly values: Matrix }[];
  /** What a row is: `query position`. */
  readonly rowTitle: string;
  readonly columnTitle: string;
  /** What a colour is, with its unit: `attention weight (probability)`. */
  readonly valueTitle: string;
  /** One for each row and column; counted from 0 unless given. White space in them is made visible. */
  readonly rowLabels?: readonly string[];
  readonly columnLabels?: readonly string[];
  /** `diverging` for values of both signs: white is 0. */
  readonly scale?: "sequential" | "diverging";
  /** Values of the two end colours, those outside being clamped; taken from the data unless given. */
  readonly domain?: readonly [number, number];
}

/** The inner size a panel aims at, px, by the number of panels. */
const PANEL_SIZES = [340, 250, 200, 160] as const;
const MOST_IN_A_ROW = 4;
/** With more cells than this in all, the picture is a raster: small, but without tooltips. */
const MOST_CELLS = 4096;
/** Least height of a cell that shows its label, px, and the size that a panel may grow to for its labels. */
const LABEL_CELL = 14;
const MOST_FOR_LABELS = 560;

/**
 * One matrix or several, row 0 on top. Matrices of few cells have their numbers printed in the cells.
 *
 * @throws RangeError for no matrix, an empty or ragged one, a value that is not finite (named by row and column),
 * and labels that are not as many as the rows or columns.
 */
export function heatmap(options: HeatmapOptions): VegaLiteFigure {
  const { title, values, panels = values === undefined ? [] : [{ title: "", values }] } = options;
  nonEmpty("heatmap", "matrix", panels);
  const matrices = panels.map((panel) => checkMatrix("heatmap", panel.values, panel.title || "values"));
  const layout = layOut(options, matrices);
  const charts = matrices.map((matrix, i) => {
    checkLabels(options, matrix);
    const heading =
      panels[i]!.title === "" ? {} : { title: { text: panels[i]!.title, fontSize: 13, offset: 6 } };
    return { ...heading, ...panelSpec(options, matrix, layout, i % MOST_IN_A_ROW === 0) };
  });
  const description = describe(options, matrices);
  if (charts.length === 1) {
    const [{ title: heading, ...chart }] = charts as [Spec];
    return figure(heading === undefined ? title : `${title}: ${panels[0]!.title}`, description, chart);
  }
  return figure(title, description, {
    concat: charts,
    columns: MOST_IN_A_ROW,
    spacing: 16,
    resolve: { scale: { color: "shared" } },
  });
}

function layOut(options: HeatmapOptions, matrices: readonly CheckedMatrix[]): Layout {
  const { scale = "sequential", domain } = options;
  const size = PANEL_SIZES[Math.min(matrices.length, PANEL_SIZES.length) - 1]!;
  const [rows, columns] = [extent(matrices.map((m) => m.rows))[1], extent(matrices.map((m) => m.columns))[1]];
  // Whole pixels, or neighbouring cells would show seams; but never so many that the picture outgrows its place.
  const fit = (count: number) => (count > size ? size / count : Math.min(48, Math.floor(size / count)));
  const labelled = options.rowLabels !== undefined || options.columnLabels !== undefined;
  const grow = labelled && Math.max(rows, columns) * LABEL_CELL <= MOST_FOR_LABELS && matrices.length === 1;
  const cell = Math.max(Math.min(fit(rows), fit(columns)), grow ? LABEL_CELL : 0);
  const cells = matrices.reduce((sum, m) => sum + m.rows * m.columns, 0);
  const [low, high] = domain ?? colourDomain(matrices, scale);
  ensure(
    low < high && Number.isFinite(high - low),
    `heatmap: expected a rising domain, got ${low} to ${high}`,
  );
  return {
    cellWidth: Math.max(cell, Math.min(fit(columns), 24 / columns)),
    cellHeight: Math.max(cell, Math.min(fit(rows), 24 / rows)),
    raster: cells > MOST_CELLS,
    domain: [low, high],
    colours: COLOUR_SCALES[scale],
    format: numberFormat(matrices),
  };
}

/** The values of the end colours: those of the data, or for a diverging scale as far from 0 on both sides. */
export function colourDomain(
  matrices: readonly CheckedMatrix[],
  scale: "sequential" | "diverging",
): [number, number] {
  const [low, high] = extent(matrices.flatMap(({ data }) => extent(data)));
  if (scale === "diverging") {
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return [-most, most];
  }
  // A constant matrix still needs a scale of some length.
  return low === high ? [low, low + (Math.abs(low) || 1)] : [low, high];
}

function numberFormat(matrices: readonly CheckedMatrix[]): string {
  if (matrices.every(({ data }) => data.every(Number.isInteger))) return "d";
  const most = Math.max(...matrices.flatMap(({ data }) => extent(data).map(Math.abs)));
  return most >= 100 ? ".0f" : most >= 10 ? ".1f" : most >= 0.1 ? ".2f" : ".1e";
}

function checkLabels({ rowLabels, columnLabels }: HeatmapOptions, { rows, columns }: CheckedMatrix): void {
  for (const [what, labels, count] of [
    ["row", rowLabels, rows],
    ["column", columnLabels, columns],
  ] as const) {
    const fine = labels === undefined || labels.length === count;
    ensure(fine, `heatmap: expected ${count} ${what} labels, one for each, got ${labels?.length}`);
  }
}

function describe(options: HeatmapOptions, matrices: readonly CheckedMatrix[]): string {
  const [low, high] = extent(matrices.flatMap(({ data }) => extent(data)));
  const { rows, columns } = matrices[0]!;
  const panels = (options.panels ?? []).map(({ title }) => title).join(", ");
  return [
    `Heatmap of ${options.valueTitle}, from ${formatNumber(low)} to ${formatNumber(high)}:`,
    `${rows} rows (${options.rowTitle}) by ${columns} columns (${options.columnTitle})`,
    panels === "" ? "" : `in ${matrices.length} panels: ${panels}`,
  ]
    .join(" ")
    .trim()
    .concat(".");
}
