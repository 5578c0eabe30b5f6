/** A TypeScript cell as the body of an async function, with the way back from its lines to the cell's. */

import { SourceMap, type SourceMapPayload } from "node:module";
import type { Node } from "./ast.js";
import { Edits } from "./edits.js";
import { offsetAt, type Position, positionAt } from "./positions.js";
import { type Rewritten, rewrite } from "./rewrite.js";
import type { Scope } from "./scope.js";
import { parse, strip } from "./syntax.js";

/** What a cell is given besides the session's variables, in the order of the function's parameters. */
export const environment = [
  "$$await",
  "$$resume",
  "$$iterate",
  "$$load",
  "$$import",
  "$$meta",
  "$$using",
  "require",
  "__dirname",
  "__filename",
] as const;
const given: ReadonlySet<string> = new Set(["arguments", ...environment]);

export interface Compiled extends Rewritten {
  readonly code: string;
  /** A script whose value is an async function of the environment and the boxes of `used`, in that order. */
  readonly script: string;
  /** From a place in the script to the place in the cell. */
  readonly position: (generated: Position) => Position;
  /** From an offset that the script carries (`$$await(…, 17)`) to the place in the cell. */
  readonly positionOf: (offset: number) => Position;
}

/**
 * @throws CodeError where the cell does not parse.
 */
export function compile(code: string, label: string, scope: Scope): Compiled {
  const plain = strip(code, "cell.ts", label);
  const edits = new Edits(plain.code);
  const program = parse(plain.code).program as unknown as Node;
  const rewritten = rewrite(program, edits, (name) => scope.kind(name), given);
  const shadowed = (name: string) => (rewritten.used.has(name) ? `_${name}` : name);
  const parameters = [...environment.map(shadowed), ...[...rewritten.used].map((name) => `$$${name}`)];
  const head = [
    { text: `(async function (${parameters.join(", ")}) { "use strict"; `, origin: 0 },
    ...rewritten.functions.map((name) => ({ text: `$$${name}.v = ${name}; `, origin: 0 })),
    ...rewritten.imports.map(({ offset }, i) => ({ text: `await $$load(${i}); `, origin: offset })),
    { text: "\n", origin: 0 },
  ];
  const { text: script, origin } = edits.apply(head, "\n})");
  let map: SourceMap | undefined;
  const positionOf = (offset: number): Position => {
    map ??= new SourceMap(plain.map as SourceMapPayload);
    const at = positionAt(plain.code, offset);
    const entry = map.findEntry(at.line - 1, at.column - 1);
    if (!("originalLine" in entry)) return { line: 1, column: 1 };
    return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  };
  return {
    ...rewritten,
    code,
    script,
    positionOf,
    position: (generated) => positionOf(origin(offsetAt(script, generated))),
  };
}
