/** Finds the file or built-in module that a specifier stands for: TypeScript's names, `paths`, and packages. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { resolvePackage } from "./packages.js";

/** Written extension → what it may stand for in TypeScript. */
const written: Readonly<Record<string, readonly string[]>> = {
  ".js": [".js", ".ts", ".tsx"],
  ".mjs": [".mjs", ".mts"],
  ".cjs": [".cjs", ".cts"],
};
const guessed = [".ts", ".mts", ".tsx", ".js", ".mjs", ".cjs", ".json"];

/**
 * An absolute path, or a URL that Node itself knows (`node:fs`).
 *
 * @throws Error with code ERR_MODULE_NOT_FOUND.
 */
export function resolveModule(specifier: string, folder: string): string {
  if (isBuiltin(specifier)) return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
  if (specifier.startsWith("file:")) return existing(fileURLToPath(specifier)) ?? missing(specifier, folder);
  if (/^[a-z][a-z+.-]+:/i.test(specifier)) return specifier;
  if (/^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..") {
    return existing(path.resolve(folder, specifier)) ?? missing(specifier, folder);
  }
  const mapped = viaPaths(specifier, folder);
  if (mapped !== undefined) return mapped;
  return resolvePackage(specifier, folder) ?? required(specifier, folder) ?? missing(specifier, folder);
}

function missing(specifier: string, folder: string): never {
  const error = new Error(
    `Cannot find ${/^[./]/.test(specifier) ? "module" : "package"} '${specifier}' from ${folder}`,
  );
  throw Object.assign(error, { code: "ERR_MODULE_NOT_FOUND" });
}

/** The file of that path, with or without its extension, or a folder's index. */
export function existing(file: string): string | undefined {
  const extension = path.extname(file);
  const stem = file.slice(0, file.length - extension.length);
  const candidates = [
    ...(written[extension] ?? [extension]).map((other) => stem + other),
    ...guessed.map((other) => file + other),
    ...guessed.map((other) => path.join(file, `index${other}`)),
  ];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}

/** What Node's older resolution finds: packages without `exports` whose `main` needs guessing. */
function required(specifier: string, folder: string): string | undefined {
  try {
    return createRequire(path.join(folder, "cell.js")).resolve(specifier);
  } catch {
    return undefined;
  }
}

interface Paths {
  readonly base: string;
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

const configs = new Map<string, { modified: number; paths: Paths | undefined }>();

function viaPaths(specifier: string, folder: string): string | undefined {
  const config = nearest(folder, "tsconfig.json");
  const found = config === undefined ? undefined : readPaths(config);
  for (const [pattern, targets] of Object.entries(found?.paths ?? {})) {
    const [before, after] = pattern.split("*") as [string, string?];
    const fits =
      after === undefined ? specifier === before : specifier.startsWith(before) && specifier.endsWith(after);
    if (!fits) continue;
    const middle = after === undefined ? "" : specifier.slice(before.length, specifier.length - after.length);
    for (const target of targets) {
      const file = existing(
        path.resolve(
          found!.base,
          target.replace("*", () => middle),
        ),
      );
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

function readPaths(config: string): Paths | undefined {
  const modified = statSync(config).mtimeMs;
  const known = configs.get(config);
  if (known?.modified === modified) return known.paths;
  const { compilerOptions, extends: parent } = lenient(readFileSync(config, "utf8"));
  const folder = path.dirname(config);
  const base = path.resolve(folder, compilerOptions?.baseUrl ?? ".");
  const inherited =
    typeof parent === "string" && /^\.{1,2}\//.test(parent)
      ? existing(path.resolve(folder, parent))
      : undefined;
  const own = compilerOptions?.paths;
  const paths = own ? { base, paths: own } : inherited ? readPaths(inherited) : undefined;
  configs.set(config, { modified, paths });
  return paths;
}

interface Config {
  readonly extends?: unknown;
  readonly compilerOptions?: { readonly baseUrl?: string; readonly paths?: Paths["paths"] };
}

/** tsconfig.json may hold comments and trailing commas; strings are left alone. */
function lenient(text: string): Config {
  const plain = text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string) => string ?? "");
  try {
    return JSON.parse(
      plain.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, string) => string ?? ""),
    ) as Config;
  } catch {
    return {};
  }
}

export function nearest(folder: string, file: string): string | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    const candidate = path.join(at, file);
    if (existsSync(candidate)) return candidate;
    if (path.dirname(at) === at) return undefined;
  }
}
