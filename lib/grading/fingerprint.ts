/** Which answers of a file are still what they were: a hash for each, of the code that it is made of. */

import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { parseSync } from "oxc-parser";

/** What an exercise was answered with; equal for equal code. */
export type Fingerprints = ReadonlyMap<string, string>;

export function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Of each exercise in a file: its declaration, the exercises that it names, and all that is no exercise (imports,
 * helpers). Another exercise's answer does not change it. In a file that does not parse everything depends on everything.
 */
export function fileFingerprints(text: string, names: readonly string[]): Fingerprints {
  const declarations = exportedDeclarations(text);
  if (declarations === undefined) return new Map(names.map((name) => [name, fingerprint(text)]));
  const exercises = new Map(names.map((name) => [name, declarations.exported.get(name) ?? ""]));
  const own = new Set(exercises.values());
  const shared = [...declarations.others, ...declarations.exported.values()]
    .filter((code) => !own.has(code))
    .join("\n");
  return new Map(names.map((name) => [name, fingerprint([shared, ...needed(name, exercises)].join("\n"))]));
}

/** Of answers given in a cell: a function's text, a constant's value. What a function closes over is not seen. */
export function answerFingerprints(answers: Readonly<Record<string, unknown>>): Fingerprints {
  return new Map(
    Object.entries(answers).map(([name, answer]) => [
      name,
      fingerprint(typeof answer === "function" ? String(answer) : inspect(answer)),
    ]),
  );
}

/** The code of each exported declaration and of every other statement; undefined where the text does not parse. */
export function exportedDeclarations(
  text: string,
): { readonly exported: ReadonlyMap<string, string>; readonly others: readonly string[] } | undefined {
  const { program, errors } = parseSync("answers.ts", text, { lang: "ts", sourceType: "module" });
  if (errors.length > 0) return undefined;
  const exported = new Map<string, string>();
  const others: string[] = [];
  for (const statement of program.body) {
    const code = text.slice(statement.start, statement.end);
    const names = statement.type === "ExportNamedDeclaration" ? declaredNames(statement.declaration) : [];
    for (const name of names) exported.set(name, code);
    if (names.length === 0) others.push(code);
  }
  return { exported, others };
}

type Program = ReturnType<typeof parseSync>["program"];
type Exported = Extract<Program["body"][number], { type: "ExportNamedDeclaration" }>["declaration"];

function declaredNames(declaration: Exported): string[] {
  if (declaration?.type === "FunctionDeclaration")
    return declaration.id === null ? [] : [declaration.id.name];
  if (declaration?.type !== "VariableDeclaration") return [];
  return declaration.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []));
}

/** The code of an exercise and of those that it names, directly or through others. */
function needed(name: string, exercises: ReadonlyMap<string, string>): string[] {
  const found = new Set([name]);
  // A set grows while it is walked, and gives what was added too.
  for (const each of found) {
    const words = new Set(exercises.get(each)!.match(/[\w$]+/g));
    for (const other of exercises.keys()) if (words.has(other)) found.add(other);
  }
  return [...found].sort().map((each) => exercises.get(each)!);
}
