/** What a cell declares and mentions, read from its syntax alone. */

import {
  type BindingPattern,
  type Comment,
  type ImportDeclaration,
  type Node,
  parseSync,
  type Statement,
  type VariableDeclaration,
} from "oxc-parser";

/**
 * How a later cell gets at a name: `alias` for what never changes (a class, a type, a constant), `variable` for what
 * later cells may assign to, `inferred` for a constant whose type TypeScript cannot name from outside (`const rows = []`).
 */
export type Kind = "alias" | "variable" | "inferred";

/** A part of a cell's text that stands elsewhere in the session document, or nowhere. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

export interface CellSyntax {
  /** False when the text is not TypeScript; everything below is then a guess. */
  readonly valid: boolean;
  /** Names that the cell declares at its top level. */
  readonly declared: ReadonlyMap<string, Kind>;
  /** Doc comments of variables, as written. */
  readonly docs: ReadonlyMap<string, string>;
  readonly imports: readonly ImportDeclaration[];
  /** Statements that only the top level of a module may hold, besides `imports`. */
  readonly hoisted: readonly Cut[];
  /** `export` keywords and whole export statements: a cell's names are visible without them. */
  readonly cuts: readonly Cut[];
}

const identifiers = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu;

/** Every word of the text that could be a name; words of strings and comments too, which does no harm. */
export function mentions(code: string): Set<string> {
  return new Set(code.match(identifiers));
}

export function readSyntax(code: string): CellSyntax {
  const { program, errors, comments } = parseSync("cell.ts", code, { lang: "ts", sourceType: "module" });
  if (errors.length > 0) return guess(code);
  const reader = new Reader((statement) => docBefore(statement.start, code, comments));
  for (const statement of program.body) reader.topLevel(statement as Statement);
  return { valid: true, ...reader };
}

/** For a cell that is being typed: enough that its own declarations hide those of earlier cells. */
function guess(code: string): CellSyntax {
  const declarations =
    /\b(?:const|let|var|function\s*\*?|class|enum|interface|type)\s+([\p{ID_Start}$_][\p{ID_Continue}$]*)/gu;
  const imported = /\bimport\b([^;'"]*)\bfrom\b/gu;
  const declared = new Map<string, Kind>();
  for (const [, name] of code.matchAll(declarations)) declared.set(name!, "alias");
  for (const [, clause] of code.matchAll(imported))
    for (const name of mentions(clause!)) declared.set(name, "alias");
  return { valid: false, declared, docs: new Map(), imports: [], hoisted: [], cuts: [] };
}

/** The doc comment that ends where a statement, or its `export`, begins. */
function docBefore(start: number, code: string, comments: readonly Comment[]): string | undefined {
  const doc = comments.findLast(({ end }) => end <= start);
  if (doc?.type !== "Block" || !doc.value.startsWith("*")) return undefined;
  return /^\s*(export\s+)?$/.test(code.slice(doc.end, start)) ? code.slice(doc.start, doc.end) : undefined;
}

class Reader {
  readonly declared = new Map<string, Kind>();
  readonly docs = new Map<string, string>();
  readonly imports: ImportDeclaration[] = [];
  readonly hoisted: Cut[] = [];
  readonly cuts: Cut[] = [];
  readonly #docOf: (statement: VariableDeclaration) => string | undefined;

  constructor(docOf: (statement: VariableDeclaration) => string | undefined) {
    this.#docOf = docOf;
  }

  topLevel(statement: Statement): void {
    switch (statement.type) {
      case "ImportDeclaration":
        this.imports.push(statement);
        for (const specifier of statement.specifiers) this.declared.set(specifier.local.name, "alias");
        return;
      case "ExportAllDeclaration":
      case "TSExportAssignment":
      case "TSNamespaceExportDeclaration":
        this.cuts.push(statement);
        return;
      case "ExportNamedDeclaration":
        if (statement.declaration === null) this.cuts.push(statement);
        else this.#exported(statement.start, statement.declaration as Statement);
        return;
      case "ExportDefaultDeclaration": {
        const { declaration } = statement;
        if ("id" in declaration && declaration.id !== null) {
          this.#exported(statement.start, declaration as unknown as Statement);
        } else this.cuts.push(statement);
        return;
      }
      case "TSModuleDeclaration":
        if (statement.kind === "global") this.hoisted.push(statement);
        else if (statement.id.type === "Identifier") this.declared.set(statement.id.name, "alias");
        else if (statement.id.type === "Literal") this.hoisted.push(statement);
        return;
      case "VariableDeclaration":
        this.#variables(statement);
        return;
      case "FunctionDeclaration":
      case "TSDeclareFunction":
      case "ClassDeclaration":
      case "TSEnumDeclaration":
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
      case "TSImportEqualsDeclaration":
        if (statement.id !== null) this.declared.set(statement.id.name, "alias");
        return;
      default:
        this.#nestedVars(statement);
    }
  }

  #exported(start: number, declaration: Statement): void {
    this.cuts.push({ start, end: declaration.start });
    this.topLevel(declaration);
  }

  #variables(statement: VariableDeclaration): void {
    const { kind, declarations } = statement;
    const doc = this.#docOf(statement);
    for (const { id, init } of declarations) {
      const changeable = kind === "var" || kind === "let";
      const grows = init?.type === "ArrayExpression" && init.elements.length === 0;
      for (const name of boundNames(id)) {
        this.declared.set(name, changeable ? "variable" : grows ? "inferred" : "alias");
        if (doc !== undefined) this.docs.set(name, doc);
      }
    }
  }

  /** A `var` belongs to the cell from within blocks and loops too, but not from within functions. */
  #nestedVars(node: Node | Statement): void {
    if (node.type === "VariableDeclaration") {
      if (node.kind === "var") this.#variables(node);
      return;
    }
    if (/Function|Class|Expression$/.test(node.type)) return;
    for (const child of Object.values(node)) {
      for (const item of Array.isArray(child) ? child : [child]) {
        if (typeof item === "object" && item !== null && typeof item.type === "string")
          this.#nestedVars(item);
      }
    }
  }
}

function boundNames(pattern: BindingPattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "AssignmentPattern":
      return boundNames(pattern.left);
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => {
        if (element === null) return [];
        return boundNames(element.type === "RestElement" ? element.argument : element);
      });
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        boundNames(property.type === "RestElement" ? property.argument : property.value),
      );
  }
}
