/**
 * One look for every picture: colours that colour-blind readers can tell apart, and that are told apart without
 * colour too, by shape and dash. Opaque white ground and dark text, so that dark themes and exports show the same.
 *
 * Categorical colours: Okabe and Ito, "Color Universal Design" (2008), without yellow, which is faint on white.
 * Sequential: viridis (van der Walt and Smith, matplotlib). Diverging: blue, white, red (ColorBrewer RdBu).
 */

import { distinct } from "./check.js";
import type { Spec, VegaLiteFigure } from "./figure.js";

/** Size of a plot's inner rectangle, px. */
export const WIDTH = 560;
export const HEIGHT = 340;

export const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"] as const;
const DASHES = [
  [1, 0],
  [8, 3],
  [2, 2],
  [10, 3, 2, 3],
  [5, 2],
  [12, 4],
  [3, 4],
] as const;
const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-right",
] as const;

/** What is not data: references, baselines, rules. */
export const GREY = "#6b6b6b";
export const INK = "#222222";
export const PAPER = "#ffffff";
const GRID = "#e3e3e3";
export const FONT = "Helvetica, Arial, sans-serif";

/** Colours at even steps of a scale, mixed in RGB between them: the same in Vega, in Plotly and in a raster. */
export const COLOUR_SCALES = {
  sequential: [
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
  ],
  diverging: [
    "#053061",
    "#2166ac",
    "#4393c3",
    "#92c5de",
    "#d1e5f0",
    "#f7f7f7",
    "#fddbc7",
    "#f4a582",
    "#d6604d",
    "#b2182b",
    "#67001f",
  ],
} as const;

// Every colour that a dark theme would change is stated, so that none changes against the white ground.
const config: Spec = {
  font: FONT,
  title: { anchor: "start", fontSize: 15, fontWeight: 600, color: INK, subtitleColor: INK, offset: 12 },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 500,
    titlePadding: 8,
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: GRID,
  },
  legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, labelColor: INK, titleColor: INK },
  style: { "guide-label": { fill: INK }, "guide-title": { fill: INK }, cell: { stroke: GRID } },
  text: { color: INK, fontSize: 12 },
};

/** Wraps the parts of a chart in what all charts share. */
export function figure(title: string, description: string, parts: Spec): VegaLiteFigure {
  return {
    kind: "vega-lite",
    spec: {
      $schema: "https://vega.github.io/schema/vega-lite/v5.json",
      description: `${title}. ${description}`.replace(/\s+/g, " "),
      title,
      background: PAPER,
      config,
      ...parts,
    },
  };
}

export interface SeriesChannels {
  readonly color: Spec;
  readonly strokeDash: Spec;
  readonly shape: Spec;
}

/**
 * Vega-Lite merges legends whose scales have one domain, and would draw a legend's markers dashed. Where the
 * legend shows markers, the dashes therefore go by this field, whose values are the series' with a suffix.
 */
export const DASH_FIELD: Spec = { calculate: "datum.series + ' dash'", as: "dash" };

/**
 * Colour, dash and shape for labelled series, by the field `series`, with one legend under the plot. `symbols` says
 * what the legend shows: the markers, or, where there are none, the dashes, or a square of the fill. With markers,
 * layers that use `strokeDash` need `DASH_FIELD` among their transforms.
 */
export function seriesChannels(
  name: string,
  labels: readonly string[],
  symbols: "marker" | "dash" | "fill",
): SeriesChannels {
  distinct(name, "series", labels);
  const longest = Math.max(...labels.map((label) => label.length));
  const legend = {
    title: null,
    orient: "bottom",
    columns: Math.max(1, Math.min(labels.length, Math.floor(WIDTH / (7 * longest + 40)))),
    labelLimit: 0,
    symbolSize: symbols === "dash" ? 400 : 80,
    ...(symbols === "marker" ? {} : { symbolType: symbols === "dash" ? "stroke" : "square" }),
    symbolOpacity: 1,
    rowPadding: 4,
    columnPadding: 20,
  };
  // Beyond the palette, colours come back with other shapes and dashes than the first time.
  const turn = (i: number, range: readonly unknown[]) =>
    range === PALETTE ? 0 : Math.floor(i / range.length);
  const channel = (range: readonly unknown[], shown: boolean) => ({
    field: "series",
    type: "nominal",
    scale: { domain: labels, range: labels.map((_, i) => range[(i + turn(i, range)) % range.length]) },
    legend: shown ? legend : null,
  });
  const dash = channel(DASHES, symbols === "dash");
  const apart = {
    ...dash,
    field: "dash",
    scale: { ...dash.scale, domain: labels.map((label) => `${label} dash`) },
  };
  return {
    color: channel(PALETTE, true),
    strokeDash: symbols === "dash" ? dash : apart,
    shape: channel(SHAPES, true),
  };
}

/** Dark text on light colours and white on dark ones, by relative luminance. */
export function inkOn(hex: string): string {
  const [r, g, b] = rgb(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 128 ? "#000000" : "#ffffff";
}

/** `#rrggbb` → three numbers from 0 to 255. */
export function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
