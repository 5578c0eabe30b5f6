/**
 * A notebook as one module: the exercises' answers and what they reach, without the rest of the session.
 *
 * Cells are run again, pasted twice and left behind, so a name means its last declaration. Only what is evaluated while
 * the module is loaded (`const D = C / 8`) takes the declaration that stood above it, as it did in the session. No
 * training loop, plot or check() is part of the module unless a constant that an answer reaches is made by it.
 */

import type { Cell, Cells } from "./cells.js";
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
  const session = new Session(items);
  const answered = names.filter((name) => session.isValue(name));
  const weave = new Weave();
  for (const item of session.reachedFrom(answered)) write(item, session, weave);
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

function write(item: Item, session: Session, weave: Weave): void {
  const { cell, source, before, after, from, binds, uses } = item;
  weave.own(before, cell, source.start);
  const renamed = [...binds.map((each) => [each, session.nameOf(item, each.name)] as const)];
  for (const use of uses) renamed.push([use, session.nameUsed(item, use.name)]);
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

/** A name's declarations in one cell: overloads and merged interfaces belong together. */
interface Version {
  readonly name: string;
  /** Unique in the module; the name itself for the last version. */
  readonly unique: string;
  readonly order: number;
  readonly items: Item[];
}

/** All declarations of a notebook, and which of them a name means. */
class Session {
  readonly #items: readonly Item[];
  readonly #versions = new Map<string, Version[]>();

  constructor(items: readonly Item[]) {
    this.#items = [...items].sort((a, b) => a.order - b.order);
    const perCell = new Map<string, Map<Cell, Item[]>>();
    for (const item of this.#items) {
      for (const { name } of item.binds) {
        const cells = perCell.get(name) ?? new Map<Cell, Item[]>();
        perCell.set(name, cells.set(item.cell, [...(cells.get(item.cell) ?? []), item]));
      }
    }
    for (const [name, cells] of perCell) {
      const groups = [...cells.values()];
      const made = groups.map((group, i): Version => {
        const unique = i === groups.length - 1 ? name : `${name}$${i + 1}`;
        return { name, unique, order: group[0]!.order, items: group };
      });
      this.#versions.set(name, made);
    }
  }

  isValue(name: string): boolean {
    return (
      this.#versions
        .get(name)
        ?.at(-1)
        ?.items.some(({ isType }) => !isType) ?? false
    );
  }

  /** How the item's own declaration of a name is called in the module. */
  nameOf(item: Item, name: string): string {
    return this.#versions.get(name)?.find(({ items }) => items.includes(item))?.unique ?? name;
  }

  nameUsed(item: Item, name: string): string {
    return this.#meant(item, name)?.unique ?? name;
  }

  /** Everything that these names need, each after what it needs while it is loaded. */
  reachedFrom(names: readonly string[]): Item[] {
    const kept = new Set<Item>();
    const waiting = names.flatMap((name) => this.#versions.get(name)?.at(-1)?.items ?? []);
    const drain = () => {
      for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
        if (kept.has(item)) continue;
        kept.add(item);
        for (const { name } of item.uses) waiting.push(...(this.#meant(item, name)?.items ?? []));
      }
    };
    drain();
    for (let before = -1; before < kept.size; drain()) {
      before = kept.size;
      waiting.push(...this.#items.filter((item) => !kept.has(item) && this.#makes(item, kept)));
      if (waiting.length === 0) break;
    }
    return this.#sorted(kept);
  }

  /** Whether a statement changes a value that is kept, below its declaration. */
  #makes(item: Item, kept: ReadonlySet<Item>): boolean {
    return item.changes.some((name) => {
      const version = this.#meant(item, name);
      return (
        version !== undefined && version.order < item.order && version.items.some((each) => kept.has(each))
      );
    });
  }

  #meant(item: Item, name: string): Version | undefined {
    const versions = this.#versions.get(name);
    const above = item.eager ? versions?.findLast(({ order }) => order < item.order) : undefined;
    return above ?? versions?.at(-1);
  }

  /** The notebook's order, except that what is needed while loading and stands below comes first. */
  #sorted(kept: ReadonlySet<Item>): Item[] {
    const sorted = new Set<Item>();
    const started = new Set<Item>();
    const place = (item: Item) => {
      if (started.has(item)) return;
      started.add(item);
      for (const { name } of item.eager ? item.uses : []) {
        for (const needed of this.#meant(item, name)?.items ?? []) if (kept.has(needed)) place(needed);
      }
      sorted.add(item);
    };
    for (const item of this.#items) if (kept.has(item)) place(item);
    return [...sorted];
  }
}
