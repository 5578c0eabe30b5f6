/**
 * A notebook as one module: the exercises' answers and what they reach, without the rest of the declarations.
 *
 * Cells are run again, pasted twice and left behind, so a name means its last declaration. Only what is evaluated while
 * the module is loaded (`const D = C / 8`) takes the declaration that stood above it, as it did in the declarations. No
 * training loop, plot or check() is part of the module unless a constant that an answer reaches is made by it.
 */

import type { Cell, Cells } from "./cells.js";
import { Declarations } from "./declarations.js";
import type { Mention } from "./names.js";
import { type CellParts, type Item, takeApart } from "./statements.js";
import type { Origin } from "./submission.js";
import { Weave } from "./weave.js";

export interface TakenApart extends Pick<Cells, "notes"> {
  readonly parts: readonly CellParts[];
  readonly cells: readonly Cell[];
  /** All names that cells declare. */
  readonly declared: ReadonlySet<string>;
}

export function takeCellsApart({ cells, notes }: Cells): TakenApart {
  let order = 0;
  const parts = cells.map((cell) => {
    const made = takeApart(cell, order);
    order += cell.text.length + 1;
    return made;
  });
  const bound = parts.flatMap(({ items }) => items.flatMap(({ binds }) => binds));
  return { parts, cells, notes, declared: new Set(bound.map(({ name }) => name)) };
}

export interface NotebookModule {
  readonly text: string;
  readonly locate: (line: number, column: number) => string;
  readonly origin: (line: number, column: number) => Origin;
  readonly notes: readonly string[];
}

/** @param names the exercises of the lesson; those that the notebook does not answer stay to do. */
export function notebookModule(
  notebook: TakenApart,
  { slug, names }: { readonly slug: string; readonly names: readonly string[] },
): NotebookModule {
  const notes = [...notebook.notes];
  const items = notebook.parts.flatMap((part) => part.items);
  for (const name of names.filter((each) => !notebook.declared.has(each))) {
    const given = notebook.parts
      .flatMap(({ answers }) => answers)
      .findLast((answer) => answer.slug === slug && answer.name === name);
    if (given === undefined) continue;
    const { item } = given;
    const { start } = item.source;
    items.push({ ...item, binds: [{ name, start, end: start, shorthand: false }] });
    notes.push(
      `${name} is declared nowhere in the notebook; its answer is the one given to check("${slug}", …) in ${item.cell.label}`,
    );
  }
  const declarations = new Declarations(items);
  const answered = names.filter((name) => declarations.isValue(name));
  const weave = new Weave();
  for (const item of declarations.reachedFrom(answered)) write(item, declarations, weave);
  const tail = exportsOf(answered, names);
  const unknown = { label: "notebook", text: "", line: 1, column: 1 };
  const lines = weave.text.split("\n").length;
  const origin = (line: number, column: number) =>
    line > lines ? unknown : (weave.origin(line, column) ?? unknown);
  return {
    text: weave.text + tail,
    origin,
    locate: (line, column) => {
      const at = origin(line, column);
      return `${at.label}:${at.line}:${at.column}`;
    },
    notes,
  };
}

function exportsOf(answered: readonly string[], names: readonly string[]): string {
  const open = names.filter((name) => !answered.includes(name));
  return [
    ...(open.length === 0 ? [] : ['import { todo as $todo } from "workbook/grading/todo";']),
    // Of type never, which fits wherever an answer would.
    ...open.map((name) => `export const ${name} = $todo<never>("${name}");`),
    ...(answered.length === 0 ? [] : [`export { ${answered.join(", ")} };`]),
    "",
  ].join("\n");
}

function write(item: Item, declarations: Declarations, weave: Weave): void {
  const { cell, source, before, after, from, binds, uses } = item;
  weave.own(before, cell, source.start);
  const renamed = [...binds.map((each) => [each, declarations.nameOf(item, each.name)] as const)];
  for (const use of uses) renamed.push([use, declarations.nameUsed(item, use.name)]);
  let end = source.start;
  for (const [mention, name] of renamed.sort(([a], [b]) => a.start - b.start)) {
    if (name === mention.name) continue;
    weave.copy(cell, end, mention.start);
    weave.own(renaming(mention, name, from !== undefined), cell, mention.start);
    end = mention.end;
  }
  weave.copy(cell, end, source.end);
  weave.own(after, cell, source.end);
  if (from === undefined) return;
  weave.copy(cell, from.start, from.end);
  weave.own(";\n", cell, from.end);
}

function renaming({ name, shorthand }: Mention, other: string, isImport: boolean): string {
  if (!shorthand) return other;
  return isImport ? `${name} as ${other}` : `${name}: ${other}`;
}
