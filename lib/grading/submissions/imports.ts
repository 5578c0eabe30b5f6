/**
 * What an answer may import. The wall around its process keeps the rest out anyway; here it is said where and why,
 * before anything runs.
 */

import * as ast from "../../jupyter/kernel/session/ast.js";
import type { Tree } from "./parse.js";
import { printable } from "./submission.js";

export interface ForbiddenImport {
  /** Where the module's name stands. */
  readonly start: number;
  readonly end: number;
  readonly problem: string;
}

const allowed =
  'answers may import "@tensorflow/tfjs" and the "workbook/…" modules that compute, but no paper\'s code';
/** Parts of the workbook that judge, show or run lessons, and the papers' code, which is what lessons ask for. */
const closed =
  /^workbook\/(?!grading\/todo$)((grading|jupyter|commands|lesson|bench|plot|setup|variants|identities|learn|kernels)\/|(cli|display|root)$)/;

/** @param withheld modules that hold what is asked for: "workbook/attention". */
export function forbiddenImports(
  { program, comments }: Tree,
  withheld: readonly string[],
): ForbiddenImport[] {
  const references = comments
    .filter(({ value }) => /^\/\s*<(reference|amd-module|amd-dependency)\b/.test(value))
    .map(({ value, start }) => ({
      start,
      end: start + 2 + value.length,
      problem: `a triple-slash reference cannot be used here; ${allowed}`,
    }));
  const imports = specifiers(program).flatMap(({ start, end, type, value }) => {
    const isName = type === "Literal" && typeof value === "string";
    const problem = isName
      ? problemWith(value, withheld)
      : `an import needs its module's name as a plain string`;
    return problem === undefined ? [] : [{ start, end, problem }];
  });
  return [...references, ...imports].sort((a, b) => a.start - b.start);
}

function problemWith(name: string, withheld: readonly string[]): string | undefined {
  const shown = `"${printable(name).slice(0, 100)}"`;
  if (name === "@tensorflow/tfjs") return undefined;
  if (/^[./]/.test(name)) return `${shown} cannot be imported, since answers are one file; ${allowed}`;
  if (!/^workbook(\/[a-z0-9-]+)+$/.test(name) || closed.test(name)) {
    return `${shown} cannot be imported here; ${allowed}`;
  }
  if (withheld.includes(name)) return `${shown} is withheld in this exercise: it holds what is asked for`;
  return undefined;
}

/** Every place where a module is named: import, export from, import(), import types, import = require, require(). */
function specifiers(n: ast.Node): ast.Node[] {
  const inner = ast.children(n).flatMap(specifiers);
  switch (n.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return [...[ast.node(n, "source")].filter((each) => each !== undefined), ...inner];
    case "TSExternalModuleReference":
      return [ast.node(n, "expression")!];
    case "CallExpression":
      return ast.name(ast.node(n, "callee")) === "require"
        ? [ast.nodes(n, "arguments")[0] ?? n, ...inner]
        : inner;
    default:
      return inner;
  }
}
