/** Arrays of records as HTML tables. */

import { inspect } from "node:util";
import { escapeHtml } from "../../../html.js";
import { numberFormat } from "./numbers.js";

/** Longer tables show their first and last rows. */
const maxRows = 30;
const [firstRows, lastRows] = [10, 5];
const maxColumns = 20;
const digits = 5;

type Row = Readonly<Record<string, unknown>>;

/** An array of plain objects that share their keys, or nearly so: what people mean as a table. */
export function isRecords(value: object): value is readonly Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const rows = shownRows(value as unknown[]);
  if (!rows.every(isRow)) return false;
  const keys = Object.keys(rows[0] as Row);
  return keys.length > 0 && rows.every((row) => keys.some((key) => Object.hasOwn(row as Row, key)));
}

function isRow(row: unknown): row is Row {
  if (typeof row !== "object" || row === null) return false;
  const prototype: unknown = Object.getPrototypeOf(row);
  return prototype === null || prototype === Object.prototype;
}

function shownRows<T>(rows: readonly T[]): readonly T[] {
  return rows.length <= maxRows ? rows : [...rows.slice(0, firstRows), ...rows.slice(-lastRows)];
}

export function recordsHtml(records: readonly Row[]): string {
  const rows = shownRows(records);
  const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = all.slice(0, maxColumns).map((key) => columnOf(key, rows));
  const lines = rows.map((_, i) => line(columns.map(({ cells, align }) => tag("td", cells[i]!, align))));
  const hidden = records.length - rows.length;
  if (hidden > 0) lines.splice(firstRows, 0, line(columns.map(({ align }) => tag("td", "⋮", align))));
  const head = line(columns.map(({ key, align }) => tag("th", key, align)));
  const more = [
    hidden > 0 ? `${records.length} rows, ${hidden} of them not shown` : "",
    all.length > columns.length ? `${all.length - columns.length} more columns` : "",
  ].filter((part) => part !== "");
  const note = more.length > 0 ? `<p>${more.join("; ")}</p>` : "";
  return `<table><thead>${head}</thead><tbody>${lines.join("")}</tbody></table>${note}`;
}

interface Column {
  readonly key: string;
  readonly align: "left" | "right";
  /** One text for each row. */
  readonly cells: readonly string[];
}

function columnOf(key: string, rows: readonly Row[]): Column {
  const values = rows.map((row) => row[key]);
  const numbers = values.filter((value) => typeof value === "number");
  const format = numberFormat(numbers, digits);
  const cells = values.map((value) => {
    if (value === undefined) return "";
    if (typeof value === "number") return format(value);
    return typeof value === "string" ? value : inspect(value, { colors: false, depth: 1, breakLength: 80 });
  });
  const isNumeric = numbers.length > 0 || values.some((value) => typeof value === "bigint");
  return { key, align: isNumeric ? "right" : "left", cells };
}

function tag(name: "td" | "th", text: string, align: string): string {
  return `<${name} style="text-align: ${align}">${escapeHtml(text)}</${name}>`;
}

function line(cells: readonly string[]): string {
  return `<tr>${cells.join("")}</tr>`;
}
