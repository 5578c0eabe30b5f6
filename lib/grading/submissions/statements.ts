/** Takes a cell apart: what its top level declares and imports, what it changes, and the answers given to check(). */

import * as ast from "../../jupyter/kernel/session/ast.js";
import type { Cell } from "./cells.js";
import { blockNames, freeNames, type Mention } from "./names.js";

/** A top-level declaration, or one declarator or import of it: the least that can be kept alone. */
export interface Item {
  readonly cell: Cell;
  /** Position in the notebook. */
  readonly order: number;
  /** What it declares, and where that name stands. Empty for a statement that only does something. */
  readonly binds: readonly Mention[];
  readonly uses: readonly Mention[];
  /** It uses names when it is loaded, not only when somebody calls it. */
  readonly eager: boolean;
  readonly isType: boolean;
  /** Copied from the cell, between texts of our own. */
  readonly source: { readonly start: number; readonly end: number };
  readonly before: string;
  readonly after: string;
  /** An import's module; copied too. */
  readonly from?: { readonly start: number; readonly end: number };
  /** Names whose values it changes. */
  readonly changes: readonly string[];
}

/** `check("slug", { name: … })` */
export interface CheckedAnswer {
  readonly slug: string;
  readonly name: string;
  readonly item: Item;
}

export interface CellParts {
  readonly items: readonly Item[];
  readonly answers: readonly CheckedAnswer[];
  /** Every lesson that check() is called for, with answers or without. */
  readonly checked: readonly string[];
}

export function takeApart(cell: Cell, firstOrder: number): CellParts {
  const items: Item[] = [];
  const answers: CheckedAnswer[] = [];
  const checked: string[] = [];
  let order = firstOrder;
  const item = (node: ast.Node, rest: Partial<Item>): Item => ({
    cell,
    order: order++,
    binds: [],
    uses: freeNames(node),
    eager: false,
    isType: false,
    source: node,
    before: "",
    after: "\n",
    changes: [],
    ...rest,
  });
  for (const statement of ast.nodes(cell.tree.program, "body")) {
    const inner = exported(statement);
    if (inner.type === "ImportDeclaration") {
      const from = ast.node(inner, "source")!;
      for (const specifier of ast.nodes(inner, "specifiers")) {
        const local = ast.node(specifier, "local")!;
        const [open, close] = specifier.type === "ImportSpecifier" ? ["{ ", " }"] : ["", ""];
        const type = inner.importKind === "type" ? "type " : "";
        items.push(
          item(specifier, {
            // `{ a }` and not `{ a as b }`.
            binds: [binding(local, ast.node(specifier, "imported")?.start === local.start)],
            uses: [],
            before: `import ${type}${open}`,
            after: `${close} from `,
            from,
          }),
        );
      }
    } else if (inner.type === "VariableDeclaration") {
      const declare = inner.declare === true ? "declare " : "";
      for (const declarator of ast.nodes(inner, "declarations")) {
        const init = ast.node(declarator, "init");
        const binds = bindings(ast.node(declarator, "id")!);
        const own = new Set(binds.map(({ start }) => start));
        items.push(
          item(declarator, {
            binds,
            uses: freeNames(declarator).filter(({ start }) => !own.has(start)),
            eager: init !== undefined && !ast.isFunction(init),
            before: `${declare}${String(inner.kind)} `,
            after: ";\n",
          }),
        );
      }
    } else if (blockNames(inner).length > 0) {
      const id = ast.node(inner, "id")!;
      items.push(
        item(inner, {
          binds: [binding(id)],
          eager: inner.type === "ClassDeclaration" || inner.type === "TSEnumDeclaration",
          isType: /^TS(TypeAlias|Interface)Declaration$/.test(inner.type),
        }),
      );
    } else {
      for (const call of calls(inner)) {
        const [slug, given] = ast.nodes(call, "arguments");
        if (!/^(check|judged)$/.test(ast.name(ast.node(call, "callee"))) || typeof slug?.value !== "string")
          continue;
        checked.push(slug.value);
        for (const property of given?.type === "ObjectExpression" ? ast.nodes(given, "properties") : []) {
          const answer = givenAnswer(property, item);
          if (answer !== undefined) answers.push({ slug: slug.value, ...answer });
        }
      }
      const changes = [...changedNames(inner)];
      if (changes.length > 0) items.push(item(inner, { eager: true, changes }));
    }
  }
  return { items, answers, checked };
}

function givenAnswer(
  property: ast.Node,
  item: (node: ast.Node, rest: Partial<Item>) => Item,
): { name: string; item: Item } | undefined {
  const key = ast.node(property, "key");
  const value = ast.node(property, "value");
  if (property.type !== "Property" || property.computed === true || key === undefined || value === undefined)
    return;
  // `{ softmax }` names a declaration, which counts by itself.
  if (property.shorthand === true) return;
  const name = ast.name(key) || String(key.value);
  const isMethod = property.method === true;
  const [before, after] = isMethod ? ["({ ", ` }).${name};\n`] : ["", ";\n"];
  const rest = { before: `const ${name} = ${before}`, after, eager: !isMethod && !ast.isFunction(value) };
  return { name, item: item(isMethod ? property : value, rest) };
}

/** The declaration that an export exports, or the statement itself. */
function exported(statement: ast.Node): ast.Node {
  if (!/^Export(Named|Default)Declaration$/.test(statement.type)) return statement;
  return ast.node(statement, "declaration") ?? statement;
}

export function binding(identifier: ast.Node, shorthand = false): Mention {
  const name = ast.name(identifier);
  return { name, start: identifier.start, end: identifier.start + name.length, shorthand };
}

/** Names in a pattern. */
export function bindings(pattern: ast.Node, shorthand = false): Mention[] {
  switch (pattern.type) {
    case "Identifier":
      return [binding(pattern, shorthand)];
    case "ObjectPattern":
      return ast
        .nodes(pattern, "properties")
        .flatMap((p) =>
          p.type === "Property" ? bindings(ast.node(p, "value")!, p.shorthand === true) : bindings(p),
        );
    case "ArrayPattern":
      return ast.nodes(pattern, "elements").flatMap((element) => bindings(element));
    case "AssignmentPattern":
      return bindings(ast.node(pattern, "left")!, shorthand);
    case "RestElement":
      return bindings(ast.node(pattern, "argument")!);
    default:
      return [];
  }
}

/** Calls outside of functions. */
function calls(n: ast.Node): ast.Node[] {
  if (ast.isFunction(n)) return [];
  const inner = ast.children(n).flatMap(calls);
  return n.type === "CallExpression" ? [n, ...inner] : inner;
}

const mutators = /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set|add|delete|clear|assign)$/;

/** Variables that a statement assigns to, or whose array, map or set it changes. */
function changedNames(n: ast.Node): Set<string> {
  const found = new Set<string>();
  const free = new Set(freeNames(n).map(({ name }) => name));
  const walk = (node: ast.Node) => {
    const target =
      node.type === "AssignmentExpression"
        ? ast.node(node, "left")
        : node.type === "UpdateExpression"
          ? ast.node(node, "argument")
          : node.type === "CallExpression" && mutators.test(calledMethod(node))
            ? ast.node(ast.node(node, "callee")!, "object")
            : undefined;
    for (const name of target === undefined ? [] : roots(target)) if (free.has(name)) found.add(name);
    for (const child of ast.children(node)) walk(child);
  };
  walk(n);
  return found;
}

function calledMethod(call: ast.Node): string {
  const callee = ast.node(call, "callee");
  return callee?.type === "MemberExpression" ? ast.name(ast.node(callee, "property")) : "";
}

/** `x` of `x`, `x[i].y` and `[x, y]`. */
function roots(target: ast.Node): string[] {
  if (target.type === "MemberExpression") return roots(ast.node(target, "object")!);
  return ast.patternNames(target);
}
