/** What the tests of plots share: compiling with warnings collected, and counting the marks of a drawing. */

import * as vegaLite from "vega-lite";
import type { Figure, Spec } from "workbook/plot/figure";

/** The spec that a figure draws, a Plotly figure's still picture included. */
export function specOf(figure: Figure): Spec {
  if (figure.kind === "table") throw new Error("a table has no spec");
  return figure.kind === "plotly" ? figure.still.spec : figure.spec;
}

/** Everything Vega-Lite complains about while compiling. */
export function warningsOf(figure: Figure): string[] {
  const warnings: string[] = [];
  const collect = (...message: readonly unknown[]) => {
    warnings.push(message.join(" "));
    return logger;
  };
  const logger = {
    level: () => logger,
    error: collect,
    warn: collect,
    info: () => logger,
    debug: () => logger,
  };
  vegaLite.compile(specOf(figure) as unknown as vegaLite.TopLevelSpec, {
    logger: logger as unknown as NonNullable<Parameters<typeof vegaLite.compile>[1]>["logger"],
  });
  return warnings;
}

/** How many marks of a kind (`symbol`, `line`, `rect`, `rule`, `text`, `area`, `image`) an SVG holds. */
export function marksIn(svg: string, kind: string): number {
  const groups = svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^"]*"[^>]*>(.*?)</g>`, "gs"));
  return [...groups].reduce(
    (sum, [, content]) => sum + content!.match(/<(path|text|line|image)[ >]/g)!.length,
    0,
  );
}

/** A layer or panel as loosely typed JSON, for tests to look into. */
export interface Layer {
  readonly data: { readonly values: readonly Readonly<Record<string, unknown>>[] };
  readonly mark: Readonly<Record<string, unknown>>;
  readonly transform?: readonly Spec[];
  readonly encoding: Readonly<Record<string, Channel>>;
  readonly layer?: readonly Layer[];
  readonly concat?: readonly Layer[];
  readonly width: number;
  readonly height: number;
}

export interface Channel {
  readonly field?: string;
  readonly type?: string;
  readonly value?: unknown;
  readonly title?: string | null;
  readonly scale: Readonly<Record<string, unknown>>;
  readonly axis: Readonly<Record<string, unknown>>;
  readonly legend: Readonly<Record<string, unknown>> | null;
}

/** The innermost layers, in drawing order, with the data that they inherit. */
export function layersOf(figure: Figure): Layer[] {
  const open = (outer: Layer): Layer[] =>
    (outer.layer ?? outer.concat)?.flatMap((inner) => open({ ...inner, data: inner.data ?? outer.data })) ?? [
      { ...outer, encoding: outer.encoding ?? {} },
    ];
  return open(specOf(figure) as unknown as Layer);
}

/** The first layer with this mark. */
export function layer(figure: Figure, mark: string, index = 0): Layer {
  const found = layersOf(figure).filter((candidate) => candidate.mark.type === mark)[index];
  if (found === undefined) throw new Error(`no ${mark} layer ${index}`);
  return found;
}

/** Every value under the key, anywhere in the spec. */
export function everywhere(spec: unknown, key: string): unknown[] {
  if (typeof spec !== "object" || spec === null) return [];
  return Object.entries(spec).flatMap(([name, value]) => [
    ...(name === key ? [value] : []),
    ...everywhere(value, key),
  ]);
}
