/** Finds every name in a tree that is a variable of the session, and rewrites it; inner names are left alone. */

import * as ast from "./ast.js";
import type { Edits } from "./edits.js";

/** The names of the scopes around a node, inside the cell. */
type Scopes = readonly ReadonlySet<string>[];

export interface Names {
  /** Whether a name that no inner scope declares is the session's. */
  isSessions(name: string): boolean;
  isConstant(name: string): boolean;
  /** Names that the transform itself made: they stay inside the cell. */
  isOwn(name: string): boolean;
  /** Told of every variable of the session that the cell names. */
  use(name: string): void;
}

export interface References {
  visit(node: ast.Node, scopes: Scopes): void;
  /** Turns a declaration of the session's variables into assignments. */
  variables(declaration: ast.Node, scopes: Scopes): void;
  functionScope(f: ast.Node, scopes: Scopes): void;
  box(name: string): string;
}

export function references(edits: Edits, names: Names): References {
  return { visit, variables, functionScope, box };

  /** A declaration of the session's variables becomes an assignment. */
  function variables(declaration: ast.Node, scopes: Scopes): void {
    const declarators = ast.nodes(declaration, "declarations");
    edits.replace(declaration.start, declarators[0]!.start, "");
    for (const declarator of declarators) {
      const id = ast.node(declarator, "id")!;
      const init = ast.node(declarator, "init");
      if (names.isOwn(ast.name(id))) {
        edits.insert(declarator.start, "var ");
        if (init) visit(init, scopes);
        continue;
      }
      const pattern = id.type !== "Identifier" && init !== undefined;
      if (pattern) edits.insert(id.start, "(");
      target(id, scopes, true);
      if (init) named(id, init, scopes);
      else if (declaration.kind !== "var") edits.insert(id.end, " = undefined");
      if (pattern) edits.insert(declarator.end, ")");
    }
  }

  /** The value of an assignment: a nameless function takes the variable's name, as the language has it. */
  function named(id: ast.Node, value: ast.Node, scopes: Scopes): void {
    const nameless = (ast.isFunction(value) || value.type === "ClassExpression") && value.id == null;
    const wrap =
      nameless && id.type === "Identifier" && isBox(ast.name(id), scopes) && ast.name(id) !== "__proto__";
    if (wrap) edits.insert(value.start, `({ ${ast.name(id)}: `);
    visit(value, scopes);
    if (wrap) edits.insert(value.end, ` }).${ast.name(id)}`);
  }

  /** What is assigned to; `first` where it is the declaration itself, which may set a constant. */
  function target(pattern: ast.Node, scopes: Scopes, first = false): void {
    switch (pattern.type) {
      case "Identifier": {
        const name = ast.name(pattern);
        if (isBox(name, scopes)) reference(pattern, first || !names.isConstant(name) ? ".v" : ".c");
        return;
      }
      case "ObjectPattern":
        for (const property of ast.nodes(pattern, "properties")) {
          const value = ast.node(property, "value") ?? ast.node(property, "argument")!;
          if (property.computed) visit(ast.node(property, "key")!, scopes);
          shorthand(property, value, scopes);
          target(value, scopes, first);
        }
        return;
      case "ArrayPattern":
        for (const element of ast.nodes(pattern, "elements")) target(element, scopes, first);
        return;
      case "AssignmentPattern":
        target(ast.node(pattern, "left")!, scopes, first);
        named(ast.node(pattern, "left")!, ast.node(pattern, "right")!, scopes);
        return;
      case "RestElement":
        target(ast.node(pattern, "argument")!, scopes, first);
        return;
      default:
        visit(pattern, scopes);
    }
  }

  function shorthand(property: ast.Node, value: ast.Node, scopes: Scopes): void {
    if (property.shorthand !== true) return;
    const key = ast.name(value.type === "AssignmentPattern" ? ast.node(value, "left") : value);
    if (isBox(key, scopes)) edits.insert(property.start, `${key}: `);
  }

  function visit(n: ast.Node, scopes: Scopes): void {
    const all = () => {
      for (const child of ast.children(n)) visit(child, scopes);
    };
    const within = (names: readonly string[]) => [...scopes, new Set(names)];
    switch (n.type) {
      case "Identifier":
        if (isBox(ast.name(n), scopes)) reference(n, ".v");
        return;
      case "MemberExpression":
        visit(ast.node(n, "object")!, scopes);
        if (n.computed) visit(ast.node(n, "property")!, scopes);
        return;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
      case "AccessorProperty": {
        for (const decorator of ast.nodes(n, "decorators")) visit(decorator, scopes);
        if (n.computed) visit(ast.node(n, "key")!, scopes);
        const value = ast.node(n, "value");
        if (value === undefined) return;
        shorthand(n, value, scopes);
        visit(value, scopes);
        return;
      }
      case "LabeledStatement":
        visit(ast.node(n, "body")!, scopes);
        return;
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "MetaProperty":
        if (ast.name(ast.node(n, "meta")) === "import") edits.replace(n.start, n.end, "$$meta");
        return;
      case "ImportExpression":
        edits.replace(n.start, n.start + "import".length, "$$import");
        all();
        return;
      case "CallExpression":
      case "TaggedTemplateExpression": {
        const key = n.type === "CallExpression" ? "callee" : "tag";
        const callee = ast.node(n, key)!;
        // Called as `box.v(…)`, a function would get the box as its `this`.
        if (callee.type === "Identifier" && isBox(ast.name(callee), scopes)) {
          edits.replace(callee.start, callee.end, `(0, ${box(ast.name(callee))}.v)`);
        } else visit(callee, scopes);
        for (const argument of ast.nodes(n, "arguments")) visit(argument, scopes);
        const quasi = ast.node(n, "quasi");
        if (quasi) visit(quasi, scopes);
        return;
      }
      case "UnaryExpression": {
        const argument = ast.node(n, "argument")!;
        if (n.operator === "typeof" && argument.type === "Identifier" && isBox(ast.name(argument), scopes)) {
          reference(argument, ".peek");
        } else visit(argument, scopes);
        return;
      }
      case "AssignmentExpression":
        target(ast.node(n, "left")!, scopes);
        named(ast.node(n, "left")!, ast.node(n, "right")!, scopes);
        return;
      case "UpdateExpression":
        target(ast.node(n, "argument")!, scopes);
        return;
      case "AwaitExpression": {
        const argument = ast.node(n, "argument")!;
        edits.insert(n.start, "$$resume(");
        edits.insert(argument.start, "$$await(");
        visit(argument, scopes);
        edits.insert(argument.end, `, ${n.start})`);
        edits.insert(n.end, ")");
        return;
      }
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        functionScope(n, scopes);
        return;
      case "ClassDeclaration":
      case "ClassExpression": {
        const id = ast.node(n, "id");
        for (const decorator of ast.nodes(n, "decorators")) visit(decorator, scopes);
        const inside = within(ast.patternNames(id));
        const parent = ast.node(n, "superClass");
        if (parent) visit(parent, inside);
        visit(ast.node(n, "body")!, inside);
        return;
      }
      case "StaticBlock":
      case "BlockStatement": {
        const statements = ast.nodes(n, "body");
        const vars = n.type === "StaticBlock" ? statements.flatMap(ast.varNames) : [];
        const inside = within([...ast.lexicalNames(statements), ...vars]);
        for (const statement of statements) visit(statement, inside);
        return;
      }
      case "SwitchStatement": {
        visit(ast.node(n, "discriminant")!, scopes);
        const cases = ast.nodes(n, "cases");
        const inside = within(ast.lexicalNames(cases.flatMap((c) => ast.nodes(c, "consequent"))));
        for (const c of cases) visit(c, inside);
        return;
      }
      case "CatchClause": {
        const param = ast.node(n, "param");
        const inside = within(ast.patternNames(param));
        if (param) target(param, inside);
        visit(ast.node(n, "body")!, inside);
        return;
      }
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
        loop(n, scopes);
        return;
      case "VariableDeclaration":
        if (n.kind === "var" && isBox(ast.declaredNames(n)[0] ?? "", scopes)) {
          variables(n, scopes);
          return;
        }
        for (const declarator of ast.nodes(n, "declarations")) {
          target(ast.node(declarator, "id")!, scopes);
          const init = ast.node(declarator, "init");
          if (init) visit(init, scopes);
        }
        return;
      default:
        all();
        return;
    }
  }

  function loop(n: ast.Node, scopes: Scopes): void {
    const head = ast.node(n, n.type === "ForStatement" ? "init" : "left");
    const declares = head?.type === "VariableDeclaration";
    const inside = declares && head.kind !== "var" ? [...scopes, new Set(ast.declaredNames(head))] : scopes;
    if (n.type === "ForStatement") {
      for (const key of ["init", "test", "update", "body"]) {
        const part = ast.node(n, key);
        if (part) visit(part, inside);
      }
      return;
    }
    if (declares && head.kind === "var" && isBox(ast.declaredNames(head)[0] ?? "", scopes)) {
      const id = ast.node(ast.nodes(head, "declarations")[0]!, "id")!;
      edits.replace(head.start, id.start, "");
      target(id, scopes, true);
    } else if (declares) visit(head, inside);
    else target(head!, scopes);
    const right = ast.node(n, "right")!;
    if (n.await) edits.insert(right.start, "$$iterate(");
    visit(right, inside);
    if (n.await) edits.insert(right.end, `, ${n.start})`);
    visit(ast.node(n, "body")!, inside);
  }

  function functionScope(f: ast.Node, scopes: Scopes): void {
    const params = ast.nodes(f, "params");
    const body = ast.node(f, "body")!;
    const own = f.type === "FunctionExpression" ? ast.patternNames(ast.node(f, "id")) : [];
    const arguments_ = f.type === "ArrowFunctionExpression" ? [] : ["arguments"];
    const names = [...own, ...arguments_, ...params.flatMap(ast.patternNames), ...ast.varNames(body)];
    const inside = [...scopes, new Set(names)];
    for (const param of params) target(param, inside);
    visit(body, inside);
  }

  function isBox(name: string, scopes: Scopes): boolean {
    return name !== "" && !scopes.some((scope) => scope.has(name)) && names.isSessions(name);
  }

  function box(name: string): string {
    names.use(name);
    return `$$${name}`;
  }

  function reference(identifier: ast.Node, access: string): void {
    edits.replace(identifier.start, identifier.end, `${box(ast.name(identifier))}${access}`);
  }
}
