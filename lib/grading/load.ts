/**
 * Loads one TypeScript file while the program runs: exercises, graded tests, mutants.
 *
 * esbuild strips the types and bundles relative imports into one CommonJS module; packages (`workbook/...`,
 * `@tensorflow/tfjs`, chai) stay outside and come from this process, so there is only one tfjs. A default import of
 * a package that is only an ES module is the one thing that comes out differently: it gives the namespace.
 */

import { readFile } from "node:fs/promises";
import { createRequire, type SourceMapPayload } from "node:module";
import path from "node:path";
import vm from "node:vm";
import type { BuildFailure, Message } from "esbuild";
import { root } from "../root.js";
import { columnOf, pictured, stackLocator } from "./places.js";

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

function codeFrame({ location, text }: Message, shown: string): string {
  if (location === null) return `${shown}: ${text}`;
  const { file, line, lineText, length } = location;
  const column = columnOf(location);
  return pictured(text, { at: place(file, line, column), line, column, lineText, length });
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

function locator(absolute: string, code: string): LoadedModule["locate"] {
  const comment = "//# sourceMappingURL=data:application/json;base64,";
  const payload = Buffer.from(code.slice(code.lastIndexOf(comment) + comment.length), "base64").toString();
  return stackLocator(absolute, JSON.parse(payload) as SourceMapPayload, place);
}

function place(file: string, line: number, column: number): string {
  return `${show(file)}:${line}:${column}`;
}

/** How people see a path: relative to the repository where it lies inside. */
function show(file: string): string {
  const absolute = path.resolve(root, file);
  const relative = path.relative(root, absolute);
  return relative.startsWith("..") ? absolute : relative;
}
