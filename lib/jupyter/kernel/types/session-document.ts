/**
 * All committed cells as one module of namespaces, one namespace a cell:
 *
 *     import * as $cell1_tf from "@tensorflow/tfjs";
 *     namespace $cell1_ { export { $cell1_tf as tf }; }
 *     export namespace $cell1 { import tf = $cell1_.tf; const x = tf.scalar(1); export { x, tf }; }
 *     export namespace $cell2 { import x = $cell1.x; const y = await x.data(); export { y }; }
 *
 * TypeScript objects to some of it (an await in a namespace), but nobody asks for this module's diagnostics, and types
 * are inferred all the same. One module, because the language server builds its program anew whenever the files or
 * their imports change: with a document for each cell every check costs what all of tfjs's files cost.
 */

import type { ImportDeclaration } from "oxc-parser";
import { type Annotation, annotate } from "./explicit.js";
import { type CellSyntax, type Kind, mentions, readSyntax } from "./syntax.js";

interface CommittedCell {
  readonly id: string;
  readonly text: string;
  /** Ids of the cells whose names this one uses. */
  readonly uses: readonly string[];
}

interface Name {
  readonly id: string;
  readonly kind: Kind;
  /** The doc comment of what is declared anew for each cell: an alias leads to the original's. */
  readonly doc: string | undefined;
}

/** Below this many cells, those that nothing refers to any more are not worth removing. */
const fewCells = 64;

export class SessionDocument {
  /** The module's text. */
  text = "export {};\n";
  /** The names that the next cell sees. */
  #live = new Map<string, Name>();
  #cells = new Map<string, CommittedCell>();
  #last = 0;
  #keepAtLeast = fewCells;

  /**
   * Lines that give a cell the names it mentions of earlier cells; `"all"` for one that is being typed.
   * `from` is the module specifier of this document.
   */
  prefix(code: string, from: string, names: "mentioned" | "all" = "mentioned"): string {
    const { declared } = readSyntax(code);
    const wanted = names === "all" ? this.#live.keys() : mentions(code);
    const { ids, declarations } = this.#bring([...wanted].filter((name) => !declared.has(name)));
    // The empty statement: right after an `import a = b;` the server completes a word as if it went on with the import.
    return `import { ${ids.join(", ")} } from "${from}"; ${declarations};`;
  }

  /** Whether a name is one of the session's. */
  has(name: string): boolean {
    return this.#live.has(name);
  }

  /** Adds a cell, with the types that it left to inference; false when it changes nothing for later cells. */
  add(code: string, inferred: readonly Annotation[] = []): boolean {
    const syntax = readSyntax(code);
    if (!syntax.valid) return false;
    const { declared, docs, imports, hoisted } = syntax;
    if (declared.size + imports.length + hoisted.length === 0) return false;
    const id = `$cell${++this.#last}`;
    const mentioned = [...mentions(code)].filter((name) => !declared.has(name));
    const { ids, declarations } = this.#bring(mentioned);
    const imported = imports.flatMap(({ specifiers }) => specifiers.map(({ local }) => local.name));
    const text = [
      ...imports.map((one) => hoistImport(one, id, code)),
      ...hoisted.map(({ start, end }) => code.slice(start, end)),
      // `import x = A.x` takes a type, a value or both, but only from a namespace: hence one for the imports.
      `namespace ${id}_ { export { ${imported.map((name) => `${id}_${name} as ${name}`).join(", ")} }; }`,
      `export namespace ${id} { ${declarations} ${imported.map((name) => `import ${name} = ${id}_.${name};`).join(" ")}`,
      explicit(blankOut(code, syntax), inferred),
      `export { ${[...declared.keys()].join(", ")} }; }\n`,
    ].join("\n");
    this.#cells.set(id, { id, text, uses: ids });
    for (const [name, kind] of declared) this.#live.set(name, { id, kind, doc: docs.get(name) });
    this.text += text;
    if (this.#cells.size > this.#keepAtLeast) this.#sweep();
    return true;
  }

  /** Ids to import, and declarations that make the names usable. */
  #bring(names: readonly string[]): { ids: string[]; declarations: string } {
    const ids = new Set<string>();
    const declarations: string[] = [];
    for (const name of names) {
      const found = this.#live.get(name);
      if (found === undefined) continue;
      ids.add(found.id);
      const qualified = `${found.id}.${name}`;
      declarations.push(
        found.kind === "alias"
          ? `import ${name} = ${qualified};`
          : `${found.doc ? `\n${found.doc}\n` : ""}declare ${found.kind === "variable" ? "let" : "const"} ${name}: typeof ${qualified};`,
      );
    }
    return { ids: [...ids], declarations: declarations.join(" ") };
  }

  /** Drops cells that no name leads to, so that a cell that is run again and again does not fill the document. */
  #sweep(): void {
    const reached = new Set<string>();
    const waiting = [...this.#live.values()].map(({ id }) => id);
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      waiting.push(...this.#cells.get(id)!.uses);
    }
    for (const id of this.#cells.keys()) if (!reached.has(id)) this.#cells.delete(id);
    this.text = `export {};\n${[...this.#cells.values()].map(({ text }) => text).join("")}`;
    this.#keepAtLeast = Math.max(fewCells, 2 * this.#cells.size);
  }
}

/** The import with its names made unique: `import { a as $cell3_a } from "m";` */
function hoistImport(statement: ImportDeclaration, id: string, code: string): string {
  const from = code.slice(statement.source.start, statement.end);
  if (statement.specifiers.length === 0) return `import ${from}`;
  const named: string[] = [];
  const others: string[] = [];
  for (const specifier of statement.specifiers) {
    const local = `${id}_${specifier.local.name}`;
    if (specifier.type === "ImportDefaultSpecifier") others.push(local);
    else if (specifier.type === "ImportNamespaceSpecifier") others.push(`* as ${local}`);
    else {
      const imported = code.slice(specifier.imported.start, specifier.imported.end);
      named.push(`${specifier.importKind === "type" ? "type " : ""}${imported} as ${local}`);
    }
  }
  const clause = [...others, ...(named.length > 0 ? [`{ ${named.join(", ")} }`] : [])].join(", ");
  return `import ${statement.importKind === "type" ? "type " : ""}${clause} from ${from}`;
}

/** The cell with its types written out, unless that is no TypeScript: `x: number => x`. */
function explicit(text: string, inferred: readonly Annotation[]): string {
  if (inferred.length === 0) return text;
  const annotated = annotate(text, inferred);
  return readSyntax(annotated).valid ? annotated : text;
}

/** The cell without what may not stand in a namespace, every other character in its place. */
function blankOut(code: string, { imports, hoisted, cuts }: CellSyntax): string {
  const parts = [...imports, ...hoisted, ...cuts].sort((a, b) => a.start - b.start);
  let text = "";
  let end = 0;
  for (const part of parts) {
    text += code.slice(end, part.start) + code.slice(part.start, part.end).replace(/[^\r\n]/g, " ");
    end = part.end;
  }
  return text + code.slice(end);
}
