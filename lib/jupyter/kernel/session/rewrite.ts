/**
 * Rewrites a cell, already plain JavaScript, so that its top-level variables are the session's.
 *
 *   const x = f(1)          →  $$x.v = (0, $$f.v)(1)          one box for a variable, shared by all cells
 *   ({ q })                 →  ({ q: $$q.v })
 *   await p                 →  $$resume(await $$await(p, 17)) 17 tells where: interrupts and stackless errors need it
 *   import("x")             →  $$import("x")
 *   import { a } from "m"   →  await $$load(0)                before everything else
 *   last expression         →  return [(…)]
 */

import * as ast from "./ast.js";
import type { Edits } from "./edits.js";
import { references } from "./references.js";
import type { Kind } from "./scope.js";
import { usingHelper } from "./syntax.js";

/** A static import: the module, and local name → exported name (`*` the namespace). */
export interface Import {
  readonly specifier: string;
  readonly names: ReadonlyMap<string, string>;
  /** Where it stands in the rewritten source. */
  readonly offset: number;
}

export interface Rewritten {
  readonly declared: ReadonlyMap<string, Kind>;
  readonly imports: readonly Import[];
  /** Hoisted functions. */
  readonly functions: readonly string[];
  /** Every variable of the session that the cell names. */
  readonly used: ReadonlySet<string>;
}

/** Names of the lowered `using` stay inside the cell. */
const helper = /^_usingCtx\d*$/;

/**
 * @param kindOf How earlier cells declared a variable.
 * @param given Names that a cell gets from its environment: `require`, `__dirname`.
 */
export function rewrite(
  program: ast.Node,
  edits: Edits,
  kindOf: (name: string) => Kind | undefined,
  given: ReadonlySet<string>,
): Rewritten {
  const declared = new Map<string, Kind>();
  const imports: Import[] = [];
  const functions: string[] = [];
  const used = new Set<string>();

  const body = ast.nodes(program, "body");
  const { visit, variables, functionScope, box } = references(edits, {
    isSessions: (name) => {
      if (helper.test(name)) return false;
      if (declared.has(name) || kindOf(name) !== undefined) return true;
      return !given.has(name) && !(name in globalThis);
    },
    isConstant: (name) => /^(const|import)$/.test(declared.get(name) ?? kindOf(name) ?? ""),
    isOwn: (name) => helper.test(name),
    use: (name) => used.add(name),
  });

  for (const statement of body) declare(exported(statement));
  for (const name of ast.varNames(program)) if (!helper.test(name)) declared.set(name, "var");
  for (const statement of body) topLevel(statement);
  returnLast(body);
  for (const name of declared.keys()) used.add(name);
  return { declared, imports, functions, used };

  function declare(statement: ast.Node): void {
    if (statement.type === "ImportDeclaration") {
      for (const specifier of ast.nodes(statement, "specifiers")) {
        const local = ast.name(ast.node(specifier, "local"));
        if (!helper.test(local)) declared.set(local, "import");
      }
    } else if (statement.kind !== "var") {
      const kind = statement.kind === "const" ? "const" : "let";
      for (const name of ast.declaredNames(statement)) declared.set(name, kind);
    }
  }

  function topLevel(statement: ast.Node): void {
    const inner = exported(statement);
    const id = ast.node(inner, "id");
    if (inner !== statement) edits.replace(statement.start, inner.start, "");
    if (inner.type === "ImportDeclaration" || inner.type.startsWith("Export")) importOrExport(inner);
    else if (inner.type === "VariableDeclaration") variables(inner, []);
    else if (/^(Function|Class)Declaration$/.test(inner.type) && id === undefined) wrapDefault(inner);
    else if (inner.type === "FunctionDeclaration") {
      functions.push(ast.name(id));
      functionScope(inner, []);
    } else if (inner.type === "ClassDeclaration") {
      edits.insert(inner.start, `${box(ast.name(id))}.v = `);
      visit(inner, []);
      edits.insert(inner.end, ";");
    } else visit(inner, []);
  }

  /** `export default function () {}`: nobody can name it, but its inside may name others. */
  function wrapDefault(declaration: ast.Node): void {
    edits.insert(declaration.start, "(");
    visit(declaration, []);
    edits.insert(declaration.end, ");");
  }

  function importOrExport(statement: ast.Node): void {
    const source = ast.node(statement, "source");
    const local = ast.name(ast.node(ast.nodes(statement, "specifiers")[0] ?? statement, "local"));
    const isHelper = source?.value === usingHelper;
    edits.replace(statement.start, statement.end, isHelper ? `const ${local} = $$using;` : "");
    if (source === undefined || isHelper) return;
    const names = new Map<string, string>();
    for (const specifier of ast.nodes(statement, "specifiers")) {
      if (!specifier.type.startsWith("Import")) continue;
      const imported = ast.node(specifier, "imported");
      const from = specifier.type === "ImportNamespaceSpecifier" ? "*" : "default";
      names.set(
        ast.name(ast.node(specifier, "local")),
        imported ? String(imported.name ?? imported.value) : from,
      );
    }
    imports.push({ specifier: String(source.value), names, offset: statement.start });
  }

  /** The last statement's value is the cell's; in the `try` that `using` becomes, the last of that block. */
  function returnLast(statements: readonly ast.Node[]): void {
    const last = statements.at(-1);
    if (last?.type === "TryStatement" && usesHelper(last)) {
      returnLast(ast.nodes(ast.node(last, "block")!, "body"));
      return;
    }
    const value = last?.type === "ExpressionStatement" ? ast.node(last, "expression") : defaultExport(last);
    if (value === undefined) return;
    edits.insertBefore(value.start, "return [(");
    edits.insert(value.end, ")]");
  }

  function usesHelper(statement: ast.Node): boolean {
    return ast.varNames(ast.node(statement, "block")!).some((name) => helper.test(name));
  }
}

/** The declaration that an export exports, or the statement itself. */
function exported(statement: ast.Node): ast.Node {
  if (!/^Export(Named|Default)Declaration$/.test(statement.type)) return statement;
  return ast.node(statement, "declaration") ?? statement;
}

/** The expression of `export default`, which is no declaration. */
function defaultExport(statement: ast.Node | undefined): ast.Node | undefined {
  if (statement?.type !== "ExportDefaultDeclaration") return undefined;
  const value = ast.node(statement, "declaration");
  return value && !/^(Function|Class)Declaration$/.test(value.type) ? value : undefined;
}
