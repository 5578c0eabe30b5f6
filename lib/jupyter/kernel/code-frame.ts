/** Type errors as a cell's error: for each a sentence, and its place in the cell's own lines. */

import type { CellError, Diagnostic } from "./seams.js";

const red = (text: string) => `\u001B[31m${text}\u001B[39m`;
const grey = (text: string) => `\u001B[90m${text}\u001B[39m`;
const shownErrors = 10;
const linesAround = 1;

/** @param found at least one. */
export function typeErrors(
  found: readonly Diagnostic[],
  { code, count }: { code: string; count: number },
): CellError {
  const [first] = found;
  const shown = found.slice(0, shownErrors).flatMap((each) => [...frame(each, code, count), ""]);
  const more = found.length - shownErrors;
  if (more > 0) shown.push(grey(`and ${more} more type error${more === 1 ? "" : "s"}`));
  return { ename: `TS${first!.code}`, evalue: first!.message, traceback: trimmed(shown) };
}

function frame(each: Diagnostic, code: string, count: number): string[] {
  const lines = code.split("\n");
  const at = each.line - 1;
  const width = Math.max(1, Math.min(each.end, lineEnd(code, each.start)) - each.start);
  const numbers = String(Math.min(lines.length, at + 1 + linesAround)).length;
  const framed = lines.flatMap((line, i) => {
    if (Math.abs(i - at) > linesAround) return [];
    const number = `${String(i + 1).padStart(numbers)} │ `;
    const text = `${i === at ? red(number) : grey(number)}${line}`;
    if (i !== at) return [text];
    // Tabs stay tabs, so that the marks stand under what they mark.
    const indent = line.slice(0, each.column - 1).replace(/[^\t]/g, " ");
    return [text, `${grey(`${" ".repeat(numbers)} │ `)}${indent}${red("~".repeat(width))}`];
  });
  const place = grey(`cell [${count}]:${each.line}:${each.column}`);
  return [`${red(`TS${each.code}`)}: ${each.message}`, `    at ${place}`, ...framed];
}

function lineEnd(code: string, from: number): number {
  const end = code.indexOf("\n", from);
  return end < 0 ? code.length : end;
}

function trimmed(lines: string[]): string[] {
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
