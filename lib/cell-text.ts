/**
 * Where in the reader's own text a piece of text stands: a kernel that knows its cells registers them here, as it does
 * with `setDisplayHost`; without one nothing is found.
 */

/** A text that was run, and what the reader calls it: `cell [7]`, or a file's absolute path. */
export interface OwnText {
  readonly label: string;
  readonly text: string;
}

// On globalThis, because a process may hold two copies of this module (compiled and source).
const key = Symbol.for("workbook.own-texts");
const globals = globalThis as unknown as Record<symbol, (() => Iterable<OwnText>) | undefined>;

/** Registers (or, with undefined, removes) the kernel's texts, in the order in which they were run. */
export function setOwnTexts(texts: (() => Iterable<OwnText>) | undefined): void {
  globals[key] = texts;
}

/** The latest of the reader's texts that holds `piece` as it is, and the line, counted from 1, on which it starts. */
export function findOwnText(
  piece: string,
): (OwnText & { readonly line: number; readonly column: number }) | undefined {
  const found = [...(globals[key]?.() ?? [])].findLast(({ text }) => text.includes(piece));
  if (found === undefined) return undefined;
  const before = found.text.slice(0, found.text.indexOf(piece)).split("\n");
  return { ...found, line: before.length, column: before.at(-1)!.length + 1 };
}
