/** Whether a console should run what was typed, or wait for more. */

import { syntaxError } from "./syntax.js";

export type Completeness = {
  readonly status: "complete" | "incomplete" | "invalid";
  readonly indent?: string;
};

export function isComplete(code: string): Completeness {
  const wrong = syntaxError(code);
  if (wrong === undefined) return { status: "complete" };
  return wrong.unfinished ? { status: "incomplete", indent: indentAfter(code) } : { status: "invalid" };
}

/** The last line's own indentation, two more after an opening bracket; none inside a template or comment. */
function indentAfter(code: string): string {
  const last = code.trimEnd().split("\n").at(-1) ?? "";
  const indent = /^\s*/.exec(last)?.[0] ?? "";
  return /[{([]$|=>$/.test(last) ? `${indent}  ` : indent;
}
