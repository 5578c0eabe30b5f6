/** Makes stacks speak of what people wrote: cells and TypeScript files instead of what was made of them. */

import { existsSync, readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Position } from "./positions.js";

export interface Location extends Position {
  /** `cell [7]` or an absolute path. */
  readonly file: string;
}

/** Something that was compiled: its text, and the way back to it. */
interface Origin {
  readonly file: string;
  readonly code: string;
  readonly position: (generated: Position) => Position;
}

const origins = new Map<string, Origin>();
const maps = new Map<string, SourceMap | undefined>();

/** From now on, places in `compiled` (a label or a path) are shown as places in `origin`. */
export function register(compiled: string, origin: Origin): void {
  origins.set(compiled, origin);
}

/** The text of a cell or of a file that was compiled here. */
export function sourceText(file: string): string | undefined {
  for (const origin of [origins.get(file), ...origins.values()])
    if (origin?.file === file) return origin.code;
  return undefined;
}

/** Everything that was compiled, as people wrote it, in the order of first being run. */
export function ownTexts(): { readonly label: string; readonly text: string }[] {
  return [...origins.values()].map(({ file, code }) => ({ label: file, text: code }));
}

/** In a message: paths of compiled copies become those of their sources. */
export function originalNames(text: string): string {
  let shown = text;
  for (const [compiled, { file }] of origins) {
    if (compiled.startsWith("/") && shown.includes(compiled)) {
      shown = shown.replaceAll(`file://${compiled}`, file).replaceAll(compiled, file);
    }
  }
  return shown;
}

export function originalLocation({ file, line, column }: Location): Location {
  const origin = origins.get(file);
  if (origin !== undefined) return { file: origin.file, ...origin.position({ line, column }) };
  const entry = sourceMapOf(file)?.findEntry(line - 1, column - 1);
  if (entry === undefined || !("originalSource" in entry)) return { file, line, column };
  const source = path.resolve(path.dirname(file), entry.originalSource.replace(/^file:\/\//, ""));
  return { file: source, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

/** The map beside a compiled file, as TypeScript writes it; packages' own are not looked for. */
function sourceMapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) {
    const map = `${file}.map`;
    const wanted = file.endsWith(".js") && !file.includes("node_modules") && existsSync(map);
    maps.set(
      file,
      wanted ? new SourceMap(JSON.parse(readFileSync(map, "utf8")) as SourceMapPayload) : undefined,
    );
  }
  return maps.get(file);
}

const sessionFile = /[\\/]kernel[\\/]session[\\/]\w+\.[jt]s$/;

/** `    at fn (file:1:2)` taken apart. */
const frame = /^(.*?)((?:file:\/\/|\/|cell \[|[A-Za-z]:[\\/]|node:)[^()]*?):(\d+):(\d+)(\)?)$/;

export interface Frame {
  /** Everything before the place: `at async fn (`. */
  readonly before: string;
  readonly location: Location | undefined;
  readonly text: string;
}

export function parseFrame(text: string): Frame {
  const [, before, file, line, column] = frame.exec(text) ?? [];
  if (before === undefined || file === undefined) return { before: text, location: undefined, text };
  const plain = file.startsWith("file://") ? fileURLToPath(file.replace(/\?.*$/, "")) : file;
  return { before, location: { file: plain, line: Number(line), column: Number(column) }, text };
}

/** Error.prepareStackTrace: the usual text with original places, and without the evaluation of a cell around it. */
function prepare(error: unknown, sites: readonly NodeJS.CallSite[]): string {
  const frames = sites.map((site) => parseFrame(String(site)));
  const isCell = ({ location }: Frame) => location?.file.startsWith("cell [") === true;
  const isOurs = ({ location }: Frame) => location !== undefined && sessionFile.test(location.file);
  const last = frames.findLastIndex(isCell);
  const caller = frames.findIndex((frame, i) => i > last && isOurs(frame));
  const told = last < 0 ? frames : frames.slice(0, caller < 0 ? undefined : caller).filter((f) => !isOurs(f));
  const lines = told.map(({ before, location, text }) => {
    if (location === undefined) return text;
    const { file, line, column } = originalLocation(location);
    return `${before}${file}:${line}:${column}${text.endsWith(")") ? ")" : ""}`;
  });
  return [headline(error), ...lines.map((line) => `    at ${line}`)].join("\n");
}

function headline(error: unknown): string {
  try {
    return cleanMessage(Error.prototype.toString.call(error));
  } catch {
    return "Error";
  }
}

/** V8 names what it could not call by its text, and the text is the transform's: `(0 , $$f.v)`. */
export function cleanMessage(message: string): string {
  return message.replace(
    /\(0 ?, \$\$([\p{ID_Continue}$]+)\.[vc]\)|\$\$([\p{ID_Continue}$]+)\.[vc]\b/gu,
    "$1$2",
  );
}

export function installStacks(): void {
  Error.prepareStackTrace = prepare;
  // V8's ten frames often end inside a library, before the cell that called it.
  Error.stackTraceLimit = Math.max(Error.stackTraceLimit, 50);
}
