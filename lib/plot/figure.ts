/** What a plot helper returns: a plain tagged object, not yet drawn. `bundle.ts` draws it, `show.ts` shows it. */

/** A JSON object: a Vega-Lite spec or a part of one. Plain on purpose, so that notebooks load no vega types. */
export type Spec = Readonly<Record<string, unknown>>;

/** A Vega-Lite 5 chart; `spec.description` says it in words. */
export interface VegaLiteFigure {
  readonly kind: "vega-lite";
  readonly spec: Spec;
}

/** A Plotly chart to turn and zoom, with a Vega-Lite picture of the same numbers for readers without Plotly. */
export interface PlotlyFigure {
  readonly kind: "plotly";
  readonly data: readonly Spec[];
  readonly layout: Spec;
  readonly still: VegaLiteFigure;
}

/** A table, in every dialect a reader may want. */
export interface TableFigure {
  readonly kind: "table";
  readonly html: string;
  readonly markdown: string;
  readonly text: string;
}

export type Figure = VegaLiteFigure | PlotlyFigure | TableFigure;
