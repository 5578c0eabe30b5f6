/** Tables of text, RFC 4180. Texts that a spreadsheet would run as formulas get an apostrophe in front. */

import { stringify } from "csv-stringify/sync";

/** Spreadsheets run what starts with one of these, also in their full-width forms, and behind blanks. */
const formula = /^\s*[=+\-@\t\r＝＋－＠]/u;

/** @param rows texts and numbers; `undefined` is an empty cell. */
export function csv(
  header: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string {
  const cells = [header, ...rows].map((row) => row.map(cell));
  return stringify(cells, { record_delimiter: "\r\n" });
}

function cell(value: string | number | undefined): string {
  if (typeof value === "number") return String(value);
  if (value === undefined) return "";
  return formula.test(value) ? `'${value}` : value;
}
