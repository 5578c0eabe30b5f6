/** Errors as people should see them: their own lines first, with a picture of the one that threw, the rest folded. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { codeFrame, codeFrameKey, dim, red } from "../code-frame.js";
import type { CellError } from "../seams.js";
import type { Run } from "./run.js";
import { cleanMessage, type Frame, type Location, originalNames, parseFrame, sourceText } from "./stacks.js";
import { CodeError } from "./syntax.js";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** The kernel's compiled files and their sources. */
const own = [here, here.replace(`${path.sep}dist${path.sep}lib${path.sep}`, path.sep)];
/** Deeper causes repeat, or run in circles. */
const causes = 4;

export interface ErrorContext {
  /** Paths are shown relative to it. */
  readonly root: string;
  readonly run?: Run;
}

export function toCellError(thrown: unknown, context: ErrorContext): CellError {
  const { ename, evalue } = describe(thrown);
  return { ename, evalue, traceback: traceback(thrown, context, 0).join("\n").split("\n") };
}

function describe(thrown: unknown): { ename: string; evalue: string } {
  if (!isError(thrown)) return { ename: "Thrown", evalue: inspect(thrown, { depth: 2, colors: false }) };
  const code = (thrown as { code?: unknown }).code;
  const message = originalNames(cleanMessage(String(thrown.message ?? "")));
  const ename = thrown.name || thrown.constructor?.name || "Error";
  const coded = typeof code === "string" && !message.includes(code);
  return { ename, evalue: coded ? `${message} [${code}]` : message };
}

function traceback(thrown: unknown, context: ErrorContext, depth: number): string[] {
  const { ename, evalue } = describe(thrown);
  const lines = [`${red(ename)}: ${evalue}`];
  const own = ownFrame(thrown);
  if (own !== undefined) return [...lines, ...own];
  const frames = framesOf(thrown, context.run);
  const pictured = frames.flatMap(({ location }) => {
    return location !== undefined && isReaders(location.file, context.root) ? [location] : [];
  });
  // The library mostly throws because of what it was called with: that stands in the line that called it.
  const library = path.join(context.root, "lib") + path.sep;
  const first = pictured.find(({ file }) => !file.startsWith(library)) ?? pictured[0];
  if (first !== undefined) lines.push(...picture(first, context.root));
  const stack = fold(frames, context.root);
  // A stack of nothing but the place in the picture tells nothing more.
  const isOnly = first !== undefined && pictured.length === 1;
  if (!isOnly || !stack.includes(`    at ${placeOf(first, context.root)}`)) lines.push(...stack);
  if (!isError(thrown)) return lines;
  const inner = thrown instanceof AggregateError ? thrown.errors.slice(0, causes) : [];
  if (depth === causes) return lines;
  for (const error of inner) lines.push(...indent("contains ", traceback(error, context, depth + 1)));
  if (thrown.cause !== undefined) {
    lines.push(...indent("caused by ", traceback(thrown.cause, context, depth + 1)));
  }
  return lines;
}

/** Code of another language that the reader wrote, pictured by who knows it: `lib/gpu-kernel.ts` does so with WGSL. */
function ownFrame(thrown: unknown): readonly string[] | undefined {
  if (thrown instanceof CodeError) return thrown.frame;
  return isError(thrown) ? (thrown as { [codeFrameKey]?: readonly string[] })[codeFrameKey] : undefined;
}

/**
 * Frames of the stack, and after them the cells' awaits that the error came through: V8 loses sight of those where a
 * promise was not awaited at once, and errors of Node's own and thrown values have no frames at all.
 */
function framesOf(thrown: unknown, run: Run | undefined): Frame[] {
  const stack = isError(thrown) ? String(thrown.stack ?? "") : "";
  const frames = stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => parseFrame(line.trim()));
  const line = (location: Location | undefined) => `${location?.file}:${location?.line}`;
  const known = new Set(frames.map(({ location }) => line(location)));
  for (const { label, position } of run !== undefined && run.path.reason === thrown ? run.path.places : []) {
    const location = { file: label, ...position() };
    if (known.has(line(location))) continue;
    known.add(line(location));
    frames.push({ before: "at async ", location, text: "" });
  }
  return frames;
}

/** Cells and files of the reader's, as opposed to packages, Node and this kernel. */
function isReaders(file: string, root: string): boolean {
  if (file.startsWith("cell [")) return true;
  if (!path.isAbsolute(file) || own.some((folder) => file.startsWith(folder + path.sep))) return false;
  return (
    !file.includes(`${path.sep}node_modules${path.sep}`) &&
    (file.startsWith(root) || sourceText(file) !== undefined)
  );
}

function fold(frames: readonly Frame[], root: string): string[] {
  const lines: string[] = [];
  let hidden = 0;
  const flush = () => {
    if (hidden > 0) lines.push(dim(`    … ${hidden} internal frame${hidden === 1 ? "" : "s"}`));
    hidden = 0;
  };
  for (const { before, location } of frames) {
    if (location === undefined || !isReaders(location.file, root)) {
      hidden++;
      continue;
    }
    flush();
    const place = placeOf(location, root);
    const caller = clean(before);
    lines.push(`    ${caller}${place}${caller.endsWith("(") ? ")" : ""}`);
  }
  flush();
  return lines;
}

/** The cell's own function has no name that anybody gave it. */
function clean(before: string): string {
  return before.replace(/^at (async )?(<anonymous>|eval) \($/, "at $1").replace(/^at new Promise \($/, "at ");
}

function picture(location: Location, root: string): string[] {
  const code = sourceText(location.file) ?? read(location.file);
  const head = dim(placeOf(location, root));
  return code === undefined ? [head] : [head, ...codeFrame(code, location)];
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function placeOf({ file, line, column }: Location, root: string): string {
  const shown = file.startsWith(root + path.sep) ? path.relative(root, file) : file;
  return `${shown}:${line}:${column}`;
}

function indent(label: string, lines: readonly string[]): string[] {
  return lines.map((line, i) => (i === 0 ? `  ${label}${line}` : `  ${line}`));
}

/** Errors of other realms too: a vm context's are no instances of ours. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]";
}
