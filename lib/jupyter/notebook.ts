/** Notebooks as files: reads and checks nbformat 4, writes it as Jupyter does. */

import { readFileSync, statSync, writeFileSync } from "node:fs";
import type { Json } from "./wire.js";

/** Text in a notebook file: one string, or its lines. */
export type MultilineText = string | string[];

export type Output =
  | { output_type: "stream"; name: string; text: MultilineText }
  | { output_type: "display_data"; data: Json; metadata: Json }
  | { output_type: "execute_result"; data: Json; metadata: Json; execution_count: number | null }
  | { output_type: "error"; ename: string; evalue: string; traceback: string[] };

interface AnyCell {
  id: string;
  metadata: { tags?: readonly string[]; [key: string]: unknown };
  source: MultilineText;
}

export interface CodeCell extends AnyCell {
  cell_type: "code";
  outputs: Output[];
  execution_count: number | null;
}

export interface TextCell extends AnyCell {
  cell_type: "markdown" | "raw";
}

export type Cell = CodeCell | TextCell;

export interface Notebook {
  nbformat: 4;
  nbformat_minor: number;
  metadata: { kernelspec?: { name?: string; [key: string]: unknown }; [key: string]: unknown };
  cells: Cell[];
}

/** A file that is no notebook; the message is one line that starts with the file's name. */
export class NotebookError extends Error {}

/** The text of a cell or of an output. */
export function text(multiline: MultilineText): string {
  return typeof multiline === "string" ? multiline : multiline.join("");
}

/** Reads a notebook of any nbformat 4. @throws NotebookError when the file is none. */
export function readNotebook(file: string): Notebook {
  const problem = fileProblem(file);
  if (problem !== undefined) throw new NotebookError(`${file}: ${problem}`);
  return parseNotebook(readFileSync(file, "utf8"), file);
}

/** The notebook in a file's text; `file` is named in errors. @throws NotebookError */
export function parseNotebook(content: string, file: string): Notebook {
  let notebook: unknown;
  try {
    notebook = JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new NotebookError(`${file}: expected a notebook, got text that is not JSON (${oneLine(error)})`);
  }
  const problem = notebookProblem(notebook);
  if (problem !== undefined) throw new NotebookError(`${file}: ${problem}`);
  return notebook as Notebook;
}

/** Writes nbformat 4.5, laid out as Jupyter does; cells of an older 4.x get the ids that 4.5 asks for. */
export function writeNotebook(file: string, notebook: Notebook): void {
  const cells = notebook.cells.map((cell, i) => {
    const withId = { ...cell, id: cell.id ?? `cell-${i + 1}`, source: lines(text(cell.source)) };
    return cell.cell_type === "code" ? { ...withId, outputs: cell.outputs.map(outputOnDisk) } : withId;
  });
  const whole = { ...notebook, nbformat_minor: Math.max(5, notebook.nbformat_minor), cells };
  writeFileSync(file, `${JSON.stringify(whole, null, 1)}\n`);
}

function outputOnDisk(output: Output): Output {
  if (output.output_type === "stream") return { ...output, text: lines(text(output.text)) };
  if (output.output_type === "error") return output;
  const data = Object.entries(output.data).map(([mime, value]) => [
    mime,
    typeof value === "string" && /^text\/|\+xml$|^application\/javascript$/.test(mime) ? lines(value) : value,
  ]);
  return { ...output, data: Object.fromEntries(data) };
}

/** Lines with their line ends: what makes notebooks diff well. */
function lines(whole: string): string[] {
  return whole.split(/(?<=\n)/).filter((line) => line !== "");
}

function fileProblem(file: string): string | undefined {
  try {
    return statSync(file).isDirectory() ? "expected a notebook, got a folder" : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "no such file";
    return oneLine(error);
  }
}

function notebookProblem(value: unknown): string | undefined {
  if (!isObject(value) || !("nbformat" in value)) return "expected a notebook, got JSON without nbformat";
  const { nbformat, nbformat_minor: minor, cells, metadata } = value;
  if (nbformat !== 4 || typeof minor !== "number" || minor > 5) {
    const got = minor === undefined ? `${nbformat} without nbformat_minor` : `${nbformat}.${minor}`;
    return `expected nbformat 4.5, got ${got}`;
  }
  if (!isObject(metadata)) return "expected an object as the notebook's metadata, got none";
  if (!Array.isArray(cells)) return "expected a list of cells, got none";
  for (const [i, cell] of cells.entries()) {
    const problem = cellProblem(cell);
    if (problem !== undefined) return `cell ${i + 1}: ${problem}`;
  }
  return undefined;
}

function cellProblem(cell: unknown): string | undefined {
  if (!isObject(cell)) return "expected an object, got something else";
  if (!["code", "markdown", "raw"].includes(cell.cell_type as string)) {
    return `expected cell_type code, markdown or raw, got ${JSON.stringify(cell.cell_type)}`;
  }
  if (!isText(cell.source)) return "expected a source of text, got none";
  if (!isObject(cell.metadata)) return "expected metadata, got none";
  if (cell.cell_type === "code" && !Array.isArray(cell.outputs))
    return "expected a list of outputs, got none";
  return undefined;
}

function isText(value: unknown): boolean {
  return (
    typeof value === "string" || (Array.isArray(value) && value.every((line) => typeof line === "string"))
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
}
