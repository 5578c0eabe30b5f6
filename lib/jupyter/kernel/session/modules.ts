/** Loads modules for cells: what Node would load, plus TypeScript, `paths`, and files that changed since. */

import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Library } from "./library.js";
import { resolveModule } from "./resolve.js";
import { Sources } from "./sources.js";
import { inspectTensorsOf } from "./tensors.js";

export interface ModulesOptions {
  readonly root: string;
  /** Modules that the kernel provides itself: `tslab`. */
  readonly builtins: Readonly<Record<string, object>>;
}

export class Modules {
  readonly #sources: Sources;
  readonly #builtins: Readonly<Record<string, object>>;
  readonly #library: Library;

  constructor({ root, builtins }: ModulesOptions) {
    this.#library = new Library(root);
    this.#sources = new Sources(this.#library, (specifier, folder) => this.load(specifier, folder));
    this.#builtins = builtins;
  }

  builtin(specifier: string): object | undefined {
    return Object.hasOwn(this.#builtins, specifier) ? this.#builtins[specifier] : undefined;
  }

  /** The URL that a specifier stands for, seen from a folder. */
  resolve(specifier: string, folder: string): string {
    const target = resolveModule(specifier, folder);
    return path.isAbsolute(target) ? pathToFileURL(target).href : target;
  }

  /** The file that `require` must load in place of what it cannot: TypeScript. Undefined for what Node can load. */
  compiledCopy(specifier: string, folder: string): string | undefined {
    const target = sourceFile(specifier, folder);
    if (target === undefined) return undefined;
    const preferred = this.#library.prefer(target);
    return fileURLToPath(this.#sources.url(preferred));
  }

  /** The module's namespace; afresh when the file, or a file that it imports, changed. */
  async load(specifier: string, folder: string): Promise<object> {
    const own = this.builtin(specifier);
    if (own !== undefined) return { default: own, ...own };
    const target = this.#library.prefer(resolveModule(specifier, folder));
    const namespace: object = await import(path.isAbsolute(target) ? this.#sources.url(target) : target);
    inspectTensorsOf(namespace);
    return namespace;
  }
}

/** The TypeScript file that a specifier stands for, if it is one. */
function sourceFile(specifier: string, folder: string): string | undefined {
  try {
    const target = resolveModule(specifier, folder);
    return /\.[cm]?tsx?$/.test(target) ? target : undefined;
  } catch {
    return undefined; // Node's own message tells where it looked.
  }
}
