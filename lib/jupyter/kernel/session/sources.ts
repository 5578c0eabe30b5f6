/**
 * TypeScript and JSON files as modules that Node can import. Each is compiled into a folder of this process, under a
 * name that hashes its text and that of all it imports: what changed has a new name, what did not is the same module.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Library } from "./library.js";
import { nearest, resolveModule } from "./resolve.js";
import { register } from "./stacks.js";
import { parse, strip } from "./syntax.js";

/** A file of which a copy is made. */
interface Source {
  readonly file: string;
  readonly modified: number;
  readonly text: string;
  readonly code: string;
  readonly map: object | undefined;
  /** Specifiers in `code`, and where. */
  readonly imports: readonly { start: number; end: number; specifier: string }[];
  /** `import` of dynamic imports and `import.meta`, and what they become. */
  readonly rest: readonly { start: number; end: number; text: string }[];
}

type Load = (specifier: string, folder: string) => Promise<object>;

/** How a compiled module reaches the session: its dynamic imports go the same way as a cell's. */
const bridge = Symbol.for("workbook.kernel.modules");

export class Sources {
  readonly #library: Library;
  readonly #known = new Map<string, Source>();
  #folder: string | undefined;

  constructor(library: Library, load: Load) {
    this.#library = library;
    (globalThis as Record<symbol, unknown>)[bridge] = {
      import: (folder: string) => (specifier: unknown) => load(String(specifier), folder),
      meta: (filename: string) => ({
        url: pathToFileURL(filename).href,
        filename,
        dirname: path.dirname(filename),
        resolve: (specifier: string) => this.#target(specifier, path.dirname(filename)),
      }),
    };
  }

  /** The URL to import for a file; the file's own when Node can load it as it is and nobody will edit it. */
  url(file: string): string {
    if (!isSource(file)) return pathToFileURL(file).href;
    const graph = new Map<string, Source>();
    this.#collect(file, graph);
    const urls = new Map<string, string>();
    for (const one of graph.keys()) urls.set(one, this.#place(one, graph));
    for (const source of graph.values()) this.#write(source, urls);
    return pathToFileURL(urls.get(file)!).href;
  }

  #collect(file: string, graph: Map<string, Source>): void {
    if (graph.has(file)) return;
    const source = this.#read(file);
    graph.set(file, source);
    for (const { specifier } of source.imports) {
      const target = this.#target(specifier, path.dirname(file));
      if (isSource(target)) this.#collect(target, graph);
    }
  }

  #target(specifier: string, folder: string): string {
    return this.#library.prefer(resolveModule(specifier, folder));
  }

  #read(file: string): Source {
    const { mtimeMs: modified, size } = statSync(file);
    const known = this.#known.get(file);
    if (known?.modified === modified && Buffer.byteLength(known.text) === size) return known;
    const source = compileSource(file, modified);
    this.#known.set(file, source);
    return source;
  }

  /** Where the copy of a file goes: named by the texts of everything that it reaches, cycles and all. */
  #place(file: string, graph: ReadonlyMap<string, Source>): string {
    const reached = new Set<string>();
    const reach = (at: string) => {
      const source = graph.get(at);
      if (source === undefined || reached.has(at)) return;
      reached.add(at);
      for (const { specifier } of source.imports) reach(this.#target(specifier, path.dirname(at)));
    };
    reach(file);
    const hash = createHash("sha1");
    for (const one of [...reached].sort()) hash.update(`${one}\0${graph.get(one)!.text}\0`);
    const name = path.basename(file).replace(/\.\w+$/, "");
    return path.join(this.#home(), hash.update(file).digest("hex").slice(0, 16), `${name}.mjs`);
  }

  #home(): string {
    if (this.#folder === undefined) {
      const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-kernel-"));
      process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
      this.#folder = folder;
    }
    return this.#folder;
  }

  #write(source: Source, urls: ReadonlyMap<string, string>): void {
    const to = urls.get(source.file)!;
    if (existsSync(to)) return;
    const edits = [
      ...source.rest,
      ...source.imports.map(({ start, end, specifier }) => {
        const target = this.#target(specifier, path.dirname(source.file));
        const file = urls.get(target) ?? target;
        return { start, end, text: JSON.stringify(path.isAbsolute(file) ? pathToFileURL(file).href : file) };
      }),
    ].sort((a, b) => b.start - a.start);
    let code = source.code;
    for (const { start, end, text } of edits) code = code.slice(0, start) + text + code.slice(end);
    mkdirSync(path.dirname(to), { recursive: true });
    writeFileSync(to, code);
    if (source.map !== undefined) register(to, origin(source));
  }
}

/** Files that are compiled here: TypeScript, JSON, and modules in JavaScript that a reader may be editing. */
function isSource(file: string): boolean {
  if (!path.isAbsolute(file)) return false;
  if (file.endsWith(".json")) return true;
  if (file.includes(`${path.sep}node_modules${path.sep}`)) return false;
  if (/\.(ts|mts|tsx)$/.test(file)) return !file.endsWith(".d.ts");
  if (file.includes(`${path.sep}lib${path.sep}dist${path.sep}`)) return false;
  return file.endsWith(".mjs") || (file.endsWith(".js") && isModulePackage(path.dirname(file)));
}

function isModulePackage(folder: string): boolean {
  const manifest = nearest(folder, "package.json");
  return (
    manifest !== undefined &&
    (JSON.parse(readFileSync(manifest, "utf8")) as { type?: string }).type === "module"
  );
}

function compileSource(file: string, modified: number): Source {
  const text = readFileSync(file, "utf8");
  if (file.endsWith(".json")) {
    JSON.parse(text); // its own message beats that of a module that does not parse
    return { file, modified, text, code: `export default ${text};`, map: undefined, imports: [], rest: [] };
  }
  const { code, map } = strip(text, file);
  const { module } = parse(code);
  const at = `globalThis[Symbol.for("workbook.kernel.modules")]`;
  const requests = [
    ...module.staticImports.map((one) => one.moduleRequest),
    ...module.staticExports.flatMap((one) => one.entries.flatMap((entry) => entry.moduleRequest ?? [])),
  ];
  const imports = requests.map(({ start, end, value }) => ({ start, end, specifier: value }));
  return {
    file,
    modified,
    text,
    code,
    map,
    imports: [...new Map(imports.map((one) => [one.start, one])).values()],
    rest: [
      // A copy of JSON is JavaScript: `with { type: "json" }` would no longer be true.
      ...module.staticImports
        .filter(({ moduleRequest }) => moduleRequest.value.endsWith(".json"))
        .map(({ moduleRequest, end }) => ({ start: moduleRequest.end, end, text: ";" })),
      ...module.dynamicImports.map(({ start }) => ({
        start,
        end: start + "import".length,
        text: `${at}.import(${JSON.stringify(path.dirname(file))})`,
      })),
      ...module.importMetas.map(({ start, end }) => ({
        start,
        end,
        text: `${at}.meta(${JSON.stringify(file)})`,
      })),
    ],
  };
}

function origin({ file, text, map: payload }: Source) {
  let map: SourceMap | undefined;
  return {
    file,
    code: text,
    position: ({ line, column }: { line: number; column: number }) => {
      map ??= new SourceMap(payload as SourceMapPayload);
      const entry = map.findEntry(line - 1, column - 1);
      return "originalLine" in entry
        ? { line: entry.originalLine + 1, column: entry.originalColumn + 1 }
        : { line, column };
    },
  };
}
