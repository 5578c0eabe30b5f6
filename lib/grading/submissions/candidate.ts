/** One source file that somebody handed in: what it answers, and the module that it becomes. */

import * as ast from "../../jupyter/kernel/session/ast.js";
import { readCells } from "./cells.js";
import { type Entry, extensionOf } from "./entries.js";
import { type Lesson, lessons, slugOfHeader, slugOfName, slugOfNames } from "./exercise.js";
import { blockNames } from "./names.js";
import { notebookModule, type TakenApart, takeCellsApart } from "./notebook.js";
import { parseModule } from "./parse.js";
import { isRefusal, limits, type Refusal, refusal, type Submission } from "./submission.js";
import { decodeText } from "./text.js";

/** How much of an exercise a file holds; of several files the one with more is meant. */
export const weights = {
  nothing: 0,
  /** The file as it was released. */
  untouched: 1,
  /** Only in calls of check(). */
  checked: 2,
  declared: 3,
} as const;

export type Weight = (typeof weights)[keyof typeof weights];

export interface Candidate {
  readonly entry: Entry;
  /** The exercise that the file is for, as far as it can be told. */
  readonly slug: string | undefined;
  readonly weight: (lesson: Lesson) => Weight;
  readonly submission: (lesson: Lesson) => Submission;
}

export async function readCandidate(entry: Entry): Promise<Candidate | Refusal> {
  const isNotebook = extensionOf(entry.name) === ".ipynb";
  const limit = isNotebook ? limits.notebook : limits.source;
  const bytes = await entry.read(limit);
  if (isRefusal(bytes)) return bytes;
  const content = decodeText(bytes, entry.shown);
  if (typeof content !== "string") return content;
  if (content.trim() === "") return refusal("unparsable", `${entry.shown}: the file is empty`);
  return isNotebook ? notebookCandidate(entry, content) : sourceCandidate(entry, content);
}

async function sourceCandidate(entry: Entry, text: string): Promise<Candidate> {
  const tree = await parseModule(text);
  // What does not parse is refused when it is compiled, with a picture of the place.
  const names = "problem" in tree ? new Set<string>() : exportedNames(tree.program);
  const { shown } = entry;
  const place = shown.slice(shown.indexOf(": ") < 0 ? 0 : shown.indexOf(": ") + 2);
  return {
    entry,
    slug: slugOfName(entry.name) ?? slugOfHeader(text) ?? slugOfNames(names),
    weight: (lesson) => {
      if (lesson.text === text) return weights.untouched;
      const answers = lesson.names.some((name) => names.has(name)) || "problem" in tree;
      return answers ? weights.declared : weights.nothing;
    },
    submission: ({ slug }) => ({
      slug,
      file: shown,
      text,
      locate: (line, column) => `${place}:${line}:${column}`,
      notes: [],
    }),
  };
}

async function notebookCandidate(entry: Entry, content: string): Promise<Candidate | Refusal> {
  const cells = await readCells(content, entry.shown);
  if (isRefusal(cells)) return cells;
  if (cells.cells.length + cells.notes.length === 0) {
    return refusal("missing", `${entry.shown}: the notebook has no code cells`);
  }
  const notebook = takeCellsApart(cells);
  return {
    entry,
    slug: slugOfName(entry.name) ?? slugOfCells(notebook),
    weight: ({ slug, names }) => {
      if (names.some((name) => notebook.declared.has(name))) return weights.declared;
      const answers = notebook.parts.flatMap((part) => part.answers);
      return answers.some((answer) => answer.slug === slug) ? weights.checked : weights.nothing;
    },
    submission: (lesson) => {
      const { text, locate, origin, notes } = notebookModule(notebook, lesson);
      return { slug: lesson.slug, file: entry.shown, text, locate, origin, notes };
    },
  };
}

/** The one lesson that check() is called for, or the one whose exercises are declared. */
function slugOfCells({ parts, declared }: TakenApart): string | undefined {
  const checked = new Set(parts.flatMap((part) => part.checked));
  const known = lessons().filter(({ slug }) => checked.has(slug));
  return known.length === 1 ? known[0]!.slug : slugOfNames(declared);
}

function exportedNames(program: ast.Node): Set<string> {
  const exports = ast.nodes(program, "body").filter(({ type }) => type === "ExportNamedDeclaration");
  return new Set(
    exports.flatMap((statement) => [
      ...(ast.node(statement, "declaration") === undefined
        ? []
        : declared(ast.node(statement, "declaration")!)),
      ...ast.nodes(statement, "specifiers").map((each) => ast.name(ast.node(each, "exported"))),
    ]),
  );
}

function declared(declaration: ast.Node): string[] {
  return declaration.type === "VariableDeclaration"
    ? ast.declaredNames(declaration)
    : blockNames(declaration);
}
