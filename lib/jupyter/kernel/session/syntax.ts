/** TypeScript to JavaScript and to trees, natively and in well under a millisecond for a cell. */

import { createRequire } from "node:module";
import type { ParseResult } from "oxc-parser";
import { parseSync } from "oxc-parser";
import { transformSync } from "oxc-transform";
import { codeFrame, dim } from "../code-frame.js";
import { type Position, positionAt } from "./positions.js";

const require = createRequire(import.meta.url);

export const usingHelper = "@oxc-project/runtime/helpers/usingCtx";

/** Code that does not parse, with where and a picture. */
export class CodeError extends SyntaxError {
  override readonly name = "SyntaxError";
  readonly position: Position;
  readonly frame: readonly string[];

  constructor(message: string, code: string, offset: number, label: string) {
    super(message);
    this.position = positionAt(code, offset);
    const { line, column } = this.position;
    this.frame = [dim(`${label}:${line}:${column}`), ...codeFrame(code, this.position)];
  }
}

/** The tree of plain JavaScript. */
export function parse(code: string): ParseResult {
  return parseSync("cell.js", code, { lang: "js", sourceType: "module" });
}

/** What is wrong with TypeScript as text, without types: the first error's place, and whether more text would mend it. */
export function syntaxError(
  code: string,
): { message: string; offset: number; unfinished: boolean } | undefined {
  const [error] = parseSync("cell.ts", code, {
    lang: "ts",
    sourceType: "module",
    showSemanticErrors: true,
  }).errors;
  if (error === undefined) return undefined;
  const offset = error.labels[0]?.start ?? 0;
  const open =
    /^Unterminated multiline comment/.test(error.message) ||
    (error.message === "Unterminated string" && code[offset] === "`");
  const help = error.helpMessage ? ` (${error.helpMessage})` : "";
  return { message: error.message + help, offset, unfinished: open || offset >= code.trimEnd().length };
}

/**
 * JavaScript for this Node, and the map back.
 *
 * @throws CodeError where the TypeScript does not parse.
 */
export function strip(code: string, fileName: string, label = fileName): { code: string; map: object } {
  const wrong = syntaxError(code);
  if (wrong !== undefined) {
    throw new CodeError(wrong.message, code, wrong.offset, label);
  }
  const result = transformSync(fileName, code, {
    lang: "ts",
    sourceType: "module",
    sourcemap: true,
    target: "es2022",
    // An import that only types use is told from others by `import type`, as the project's tsconfig demands.
    typescript: { onlyRemoveTypeImports: true },
  });
  const [error] = result.errors;
  if (error !== undefined) {
    throw new CodeError(error.message, code, error.labels[0]?.start ?? 0, label);
  }
  if (decorator.test(result.code)) return lowerDecorators(code, fileName);
  return { code: result.code, map: result.map as object };
}

/** Perhaps a decorator, which this Node lacks and oxc leaves alone. */
const decorator = /(^|[\s({;,])@[\w(]/;

/** Through esbuild, which takes longer and is asked only here. */
function lowerDecorators(code: string, fileName: string): { code: string; map: object } {
  const { transformSync } = require("esbuild") as typeof import("esbuild");
  const result = transformSync(code, {
    loader: "ts",
    target: "es2022",
    sourcemap: true,
    sourcefile: fileName,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  return { code: result.code, map: JSON.parse(result.map) as object };
}
