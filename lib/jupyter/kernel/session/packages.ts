/** Node's resolution of packages for `import`, from any folder (Node offers it only from a module's own). */

import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";

const conditions: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"]);

interface Manifest {
  readonly name?: string;
  readonly main?: string;
  readonly exports?: unknown;
  readonly imports?: unknown;
}

/**
 * The file of `name` or `name/sub`; undefined where there is no such package or file.
 *
 * @throws Error with code ERR_PACKAGE_PATH_NOT_EXPORTED.
 */
export function resolvePackage(specifier: string, folder: string): string | undefined {
  const [, name, sub = ""] = /^((?:@[^/]+\/)?[^/@#][^/]*)(\/.*)?$/.exec(specifier) ?? [];
  for (let at = folder; ; at = path.dirname(at)) {
    const self = manifest(path.join(at, "package.json"));
    if (specifier.startsWith("#")) {
      if (self?.imports !== undefined) return exported(at, self.imports, specifier, specifier);
    } else if (name !== undefined) {
      if (self?.name === name && self.exports !== undefined)
        return exported(at, self.exports, `.${sub}`, specifier);
      const place = path.join(at, "node_modules", name);
      const found = manifest(path.join(place, "package.json"));
      if (found !== undefined) return inPackage(place, found, sub, specifier);
    }
    if (path.dirname(at) === at) return undefined;
  }
}

function inPackage(place: string, found: Manifest, sub: string, specifier: string): string | undefined {
  if (found.exports != null) return exported(place, found.exports, `.${sub}`, specifier);
  const main = sub === "" ? (found.main ?? "index.js") : sub;
  const candidates = [
    main,
    `${main}.js`,
    `${main}.json`,
    path.join(main, "index.js"),
    ...(sub === "" ? ["index.js"] : []),
  ];
  return firstFile(candidates.map((candidate) => path.join(place, candidate)));
}

function exported(place: string, exports: unknown, wanted: string, specifier: string): string | undefined {
  const target = match(exports, wanted);
  if (target === undefined) {
    const error = new Error(
      `Package '${path.basename(place)}' does not export what '${specifier}' asks for (${place})`,
    );
    throw Object.assign(error, { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });
  }
  return firstFile([path.join(place, target)]);
}

function match(exports: unknown, wanted: string): string | undefined {
  const table =
    typeof exports === "object" &&
    exports !== null &&
    !Array.isArray(exports) &&
    /^[.#]/.test(Object.keys(exports)[0] ?? "")
      ? (exports as Record<string, unknown>)
      : { ".": exports };
  if (Object.hasOwn(table, wanted)) return pick(table[wanted], "");
  const patterns = Object.keys(table)
    .filter((key) => key.includes("*"))
    .sort((a, b) => b.indexOf("*") - a.indexOf("*"));
  for (const pattern of patterns) {
    const [before, after] = pattern.split("*") as [string, string];
    if (!wanted.startsWith(before) || !wanted.endsWith(after) || wanted.length < pattern.length) continue;
    return pick(table[pattern], wanted.slice(before.length, wanted.length - after.length));
  }
  return undefined;
}

/** The first condition that holds, in the package's order. */
function pick(target: unknown, star: string): string | undefined {
  if (typeof target === "string") return target.replaceAll("*", star);
  if (Array.isArray(target)) return target.map((one) => pick(one, star)).find((one) => one !== undefined);
  if (typeof target !== "object" || target === null) return undefined;
  for (const [condition, next] of Object.entries(target)) {
    const found = conditions.has(condition) ? pick(next, star) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstFile(candidates: readonly string[]): string | undefined {
  const file = candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  return file && realpathSync(file);
}

function manifest(file: string): Manifest | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined;
}
