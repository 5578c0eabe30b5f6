/** Which exercise a place in a module belongs to: the one that declares it, or those that use what is declared there. */

import * as ast from "../../jupyter/kernel/session/ast.js";
import { blockNames, freeNames, type Mention } from "./names.js";
import { binding, bindings } from "./statements.js";

type Span = Pick<Mention, "start" | "end">;

interface Declaration extends Span {
  readonly names: readonly Mention[];
  readonly uses: readonly string[];
}

export interface ModuleExports {
  /** Modules that the module imports from, in order. */
  readonly imported: readonly string[];
  /** Exported values, and where their names stand. */
  readonly places: ReadonlyMap<string, Span>;
  /** Exported names whose declaration holds the offset, or reaches the one that does; none for a stray statement. */
  readonly owners: (offset: number) => readonly string[];
}

export function moduleExports(program: ast.Node): ModuleExports {
  const statements = ast.nodes(program, "body");
  const declarations = statements.flatMap(declarationsOf);
  const byName = new Map<string, Declaration[]>();
  for (const declaration of declarations) {
    for (const { name } of declaration.names)
      byName
        .set(name, byName.get(name) ?? [])
        .get(name)!
        .push(declaration);
  }
  const declaring = (name: string) => byName.get(name) ?? [];
  const places = new Map<string, Span>();
  const reached = new Map<string, ReadonlySet<Declaration>>();
  for (const [name, { local, at }] of statements.flatMap(exportsOf)) {
    const [first] = declaring(local).flatMap(({ names }) => names.filter((each) => each.name === local));
    places.set(name, first ?? at);
    reached.set(name, reach(local));
  }
  const sources = statements.flatMap((statement) => ast.node(statement, "source") ?? []);
  return {
    imported: sources.map(({ value }) => String(value)),
    places,
    owners: (offset) => {
      const holding = declarations.filter(({ start, end }) => start <= offset && offset <= end);
      return [...reached].filter(([, all]) => holding.some((one) => all.has(one))).map(([name]) => name);
    },
  };

  function reach(name: string): Set<Declaration> {
    const names = new Set([name]);
    // A set grows while it is walked through.
    for (const next of names) for (const { uses } of declaring(next)) for (const use of uses) names.add(use);
    return new Set([...names].flatMap(declaring));
  }
}

function declarationsOf(statement: ast.Node): Declaration[] {
  const inner = ast.node(statement, "declaration") ?? statement;
  const whole = (node: ast.Node, names: readonly Mention[]): Declaration => {
    const { start, end } = node;
    return { start, end, names, uses: [...new Set(freeNames(node).map(({ name }) => name))] };
  };
  if (inner.type === "VariableDeclaration") {
    return ast.nodes(inner, "declarations").map((each) => whole(each, bindings(ast.node(each, "id")!)));
  }
  if (inner.type === "ImportDeclaration") {
    return [
      whole(
        inner,
        ast.nodes(inner, "specifiers").map((each) => binding(ast.node(each, "local")!)),
      ),
    ];
  }
  return blockNames(inner).length > 0 ? [whole(inner, [binding(ast.node(inner, "id")!)])] : [];
}

/** Exported name → local name, and where the export stands. */
function exportsOf(statement: ast.Node): [string, { readonly local: string; readonly at: Span }][] {
  if (statement.type !== "ExportNamedDeclaration" || statement.exportKind === "type") return [];
  const inner = ast.node(statement, "declaration");
  if (inner !== undefined && /^TS(TypeAlias|Interface)Declaration$/.test(inner.type)) return [];
  const declared = inner === undefined ? [] : declarationsOf(inner).flatMap(({ names }) => names);
  const specifiers = ast.nodes(statement, "specifiers").filter(({ exportKind }) => exportKind !== "type");
  return [
    ...declared.map((at): [string, { local: string; at: Span }] => [at.name, { local: at.name, at }]),
    ...specifiers.map((at): [string, { local: string; at: Span }] => {
      const local = ast.name(ast.node(at, "local"));
      return [ast.name(ast.node(at, "exported")), { local, at }];
    }),
  ];
}
