/** The workbook's own library: its compiled copy is used unless somebody edited the source since. */

import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Files of the library import each other by relative paths, as TypeScript emits them. */
const relativeImport = /(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

export class Library {
  readonly #root: string;
  readonly #dist: string;
  readonly #started = Date.now();
  readonly #imports = new Map<string, { modified: number; files: readonly string[] }>();

  constructor(root: string) {
    this.#root = root;
    this.#dist = path.join(root, "lib", "dist");
  }

  /** The copy to load: compiled if it is current, else the source. Files outside the library stay what they are. */
  prefer(file: string): string {
    const pair = this.#pair(file);
    if (pair === undefined) return file;
    return this.#stale(pair, new Set()) ? pair.source : pair.compiled;
  }

  #pair(file: string): { source: string; compiled: string } | undefined {
    const inside = (folder: string) => file.startsWith(folder + path.sep);
    if (inside(this.#dist)) {
      const source = path.join(this.#root, path.relative(this.#dist, file)).replace(/\.js$/, ".ts");
      return existsSync(source) ? { source, compiled: file } : undefined;
    }
    if (!inside(this.#root) || !file.endsWith(".ts") || file.includes("node_modules")) return undefined;
    const compiled = path.join(this.#dist, path.relative(this.#root, file)).replace(/\.ts$/, ".js");
    return existsSync(compiled) ? { source: file, compiled } : undefined;
  }

  /**
   * Edited since it was compiled, or compiled again since this kernel began (Node keeps what it loaded first), or
   * importing something of which that is true.
   */
  #stale({ source, compiled }: { source: string; compiled: string }, seen: Set<string>): boolean {
    if (seen.has(source)) return false;
    seen.add(source);
    const edited = modified(source);
    const built = Math.max(modified(compiled), modified(path.join(this.#dist, ".tsbuildinfo")));
    if (edited > built || (modified(compiled) > this.#started && edited > this.#started)) return true;
    return this.#importsOf(source, edited).some((file) => {
      const pair = this.#pair(file);
      return pair !== undefined && this.#stale(pair, seen);
    });
  }

  #importsOf(source: string, edited: number): readonly string[] {
    const known = this.#imports.get(source);
    if (known?.modified === edited) return known.files;
    const files = [...readFileSync(source, "utf8").matchAll(relativeImport)].map(([, specifier]) =>
      path.resolve(path.dirname(source), specifier!).replace(/\.js$/, ".ts"),
    );
    this.#imports.set(source, { modified: edited, files });
    return files;
  }
}

function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
