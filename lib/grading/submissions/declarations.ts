/** All declarations of a notebook: which of them a name means, and what a module of some of them needs. */

import type { Cell } from "./cells.js";
import type { Item } from "./statements.js";

/** A name's declarations in one cell: overloads and merged interfaces belong together. */
interface Version {
  readonly cell: Cell;
  readonly order: number;
  /** Unique in the module; the name itself for the last version. */
  readonly unique: string;
  readonly items: readonly Item[];
}

export class Declarations {
  readonly #items: readonly Item[];
  readonly #versions = new Map<string, readonly Version[]>();
  /** Statements that change what a version holds. */
  readonly #changes = new Map<Version, Item[]>();

  constructor(items: readonly Item[]) {
    this.#items = [...items].sort((a, b) => a.order - b.order);
    for (const [name, cells] of grouped(this.#items)) {
      const groups = [...cells];
      const versions = groups.map(([cell, group], i): Version => {
        const unique = i === groups.length - 1 ? name : `${name}$${i + 1}`;
        return { cell, order: group[0]!.order, unique, items: group };
      });
      this.#versions.set(name, versions);
    }
    for (const item of this.#items) {
      for (const name of item.changes) {
        const version = this.#meant(item, name);
        // Above the declaration there is nothing to change yet.
        if (version === undefined || version.order > item.order) continue;
        const changes = this.#changes.get(version) ?? [];
        changes.push(item);
        this.#changes.set(version, changes);
      }
    }
  }

  isValue(name: string): boolean {
    return this.#last(name)?.items.some(({ isType }) => !isType) ?? false;
  }

  /** How the item's own declaration of a name is called in the module. */
  nameOf(item: Item, name: string): string {
    return this.#own(item, name)?.unique ?? name;
  }

  /** How a name that the item uses is called in the module. */
  nameUsed(item: Item, name: string): string {
    return this.#meant(item, name)?.unique ?? name;
  }

  /** Everything that the last declarations of these names need, each after what it needs while it is loaded. */
  reachedFrom(names: readonly string[]): Item[] {
    const reached = new Set<Version>(names.flatMap((name) => this.#last(name) ?? []));
    const kept = new Set<Item>();
    const keep = (item: Item) => {
      if (kept.has(item)) return;
      kept.add(item);
      for (const { name } of item.uses) add(this.#meant(item, name));
      // A pattern declares other names too.
      for (const { name } of item.binds) add(this.#own(item, name));
    };
    const add = (version: Version | undefined) => {
      if (version !== undefined) reached.add(version);
    };
    // A set grows while it is walked through.
    for (const version of reached) {
      version.items.forEach(keep);
      this.#changes.get(version)?.forEach(keep);
    }
    return this.#sorted(kept);
  }

  #last(name: string): Version | undefined {
    return this.#versions.get(name)?.at(-1);
  }

  #own(item: Item, name: string): Version | undefined {
    return this.#versions.get(name)?.find(({ cell }) => cell === item.cell);
  }

  /** What is evaluated while loading means the declaration above it; a function's body the last one. */
  #meant(item: Item, name: string): Version | undefined {
    const versions = this.#versions.get(name);
    const above = item.eager ? versions?.findLast(({ order }) => order < item.order) : undefined;
    return above ?? versions?.at(-1);
  }

  /** The notebook's order, except that what is needed while loading and stands below comes first. */
  #sorted(kept: ReadonlySet<Item>): Item[] {
    const sorted = new Set<Item>();
    const started = new Set<Item | Version>();
    const place = (item: Item) => {
      if (started.has(item)) return;
      started.add(item);
      for (const { name } of item.eager ? item.uses : []) {
        const version = this.#meant(item, name);
        if (version === undefined || started.has(version)) continue;
        started.add(version);
        for (const needed of version.items) if (kept.has(needed)) place(needed);
      }
      sorted.add(item);
    };
    for (const item of this.#items) if (kept.has(item)) place(item);
    return [...sorted];
  }
}

/** Name → cell → its declarations there. */
function grouped(items: readonly Item[]): Map<string, Map<Cell, Item[]>> {
  const names = new Map<string, Map<Cell, Item[]>>();
  for (const item of items) {
    for (const { name } of item.binds) {
      const cells = names.get(name) ?? new Map<Cell, Item[]>();
      const group = cells.get(item.cell) ?? [];
      group.push(item);
      names.set(name, cells.set(item.cell, group));
    }
  }
  return names;
}
