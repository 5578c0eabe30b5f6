/** Offsets, lines and columns, and code frames. */

/** Counted from 1, as people and stacks count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

export function offsetAt(text: string, { line, column }: Position): number {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const next = text.indexOf("\n", start);
    if (next < 0) break;
    start = next + 1;
  }
  return start + column - 1;
}

/** The line, two before it and one after it, with a caret under the column. */
export function codeFrame(text: string, { line, column }: Position): string[] {
  const lines = text.split("\n");
  const first = Math.max(1, line - 2);
  const last = Math.min(lines.length, line + 1);
  const width = String(last).length;
  const frame: string[] = [];
  for (let n = first; n <= last; n++) {
    frame.push(`${n === line ? ">" : " "} ${String(n).padStart(width)} | ${lines[n - 1]}`);
    if (n !== line) continue;
    // Tabs stay tabs, so that the caret stands under its character.
    const indent = (lines[n - 1] ?? "").slice(0, column - 1).replace(/[^\t]/g, " ");
    frame.push(`  ${" ".repeat(width)} | ${indent}^`);
  }
  return frame;
}
