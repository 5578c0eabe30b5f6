/** A notebook file as the code cells of a TypeScript session, or why it is none. */

import { positionAt } from "../../jupyter/kernel/session/positions.js";
import { type CodeCell, type Notebook, parseNotebook, text } from "../../jupyter/notebook.js";
import { tooLarge } from "./entries.js";
import { parseModule, type Tree } from "./parse.js";
import { limits, printable, type Refusal, refusal } from "./submission.js";

export interface Cell {
  /** As people see it: "cell [3]" by Jupyter's number beside it, else "code cell 3" by counting. */
  readonly label: string;
  readonly text: string;
  readonly tree: Tree;
}

export interface Cells {
  readonly cells: readonly Cell[];
  /** One sentence for each cell that does not parse. */
  readonly notes: readonly string[];
}

export async function readCells(content: string, shown: string): Promise<Cells | Refusal> {
  let notebook: Notebook;
  try {
    notebook = parseNotebook(content, shown);
  } catch (error) {
    return refusal("unparsable", explain(error, content, shown));
  }
  const language = languageOf(notebook);
  if (language !== undefined) {
    return refusal("wrong type", `${shown}: expected a TypeScript notebook, got one in ${language}`);
  }
  const cells: Cell[] = [];
  const notes: string[] = [];
  const codeCells = notebook.cells.filter((cell): cell is CodeCell => cell.cell_type === "code");
  if (codeCells.length > limits.cells) {
    const got = `${codeCells.length}`;
    return refusal("too large", `${shown}: expected at most ${limits.cells} code cells, got ${got}`);
  }
  const size = codeCells.reduce((sum, cell) => sum + text(cell.source).length, 0);
  if (size > limits.source) return tooLarge(`${shown} (code)`, size, limits.source);
  for (const [i, cell] of codeCells.entries()) {
    const label = labelOf(cell, i, codeCells);
    const source = text(cell.source).replace(/\r\n?/g, "\n");
    const tree = await parseModule(source);
    if ("problem" in tree) {
      const { line, column } = positionAt(source, tree.offset ?? 0);
      notes.push(`${label} does not parse and was left out (${label}:${line}:${column}: ${tree.problem})`);
    } else cells.push({ label, text: source, tree });
  }
  return { cells, notes };
}

function explain(error: unknown, content: string, shown: string): string {
  if (content.trim() === "") return `${shown}: the file is empty`;
  const words = error instanceof Error ? error.message : "";
  const [, version] = /expected nbformat 4\.5, got ([1-3])\b/.exec(words) ?? [];
  if (version !== undefined) {
    return `${shown}: expected nbformat 4, got version ${version}; open it in Jupyter and save it again`;
  }
  // Anything but the reader's own sentence comes from a file that was made to confuse it.
  const isOwn = words.startsWith(`${shown}: `) && words.length < shown.length + 300;
  return isOwn ? printable(words) : `${shown}: expected a notebook, got JSON of another shape`;
}

/** The language of another kernel's notebook, with the kernel's name; undefined for ours and where none is named. */
function languageOf({ metadata }: Notebook): string | undefined {
  const { language: spoken, name: kernel } = fields(metadata.kernelspec);
  const language = word(spoken) ?? word(fields(metadata.language_info).name);
  if (language === undefined || language.toLowerCase() === "typescript") return undefined;
  const by = word(kernel) === undefined ? "" : ` (kernel "${printable(word(kernel)!)}")`;
  return `${printable(language)}${by}`;
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, 40) : undefined;
}

/** A copied cell keeps its number: one that stands twice names nothing. */
function labelOf({ execution_count: count }: CodeCell, i: number, all: readonly CodeCell[]): string {
  const isNumber = Number.isSafeInteger(count) && count! > 0;
  const isUnique = all.filter((cell) => cell.execution_count === count).length === 1;
  return isNumber && isUnique ? `cell [${count}]` : `code cell ${i + 1}`;
}
