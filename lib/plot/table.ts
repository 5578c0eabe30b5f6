/** Comparison tables, measured beside paper: HTML for notebooks, Markdown for pages, aligned text for terminals. */

import { escapeHtml } from "../html.js";
import { ensure } from "../shapes.js";
import { distinct, nonEmpty } from "./check.js";
import type { TableFigure } from "./figure.js";
import { formatNumber, formatSi, siSymbol } from "./numbers.js";

export type Cell = string | number | boolean | null | undefined;

export interface Column {
  /** The property of each row that stands in this column. */
  readonly key: string;
  readonly label: string;
  /** Stands in the heading; bytes and FLOPs stand in each cell, with SI prefixes. */
  readonly unit?: string;
  /** Digits after the point; four significant digits unless given. */
  readonly digits?: number;
  /** Right for columns that hold numbers unless given. */
  readonly align?: "left" | "right";
}

export interface TableOptions {
  readonly title?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
}

/**
 * The table in its three dialects. What is missing (null, undefined) shows as –.
 *
 * @throws RangeError for no columns, two of one key, no rows, and a column whose key is in no row.
 */
export function comparisonTable({ title, columns, rows }: TableOptions): TableFigure {
  const name = "comparisonTable";
  nonEmpty(name, "column", columns);
  nonEmpty(name, "row", rows);
  distinct(
    name,
    "column",
    columns.map(({ key }) => key),
  );
  for (const { key } of columns) {
    ensure(
      rows.some((row) => key in row),
      `${name}: expected some row to have the column "${key}", got none`,
    );
  }
  const right = columns.map(({ key, align }) =>
    align === undefined ? rows.some((row) => typeof row[key] === "number") : align === "right",
  );
  const headings = columns.map(heading);
  const cells = rows.map((row) => columns.map((column) => cellText(row[column.key], column)));
  return {
    kind: "table",
    html: html(title, headings, cells, right),
    markdown: markdown(title, headings, cells, right),
    text: plain(title, headings, cells, right),
  };
}

/** `time (ms)`; units that take SI prefixes stand in the cells instead. */
function heading({ label, unit }: Column): string {
  return unit === undefined || siSymbol(unit) !== undefined ? label : `${label} (${unit})`;
}

function cellText(value: Cell, { unit = "", digits }: Column): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  const symbol = siSymbol(unit);
  return symbol === undefined ? formatNumber(value, { decimals: digits }) : formatSi(value, symbol);
}

/** So many characters of a title stand in one line, also above a narrow table. */
const ONE_LINE = 80;

type Rows = readonly (readonly string[])[];

// No colours: the page's own fit its light and dark themes.
function html(
  title: string | undefined,
  headings: readonly string[],
  cells: Rows,
  right: readonly boolean[],
): string {
  const style = (i: number) =>
    `style="text-align: ${right[i] ? "right; font-variant-numeric: tabular-nums" : "left"}"`;
  const caption =
    title === undefined
      ? ""
      : `<caption style="text-align: left; font-weight: bold; ${title.length <= ONE_LINE ? "white-space: nowrap" : ""}">${escapeHtml(title)}</caption>`;
  const head = headings.map((text, i) => `<th scope="col" ${style(i)}>${escapeHtml(text)}</th>`).join("");
  const body = cells.map(
    (row) => `<tr>${row.map((text, i) => `<td ${style(i)}>${escapeHtml(text)}</td>`).join("")}</tr>`,
  );
  return `<table>${caption}<thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function markdown(
  title: string | undefined,
  headings: readonly string[],
  cells: Rows,
  right: readonly boolean[],
): string {
  const line = (row: readonly string[]) => `| ${row.map(escapeMarkdown).join(" | ")} |`;
  const rule = `| ${right.map((isRight) => (isRight ? "---:" : "---")).join(" | ")} |`;
  const caption = title === undefined ? [] : [`**${escapeMarkdown(title)}**`, ""];
  return [...caption, line(headings), rule, ...cells.map(line)].join("\n");
}

function plain(
  title: string | undefined,
  headings: readonly string[],
  cells: Rows,
  right: readonly boolean[],
): string {
  const widths = headings.map((text, i) => Math.max(text.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, i) => (right[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [...(title === undefined ? [] : [title, ""]), line(headings), rule, ...cells.map(line)].join("\n");
}

/** `$` stays, so that a cell may hold a formula. */
function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_[\]|~#]/g, "\\$&")
    .replaceAll("<", "&lt;")
    .replaceAll("\n", " ");
}
