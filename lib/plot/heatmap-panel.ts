/** One panel of a heatmap: its axes, and its cells as rectangles or, where they are many, as a raster. */

import type { CheckedMatrix } from "./check.js";
import type { Spec } from "./figure.js";
import { compact, formatNumber } from "./numbers.js";
import { mix, rasterUrl } from "./raster.js";
import { inkOn } from "./style.js";

export interface PanelOptions {
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly valueTitle: string;
  readonly rowLabels?: readonly string[];
  readonly columnLabels?: readonly string[];
}

/** What all panels of one heatmap share. */
export interface Layout {
  /** px */
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly raster: boolean;
  readonly domain: readonly [number, number];
  readonly colours: readonly string[];
  /** d3 format of the numbers in cells. */
  readonly format: string;
}

/** Cells this large have their number printed in them, px. */
const ROOM_FOR_NUMBER = 30;
/** Height of a line of labels, px. */
const LINE = 14;

/** The chart of one matrix; the row title stands only on the first of a row of panels. */
export function panelSpec(
  options: PanelOptions,
  matrix: CheckedMatrix,
  layout: Layout,
  first: boolean,
): Spec {
  const { rows, columns } = matrix;
  const { cellWidth, cellHeight, domain, colours } = layout;
  const axes = {
    x: {
      ...channel("column", columns, options.columnTitle, options.columnLabels, cellWidth),
      scale: { domain: [0, columns], nice: false },
    },
    y: {
      ...channel("row", rows, first ? options.rowTitle : null, options.rowLabels, cellHeight),
      scale: { domain: [rows, 0], nice: false },
    },
  };
  const color = {
    field: "value",
    type: "quantitative",
    scale: { domain, range: colours, interpolate: "rgb", clamp: true },
    legend: {
      title: options.valueTitle,
      titleLimit: 0,
      titleOrient: "right",
      titlePadding: 8,
      orient: "right",
      gradientLength: Math.max(80, Math.min(200, rows * cellHeight)),
      format: ",.4~g",
    },
  };
  const layer = layout.raster
    ? rasterLayers(matrix, layout, axes, color)
    : cellLayers(options, matrix, layout, axes, color);
  return { width: Math.round(columns * cellWidth), height: Math.round(rows * cellHeight), layer };
}

/** One of the two axes: ticks at the middle of cells, as many as have room. */
function channel(
  field: string,
  count: number,
  title: string | null,
  labels: readonly string[] | undefined,
  cell: number,
): Spec {
  const shown = labels?.map(visible);
  const longest = Math.max(...(shown ?? [formatNumber(count - 1)]).map((label) => 7 * label.length + 4));
  // Numbers may be left out between others, words may not: they are turned instead.
  const numbers = shown?.every((label) => /^[−\d.,e]+$/.test(label)) ?? true;
  const turned = field === "column" && !numbers && longest > cell;
  const room = field === "column" && numbers ? longest : LINE;
  const step = tickStep(room / cell);
  const values = Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step + 0.5);
  const labelExpr =
    shown === undefined ? "format(floor(datum.value), ',d')" : `${JSON.stringify(shown)}[floor(datum.value)]`;
  const axis = {
    values,
    labelExpr,
    grid: false,
    ticks: false,
    domain: false,
    labelPadding: 4,
    labelOverlap: false,
  };
  return { field, type: "quantitative", title, axis: turned ? { ...axis, labelAngle: -90 } : axis };
}

/** The least of 1, 2, 5, 10, 20, … that is not under `least`; powers of two suit no better, and read worse. */
function tickStep(least: number): number {
  for (let power = 1; ; power *= 10) {
    for (const mantissa of [1, 2, 5]) if (mantissa * power >= least) return mantissa * power;
  }
}

function cellLayers(
  options: PanelOptions,
  { columns, data }: CheckedMatrix,
  { cellWidth, cellHeight, domain, colours, format }: Layout,
  axes: { readonly x: Spec; readonly y: Spec },
  color: Spec,
): Spec[] {
  // Bare numbers, with their places worked out by Vega: a third of the size of records.
  const values = data.map(compact);
  const transform = [
    { window: [{ op: "row_number", as: "index" }] },
    { calculate: `floor((datum.index - 1) / ${columns})`, as: "row" },
    { calculate: `(datum.index - 1) % ${columns}`, as: "column" },
    // Each cell reaches a pixel under the next two, or seams would show where a pixel is not a device pixel.
    { calculate: `datum.row + 1 + ${1 / cellHeight}`, as: "below" },
    { calculate: `datum.column + 1 + ${1 / cellWidth}`, as: "right" },
    { calculate: "datum.data", as: "value" },
  ];
  const tooltip = [
    { field: "row", type: "quantitative", title: options.rowTitle },
    { field: "column", type: "quantitative", title: options.columnTitle },
    { field: "value", type: "quantitative", title: options.valueTitle },
  ];
  const cells = {
    mark: { type: "rect", aria: false, clip: true },
    encoding: { ...axes, x2: { field: "right" }, y2: { field: "below" }, color, tooltip },
  };
  const numbers = {
    transform: [
      { calculate: "datum.column + 0.5", as: "column" },
      { calculate: "datum.row + 0.5", as: "row" },
    ],
    mark: { type: "text", fontSize: 11, aria: false },
    encoding: {
      ...axes,
      text: { field: "value", type: "quantitative", format },
      color: { condition: { test: isDark(domain, colours), value: "#ffffff" }, value: "#000000" },
    },
  };
  const roomy = Math.min(cellWidth, cellHeight) >= ROOM_FOR_NUMBER;
  return [{ data: { values }, transform, layer: roomy ? [cells, numbers] : [cells] }];
}

/** A Vega expression: does the value stand on a colour that wants white text? */
function isDark([low, high]: readonly [number, number], colours: readonly string[]): string {
  const steps = 64;
  const white = (i: number) =>
    inkOn(`#${Buffer.from(mix(colours, i / steps)).toString("hex")}`) === "#ffffff";
  const wanted = Array.from({ length: steps + 1 }, (_, i) => (white(i) ? 1 : 0));
  const share = `clamp((datum.value - ${low}) / ${high - low}, 0, 1)`;
  return `${JSON.stringify(wanted)}[round(${steps} * ${share})] === 1`;
}

function rasterLayers(
  matrix: CheckedMatrix,
  { domain, colours, cellWidth, cellHeight }: Layout,
  { x, y }: { readonly x: Spec; readonly y: Spec },
  color: Spec,
): Spec[] {
  const { rows, columns } = matrix;
  const corners = { column: 0, row: 0, right: columns, below: rows };
  const url = rasterUrl(matrix, domain, colours);
  return [
    {
      data: { values: [corners] },
      // Enlarged cells keep sharp edges; a matrix with more cells than pixels is averaged.
      mark: { type: "image", aria: false, aspect: false, smooth: Math.min(cellWidth, cellHeight) < 1, url },
      encoding: { x, y, x2: { field: "right" }, y2: { field: "below" } },
    },
    {
      // Nothing to see: it brings the colour scale, whose legend the picture needs.
      data: { values: [{ ...corners, value: domain[0] }] },
      mark: { type: "point", size: 0, opacity: 0, aria: false },
      encoding: { x, y, color },
    },
  ];
}

/** A text's spaces and line ends are characters too: `␣` and `⏎`. */
function visible(label: string): string {
  return label.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replace(/^ | $/g, "␣");
}
