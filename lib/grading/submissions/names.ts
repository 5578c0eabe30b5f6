/** The names that a piece of TypeScript takes from around it: values and types, what it declares itself excepted. */

import * as ast from "../../jupyter/kernel/session/ast.js";

/** One mention of a name. */
export interface Mention {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `{ x }`: renaming it needs `{ x: other }`. */
  readonly shorthand: boolean;
}

type Scopes = readonly ReadonlySet<string>[];

export function freeNames(root: ast.Node): Mention[] {
  const found: Mention[] = [];
  visit(root, []);
  return found;

  function visit(n: ast.Node, scopes: Scopes): void {
    const each = (keys: readonly string[], inside: Scopes) => {
      for (const key of keys) {
        const child = ast.node(n, key);
        if (child !== undefined) visit(child, inside);
        for (const item of ast.nodes(n, key)) visit(item, inside);
      }
    };
    const within = (names: readonly string[]): Scopes => [...scopes, new Set(names)];
    switch (n.type) {
      case "Identifier":
        mention(n, scopes);
        each(["typeAnnotation", "decorators"], scopes);
        return;
      case "MemberExpression":
        each(n.computed ? ["object", "property"] : ["object"], scopes);
        return;
      case "Property":
        if (n.shorthand === true) shorthand(ast.node(n, "value")!, scopes);
        else each(n.computed ? ["key", "value"] : ["value"], scopes);
        return;
      case "MethodDefinition":
      case "TSAbstractMethodDefinition":
      case "PropertyDefinition":
      case "TSAbstractPropertyDefinition":
      case "AccessorProperty":
      case "TSPropertySignature":
      case "TSEnumMember":
        if (n.computed) each(["key", "id"], scopes);
        each(["decorators", "typeAnnotation", "value", "initializer"], scopes);
        return;
      case "LabeledStatement":
        each(["body"], scopes);
        return;
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        return;
      case "TSQualifiedName":
        each(["left"], scopes);
        return;
      case "TSImportType":
        each(["typeArguments"], scopes);
        return;
      case "TSTypePredicate":
        each(["typeAnnotation"], scopes);
        return;
      case "TSNamedTupleMember":
        each(["elementType"], scopes);
        return;
      case "TSTypeParameter":
        each(["constraint", "default"], scopes);
        return;
      case "TSMappedType":
        each(["constraint", "nameType", "typeAnnotation"], within([ast.name(ast.node(n, "key"))]));
        return;
      case "TSConditionalType":
        each(["checkType", "extendsType", "trueType", "falseType"], within(inferred(n)));
        return;
      case "TSTypeAliasDeclaration":
      case "TSInterfaceDeclaration":
        each(
          ["typeParameters", "extends", "body", "typeAnnotation"],
          within([...ownName(n), ...typeParameters(n)]),
        );
        return;
      case "TSEnumDeclaration":
        each(["body"], within([...ownName(n), ...enumMembers(n)]));
        return;
      case "TSModuleDeclaration":
        each(["body"], within(ownName(n)));
        return;
      case "ClassDeclaration":
      case "ClassExpression":
        each(["decorators"], scopes);
        each(
          ["typeParameters", "superClass", "superTypeArguments", "implements", "body"],
          within([...ownName(n), ...typeParameters(n)]),
        );
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
      case "TSDeclareFunction":
      case "TSEmptyBodyFunctionExpression":
      case "TSFunctionType":
      case "TSConstructorType":
      case "TSCallSignatureDeclaration":
      case "TSConstructSignatureDeclaration":
      case "TSMethodSignature":
      case "TSIndexSignature": {
        if (n.computed) each(["key"], scopes);
        const body = ast.node(n, "body");
        const names = [
          ...ownName(n),
          "arguments",
          ...typeParameters(n),
          ...[...ast.nodes(n, "params"), ...ast.nodes(n, "parameters")].flatMap(parameterNames),
          ...(body === undefined ? [] : ast.varNames(body)),
        ];
        each(
          ["typeParameters", "params", "parameters", "returnType", "typeAnnotation", "body"],
          within(names),
        );
        return;
      }
      case "StaticBlock":
      case "BlockStatement":
      case "TSModuleBlock": {
        const statements = ast.nodes(n, "body");
        const vars = n.type === "BlockStatement" ? [] : statements.flatMap(ast.varNames);
        each(["body"], within([...statements.flatMap(blockNames), ...vars]));
        return;
      }
      case "SwitchStatement": {
        each(["discriminant"], scopes);
        const cases = ast.nodes(n, "cases");
        each(["cases"], within(cases.flatMap((c) => ast.nodes(c, "consequent")).flatMap(blockNames)));
        return;
      }
      case "CatchClause":
        each(["param", "body"], within(ast.patternNames(ast.node(n, "param"))));
        return;
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement": {
        const head = ast.node(n, n.type === "ForStatement" ? "init" : "left");
        const names = head === undefined ? [] : ast.declaredNames(head);
        each(["init", "test", "update", "left", "right", "body"], within(names));
        return;
      }
      default:
        for (const child of ast.children(n)) visit(child, scopes);
    }
  }

  function shorthand(value: ast.Node, scopes: Scopes): void {
    const target = value.type === "AssignmentPattern" ? ast.node(value, "left")! : value;
    mention(target, scopes, true);
    const fallback = value.type === "AssignmentPattern" ? ast.node(value, "right") : undefined;
    if (fallback !== undefined) visit(fallback, scopes);
  }

  function mention(identifier: ast.Node, scopes: Scopes, isShorthand = false): void {
    const name = ast.name(identifier);
    if (name === "this" || scopes.some((scope) => scope.has(name))) return;
    const { start } = identifier;
    found.push({ name, start, end: start + name.length, shorthand: isShorthand });
  }
}

/** Names that a statement declares in the block around it, types included. */
export function blockNames(statement: ast.Node): string[] {
  const inner = /^Export(Named|Default)Declaration$/.test(statement.type)
    ? (ast.node(statement, "declaration") ?? statement)
    : statement;
  if (inner.type === "VariableDeclaration" && inner.kind === "var") return [];
  if (/^TS(TypeAlias|Interface|Enum|Module|ImportEquals)Declaration$|^TSDeclareFunction$/.test(inner.type)) {
    return ownName(inner);
  }
  return ast.declaredNames(inner);
}

function ownName(n: ast.Node): string[] {
  return ast.patternNames(ast.node(n, "id"));
}

function parameterNames(parameter: ast.Node): string[] {
  return ast.patternNames(
    parameter.type === "TSParameterProperty" ? ast.node(parameter, "parameter") : parameter,
  );
}

function typeParameters(n: ast.Node): string[] {
  const list = ast.node(n, "typeParameters");
  return list === undefined ? [] : ast.nodes(list, "params").map((each) => ast.name(ast.node(each, "name")));
}

function enumMembers(n: ast.Node): string[] {
  const body = ast.node(n, "body");
  return body === undefined
    ? []
    : ast.nodes(body, "members").flatMap((each) => ast.patternNames(ast.node(each, "id")));
}

/** `infer X`, anywhere in a conditional type. */
function inferred(n: ast.Node): string[] {
  const here = n.type === "TSInferType" ? [ast.name(ast.node(ast.node(n, "typeParameter")!, "name"))] : [];
  return [...here, ...ast.children(n).flatMap(inferred)];
}
