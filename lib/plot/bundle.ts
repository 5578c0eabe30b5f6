/** Draws figures: a MIME bundle for notebooks, an SVG for files. Vega is loaded only here, and only when needed. */

import { writeFile } from "node:fs/promises";
import type { TopLevelSpec } from "vega-lite";
import type { MimeBundle } from "../display.js";
import { escapeHtml } from "../html.js";
import type { Figure, PlotlyFigure, VegaLiteFigure } from "./figure.js";

/**
 * Everything a reader may draw. JupyterLab picks the live chart over the SVG of the same bundle; GitHub and HTML
 * exports pick the SVG; a terminal prints `text/plain`.
 */
export async function toBundle(figure: Figure): Promise<MimeBundle> {
  const live = liveBundle(figure);
  return figure.kind === "table" ? live : { ...live, "image/svg+xml": await toSvg(figure) };
}

/** The bundle without its SVG, which takes a tenth of a second to draw: for what will soon be replaced. */
export function liveBundle(figure: Figure): MimeBundle {
  const text = { "text/plain": plainText(figure) };
  switch (figure.kind) {
    case "table":
      return { "text/html": figure.html, "text/markdown": figure.markdown, ...text };
    case "plotly":
      return { "application/vnd.plotly.v1+json": { data: figure.data, layout: figure.layout }, ...text };
    case "vega-lite":
      return { "application/vnd.vegalite.v5+json": figure.spec, ...text };
  }
}

/** The figure in words: a chart's description, a table's plain text. */
export function plainText(figure: Figure): string {
  if (figure.kind === "table") return figure.text;
  return String(stillOf(figure).spec.description ?? "");
}

/** The figure as an SVG document; a Plotly figure gives its still picture. */
export async function toSvg(figure: VegaLiteFigure | PlotlyFigure): Promise<string> {
  const { spec } = stillOf(figure);
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  measureText((vega as unknown as { textMetrics: TextMetrics }).textMetrics);
  // A copy, because Vega marks the data as its own.
  const copy = structuredClone(spec) as unknown as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(copy).spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    return svg.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(plainText(figure))}" `);
  } finally {
    view.finalize();
  }
}

/** Writes the figure's SVG to a file. */
export async function saveSvg(figure: VegaLiteFigure | PlotlyFigure, file: string): Promise<void> {
  await writeFile(file, `${await toSvg(figure)}\n`);
}

function stillOf(figure: VegaLiteFigure | PlotlyFigure): VegaLiteFigure {
  return figure.kind === "plotly" ? figure.still : figure;
}

interface TextMetrics {
  width: (item: { fontSize?: number }, text: unknown) => number;
}

/**
 * Without a canvas Vega takes every letter to be 0.8 of the font size wide, which pushes axis titles and legend
 * columns apart. Classes of letters, rounded up from Helvetica's widths, come within a few percent.
 */
function measureText(metrics: TextMetrics): void {
  metrics.width = ({ fontSize = 11 }, text) => {
    let width = 0;
    for (const letter of String(text ?? "")) {
      if (/[ijl.,:;'|!()[\] ft]/.test(letter)) width += 0.32;
      else if (/[A-Z@%mwM∝≈√]/.test(letter)) width += 0.76;
      else width += 0.58;
    }
    return width * fontSize;
  };
}
