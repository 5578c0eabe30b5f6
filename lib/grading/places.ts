/** Places in sources, as people read them: a picture of a line, and where in its source an error came from. */

import { SourceMap, type SourceMapPayload } from "node:module";
import type { Location } from "esbuild";

export interface Picture {
  /** "transformer.ts:12:5" */
  readonly at: string;
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly lineText: string;
  /** How much is marked. */
  readonly length: number;
}

/** `file:line:column: what is wrong`, the line, and a mark under the place. */
export function pictured(problem: string, picture: Picture): string {
  const { at, line, length } = picture;
  const { lineText, column } = clipped(picture.lineText, picture.column);
  const gutter = `  ${line} | `;
  // Tabs stay tabs, so that the mark lands under the place.
  const indent = " ".repeat(gutter.length) + lineText.slice(0, column - 1).replace(/[^\t]/g, " ");
  const marked = Math.max(1, Math.min(length, lineText.length - column + 1));
  return `${at}: ${problem}\n${gutter}${lineText}\n${indent}${"^".repeat(marked)}`;
}

const longest = 200;

/** The part around a column of a line that is too long to be shown, and the column in there. */
export function clipped(lineText: string, column: number): { lineText: string; column: number } {
  if (lineText.length <= longest) return { lineText, column };
  const start = Math.max(0, Math.min(column - 1 - longest / 2, lineText.length - longest));
  const before = start > 0 ? "…" : "";
  const after = start + longest < lineText.length ? "…" : "";
  const part = lineText.slice(start, start + longest);
  return { lineText: `${before}${part}${after}`, column: column - start + before.length };
}

/** esbuild counts columns in bytes, from 0. */
export function columnOf({ lineText, column }: Location): number {
  return Buffer.from(lineText).subarray(0, column).toString().length + 1;
}

/**
 * Reads positions in compiled code out of an error's stack, and maps the topmost one to its source.
 *
 * @param compiled how the compiled code is named in stacks.
 * @param place a source's name, line and column (from 1) as people see them.
 */
export function stackLocator(
  compiled: string,
  payload: SourceMapPayload,
  place: (source: string, line: number, column: number) => string,
): (error: unknown) => string | undefined {
  let map: SourceMap | undefined;
  return (error) => {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    for (const line of stack.split("\n")) {
      const at = line.indexOf(`${compiled}:`);
      const [, row, column] = /^:(\d+):(\d+)/.exec(line.slice(at + compiled.length)) ?? [];
      if (at < 0 || row === undefined) continue;
      map ??= new SourceMap(payload);
      const entry = map.findEntry(Number(row) - 1, Number(column) - 1);
      if (!("originalSource" in entry)) continue;
      return place(entry.originalSource, entry.originalLine + 1, entry.originalColumn + 1);
    }
    return undefined;
  };
}
