/** Type errors as a cell's error: for each a sentence, and its place in the cell's own lines. */

import { codeFrame, dim, red } from "./code-frame.js";
import type { CellError, Diagnostic } from "./seams.js";

const shownErrors = 10;

/** @param found at least one. */
export function typeErrors(
  found: readonly Diagnostic[],
  { code, count }: { code: string; count: number },
): CellError {
  const [first] = found;
  const shown = found
    .slice(0, shownErrors)
    .flatMap((each, i) => [
      ...(i > 0 ? [""] : []),
      ...typeErrorFrame(each, code, `cell [${count}]:${each.line}:${each.column}`),
    ]);
  const more = found.length - shownErrors;
  if (more > 0) shown.push("", dim(`and ${more} more type error${more === 1 ? "" : "s"}`));
  return { ename: `TS${first!.code}`, evalue: first!.message, traceback: shown };
}

/** One error: its sentence, its place, and the lines around it. */
export function typeErrorFrame(each: Diagnostic, code: string, place: string): string[] {
  return [
    `${red(`TS${each.code}`)}: ${each.message}`,
    dim(place),
    ...codeFrame(code, { ...each, width: each.end - each.start }),
  ];
}
