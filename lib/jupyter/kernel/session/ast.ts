/** What the transform needs of a syntax tree: nodes, their children, and the names they declare. */

/** An ESTree node, loosely typed: the walk decides by `type`. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

export function node(parent: Node, key: string): Node | undefined {
  return isNode(parent[key]) ? parent[key] : undefined;
}

export function nodes(parent: Node, key: string): Node[] {
  return Array.isArray(parent[key]) ? (parent[key] as unknown[]).filter(isNode) : [];
}

export function children(parent: Node): Node[] {
  const found: Node[] = [];
  for (const key of Object.keys(parent)) {
    const value = parent[key];
    if (isNode(value)) found.push(value);
    else if (Array.isArray(value)) found.push(...value.filter(isNode));
  }
  return found;
}

export function name(identifier: Node | undefined): string {
  return String(identifier?.name ?? "");
}

export function isFunction({ type }: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type);
}

/** Names that a pattern binds. */
export function patternNames(pattern: Node | undefined): string[] {
  switch (pattern?.type) {
    case "Identifier":
      return [name(pattern)];
    case "ObjectPattern":
      return nodes(pattern, "properties").flatMap((p) => patternNames(node(p, "value") ?? p));
    case "ArrayPattern":
      return nodes(pattern, "elements").flatMap(patternNames);
    case "AssignmentPattern":
      return patternNames(node(pattern, "left"));
    case "RestElement":
      return patternNames(node(pattern, "argument"));
    default:
      return [];
  }
}

/** Names that a declaration binds. */
export function declaredNames(declaration: Node): string[] {
  if (declaration.type === "VariableDeclaration") {
    return nodes(declaration, "declarations").flatMap((d) => patternNames(node(d, "id")));
  }
  return /^(Function|Class)Declaration$/.test(declaration.type) ? patternNames(node(declaration, "id")) : [];
}

/** Names that live in a block: its let, const, class and function declarations. */
export function lexicalNames(statements: readonly Node[]): string[] {
  return statements.filter((s) => s.kind !== "var").flatMap(declaredNames);
}

/** Names of `var` declarations anywhere in a function's body, its inner functions excepted. */
export function varNames(body: Node): string[] {
  if (body.type === "VariableDeclaration") return body.kind === "var" ? declaredNames(body) : [];
  return children(body).flatMap((child) =>
    isFunction(child) || /^Class|Expression$/.test(child.type) ? [] : varNames(child),
  );
}
