/**
 * Loads one TypeScript file while the program runs: exercises, graded tests, mutants.
 *
 * esbuild strips the types and bundles relative imports into one CommonJS module; packages (`workbook/...`,
 * `@tensorflow/tfjs`, chai) stay outside and come from this process, so there is only one tfjs. A default import of
 * a package that is only an ES module is the one thing that comes out differently: it gives the namespace.
 */

import { readFile } from "node:fs/promises";
import { createRequire, SourceMap, type SourceMapPayload } from "node:module";
import path from "node:path";
import vm from "node:vm";
import type { BuildFailure, Message } from "esbuild";
import { root } from "../root.js";

export interface LoadedModule {
  readonly exports: Readonly<Record<string, unknown>>;
  /** Where in the sources an error came from: `exercises/start-here.ts:12:5`. */
  locate(error: unknown): string | undefined;
}

/** The file cannot be loaded; the message says where and why, with the line where there is one. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

const require = createRequire(path.join(root, "package.json"));
const cache = new Map<string, { readonly code: string; readonly module: LoadedModule }>();

/**
 * Loads a file, afresh whenever it or a local file that it imports has changed.
 *
 * @param file absolute, or relative to the repository's root.
 * @param text stands in for the file's content.
 * @throws LoadError when the file is missing, empty, no valid TypeScript, imports what is not there, or throws.
 */
export async function loadTypeScript(file: string, text?: string): Promise<LoadedModule> {
  const absolute = path.resolve(root, file);
  const shown = show(absolute);
  const code = await bundle(absolute, shown, text ?? (await read(absolute, shown)));
  const cached = cache.get(absolute);
  if (cached?.code === code) return cached.module;
  const module = evaluate(absolute, shown, code);
  cache.set(absolute, { code, module });
  return module;
}

async function read(absolute: string, shown: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(absolute, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : String(error);
    throw new LoadError(`${shown}: ${why}`);
  }
  if (text.trim() === "") throw new LoadError(`${shown}: the file is empty`);
  return text;
}

async function bundle(absolute: string, shown: string, contents: string): Promise<string> {
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      stdin: { contents, sourcefile: absolute, resolveDir: path.dirname(absolute), loader: "ts" },
      absWorkingDir: root,
      bundle: true,
      // An empty configuration: the project's own would resolve `workbook/...` to sources, a second library.
      tsconfigRaw: {},
      packages: "external",
      format: "cjs",
      platform: "node",
      target: "node20",
      sourcemap: "inline",
      sourcesContent: false,
      write: false,
      logLevel: "silent",
    });
    return outputFiles[0]!.text;
  } catch (error) {
    const errors = (error as Partial<BuildFailure>).errors;
    if (errors === undefined) throw error;
    throw new LoadError(errors.map((message) => codeFrame(message, shown)).join("\n\n"));
  }
}

/** `file:line:column: what is wrong`, the line, and a mark under the place. */
function codeFrame({ location, text }: Message, shown: string): string {
  if (location === null) return `${shown}: ${text}`;
  const { line, column, lineText, length } = location;
  const gutter = `  ${line} | `;
  // Columns are counted in bytes; tabs stay tabs, so that the mark lands under the place.
  const before = Buffer.from(lineText).subarray(0, column).toString();
  const indent = " ".repeat(gutter.length) + before.replace(/[^\t]/g, " ");
  return `${show(location.file)}:${line}:${before.length + 1}: ${text}\n${gutter}${lineText}\n${indent}${"^".repeat(Math.max(1, length))}`;
}

function evaluate(absolute: string, shown: string, code: string): LoadedModule {
  const locate = locator(absolute, code);
  const module = { exports: {} as Record<string, unknown> };
  try {
    const run = vm.compileFunction(code, ["module", "exports", "require"], {
      filename: absolute,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    run(module, module.exports, require);
  } catch (error) {
    const [first = ""] = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split(
      "\n",
    );
    throw new LoadError(`${locate(error) ?? shown}: threw while it was loaded: ${first}`);
  }
  return { exports: module.exports, locate };
}

/** Reads positions in the bundle out of a stack, and maps the topmost one to its source. */
function locator(absolute: string, code: string): LoadedModule["locate"] {
  const comment = "//# sourceMappingURL=data:application/json;base64,";
  const payload = Buffer.from(code.slice(code.lastIndexOf(comment) + comment.length), "base64").toString();
  const map = new SourceMap(JSON.parse(payload) as SourceMapPayload);
  return (error) => {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    for (const line of stack.split("\n")) {
      const at = line.indexOf(`${absolute}:`);
      const [, row, column] = /^:(\d+):(\d+)/.exec(line.slice(at + absolute.length)) ?? [];
      if (at < 0 || row === undefined) continue;
      const entry = map.findEntry(Number(row) - 1, Number(column) - 1);
      if (!("originalSource" in entry)) continue;
      return `${show(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    }
    return undefined;
  };
}

/** How people see a path: relative to the repository where it lies inside. */
function show(file: string): string {
  const absolute = path.resolve(root, file);
  const relative = path.relative(root, absolute);
  return relative.startsWith("..") ? absolute : relative;
}
