/** What the language server found, as people read it, and the exercises that it costs. */

import { stripVTControlCharacters } from "node:util";
import { positionAt } from "../../jupyter/kernel/session/positions.js";
import { typeErrorFrame } from "../../jupyter/kernel/type-errors.js";
import { lineStarts, offsetAt } from "../../jupyter/kernel/types/positions.js";
import type { Position } from "../../jupyter/kernel/types/server.js";
import { clipped } from "../places.js";
import type { ModuleExports } from "./exports.js";
import type { Submission } from "./submission.js";

export interface TypeProblem {
  /** The exercise that it costs; absent where it is in none of them. */
  readonly exercise?: string;
  /** Sentence, place and lines, without colours. */
  readonly frame: string;
}

export interface LspDiagnostic {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly severity?: number;
  readonly code?: number;
  readonly message: string;
}

interface Problem {
  readonly code: number;
  readonly message: string;
  /** In the module's text. */
  readonly start: number;
  readonly end: number;
}

const mostLookedAt = 1000;
const mostFrames = 5;

/**
 * @param found in the submission's text and, below it, a line of imports and one line for each of `asked`.
 * @returns one problem at most for each exercise and for the file.
 */
export function typeProblems(
  found: readonly LspDiagnostic[],
  submission: Submission,
  exports: ModuleExports,
  asked: readonly string[],
): TypeProblem[] {
  const starts = lineStarts(submission.text);
  const problems = new Map<string | undefined, Problem[]>();
  const report = (exercise: string | undefined, problem: Problem) => {
    const list = problems.get(exercise) ?? [];
    list.push(problem);
    problems.set(exercise, list);
  };
  const inOrder = [...found].sort((a, b) => a.range.start.line - b.range.start.line);
  for (const { range, code = 0, message } of inOrder.slice(0, mostLookedAt)) {
    const below = range.start.line - starts.length;
    if (below >= 0) {
      const name = asked[below - 1];
      if (name === undefined) continue;
      report(name, { code, message: wrongType(name, message), ...exports.places.get(name)! });
      continue;
    }
    const [start, end] = [offsetAt(starts, range.start), offsetAt(starts, range.end)];
    const owners = exports.owners(start).filter((name) => asked.includes(name));
    for (const owner of owners.length === 0 ? [undefined] : owners)
      report(owner, { code, message, start, end });
  }
  const ranked = [...problems].sort(([a], [b]) => rank(a, asked) - rank(b, asked));
  return ranked.map(([exercise, list]) => {
    const more = list.length - mostFrames;
    const frames = list.slice(0, mostFrames).map((problem) => frameOf(submission, problem));
    const rest = more > 0 ? [`and ${more} more type error${more === 1 ? "" : "s"}`] : [];
    return { ...(exercise !== undefined && { exercise }), frame: [...frames, ...rest].join("\n\n") };
  });
}

/** The file's problems first, then the exercises' in their order. */
function rank(exercise: string | undefined, asked: readonly string[]): number {
  return exercise === undefined ? -1 : asked.indexOf(exercise);
}

/** "Type 'A' does not satisfy the expected type 'B'.", in the order in which readers look for it. */
function wrongType(name: string, message: string): string {
  const [, got, expected, rest] =
    /^Type '([^\n]*)' does not satisfy the expected type '([^\n]*)'\.(.*)$/s.exec(message) ?? [];
  return got === undefined ? `${name}: ${message}` : `${name}: expected ${expected}, got ${got}${rest}`;
}

function frameOf(
  { text, locate, origin }: Submission,
  { code: number, message, start, end }: Problem,
): string {
  const at = positionAt(text, start);
  const from = origin?.(at.line, at.column) ?? { text, ...at };
  const lines = from.text.split("\n");
  const shown = clipped(lines[from.line - 1] ?? "", from.column);
  const code = lines.map((line, i) => (i === from.line - 1 ? shown.lineText : clipped(line, 1).lineText));
  const offset =
    code.slice(0, from.line - 1).join("\n").length + Math.min(1, from.line - 1) + shown.column - 1;
  const diagnostic = {
    code: number,
    message: readable(message),
    start: offset,
    end: offset + end - start,
    line: from.line,
    column: shown.column,
  };
  const place = locate(at.line, at.column);
  return stripVTControlCharacters(typeErrorFrame(diagnostic, code.join("\n"), place).join("\n"));
}

/** Without the names of documents that nobody has written. */
function readable(message: string): string {
  return message.replace(/import\("[^"]*\.workbook-[a-z]+"\)\./g, "").replace(/\$(asked|given)\./g, "");
}
