/** A picture of the line that is wrong, for tracebacks. */

const linesBefore = 2;
const linesAfter = 1;

export const red = (text: string): string => `\u001B[31m${text}\u001B[39m`;
/** A grey of middle brightness: JupyterLab shows neither "dim" nor a bright black that can be read on both its themes. */
export const dim = (text: string): string => `\u001B[38;5;244m${text}\u001B[39m`;

/** An error's property of this name is its picture, in lines: it stands in the traceback in place of the stack. */
export const codeFrameKey: unique symbol = Symbol.for("workbook.code-frame");

/** What is wrong; line and column are counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** Characters, of which those on the same line are marked. */
  readonly width?: number;
}

/** The line, those around it, and carets under what is wrong. */
export function codeFrame(text: string, { line, column, width = 1 }: Place): string[] {
  const lines = text.split("\n");
  const first = Math.max(1, line - linesBefore);
  const last = Math.min(lines.length, line + linesAfter);
  const digits = String(last).length;
  return lines.slice(first - 1, last).flatMap((shown, i) => {
    const number = String(first + i).padStart(digits);
    if (first + i !== line) return [`${dim(`  ${number} |`)} ${shown}`];
    // Tabs stay tabs, so that the carets stand under what they mark.
    const indent = shown.slice(0, column - 1).replace(/[^\t]/g, " ");
    const carets = "^".repeat(Math.max(1, Math.min(width, shown.trimEnd().length - column + 1)));
    return [
      `${red(`> ${number} |`)} ${shown}`,
      `${dim(`  ${" ".repeat(digits)} |`)} ${indent}${red(carets)}`,
    ];
  });
}
