/** Arrays of records as HTML tables. */

import { inspect } from "node:util";
import { escapeHtml } from "../../../html.js";

const maxRows = 60;
const maxColumns = 20;

type Row = Readonly<Record<string, unknown>>;

/** An array of plain objects that share their keys, or nearly so: what people mean as a table. */
export function isRecords(value: object): value is readonly Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const rows = value.slice(0, maxRows) as unknown[];
  if (!rows.every(isRow)) return false;
  const keys = Object.keys(rows[0] as Row);
  return keys.length > 0 && rows.every((row) => keys.some((key) => Object.hasOwn(row as Row, key)));
}

function isRow(row: unknown): row is Row {
  if (typeof row !== "object" || row === null) return false;
  const prototype: unknown = Object.getPrototypeOf(row);
  return prototype === null || prototype === Object.prototype;
}

export function recordsHtml(records: readonly Row[]): string {
  const rows = records.slice(0, maxRows);
  const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = all.slice(0, maxColumns);
  const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join("");
  const body = rows.map((row) => `<tr>${columns.map((column) => cell(row[column])).join("")}</tr>`).join("");
  const more = [
    records.length > rows.length ? `${records.length - rows.length} more rows` : "",
    all.length > columns.length ? `${all.length - columns.length} more columns` : "",
  ].filter((part) => part !== "");
  const note = more.length > 0 ? `<p>… ${more.join(", ")}</p>` : "";
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>${note}`;
}

function cell(value: unknown): string {
  if (value === undefined) return "<td></td>";
  const text =
    typeof value === "string" ? value : inspect(value, { colors: false, depth: 1, breakLength: 80 });
  const align = typeof value === "number" || typeof value === "bigint" ? ' style="text-align: right"' : "";
  return `<td${align}>${escapeHtml(text)}</td>`;
}
