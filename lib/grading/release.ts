/**
 * From a solution to the exercise that learners get.
 *
 * Between the marks `BEGIN SOLUTION` and `END SOLUTION`, each in a comment line of its own:
 * - at the left margin (imports, helpers), the lines disappear;
 * - inside `export function name` or `export const name = … => {`, they become `throw new Todo("name");`;
 * - below a line that ends with `=`, they become `todo("name");` in that line.
 */

const BEGIN = /^(\s*)\/\/ BEGIN SOLUTION\s*$/;
const END = /^\s*\/\/ END SOLUTION\s*$/;
const LOOKS_LIKE_MARK = /(BEGIN|END) SOLUTION/;
const EXPORT = /^export\s+(?:async\s+)?(?:function\*?|const|let)\s+([A-Za-z_$][\w$]*)/;
const TODO_MODULE = "workbook/grading/todo";

export interface Released {
  /** The exercise file, ending with a newline. */
  readonly text: string;
  /** Exported names that wait for an answer, in order. */
  readonly names: readonly string[];
  /** What stood between the marks, a text for each pair of them. */
  readonly solutions: readonly string[];
}

/** Marks that do not fit together; the message starts with `file:line`. */
export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
}

/**
 * @param solution text of `solutions/<slug>.ts`.
 * @throws ReleaseError for a nested, unclosed or stray mark, a file without marks, and a second block in one export.
 */
export function releaseText(slug: string, solution: string): Released {
  const file = `solutions/${slug}.ts`;
  const fail = (index: number, message: string): never => {
    throw new ReleaseError(`${file}:${index + 1}: ${message}`);
  };
  const kept: string[] = [];
  const names: string[] = [];
  const solutions: string[][] = [];
  const helpers = new Set<"Todo" | "todo">();
  let opened: number | undefined;
  let current: string | undefined;
  for (const [i, line] of solution.split("\n").entries()) {
    const begin = BEGIN.exec(line);
    if (begin !== null) {
      if (opened !== undefined) fail(i, `BEGIN SOLUTION inside the block that began at line ${opened + 1}`);
      opened = i;
      solutions.push([]);
      const indent = begin[1]!;
      if (indent === "") continue;
      const name =
        current ?? fail(i, "this block is indented, but no `export function` or `export const` is above it");
      if (names.includes(name)) fail(i, `${name} has two blocks; put all of its solution into one`);
      names.push(name);
      const isConstant = kept.at(-1)?.trimEnd().endsWith("=");
      helpers.add(isConstant ? "todo" : "Todo");
      if (isConstant) kept.push(`${kept.pop()} todo("${name}");`);
      else kept.push(`${indent}throw new Todo("${name}");`);
    } else if (END.test(line)) {
      if (opened === undefined) fail(i, "END SOLUTION without a BEGIN SOLUTION above it");
      opened = undefined;
    } else if (LOOKS_LIKE_MARK.test(line)) {
      fail(i, "a mark stands alone in its line, as `// BEGIN SOLUTION` or `// END SOLUTION`");
    } else if (opened !== undefined) {
      solutions.at(-1)!.push(line);
    } else {
      current = EXPORT.exec(line)?.[1] ?? current;
      kept.push(line);
    }
  }
  if (opened !== undefined) fail(opened, "BEGIN SOLUTION is never closed by END SOLUTION");
  if (names.length === 0) fail(0, "there is no indented BEGIN SOLUTION: nothing would be left to solve");
  const body = withImport(kept, [...helpers].sort())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  const text = `${header(slug)}\n\n${body}\n`;
  return { text, names, solutions: solutions.map((block) => block.join("\n")) };
}

function header(slug: string): string {
  return [
    `// Generated from solutions/${slug}.ts by \`npx workbook release ${slug}\`.`,
    "// Replace each Todo by your answer and save; then run this in the lesson's notebook:",
    `//   await check("${slug}");`,
  ].join("\n");
}

/** Puts the import of the Todo helpers where the sorted list of imports has its place for it. */
function withImport(lines: readonly string[], helpers: readonly string[]): string[] {
  const added = `import { ${helpers.join(", ")} } from "${TODO_MODULE}";`;
  const ends = lines.flatMap((line, i) => {
    const [, specifier] = /^(?:import\s|\}\s*from\s).*"([^"]+)";$/.exec(line) ?? [];
    return specifier === undefined ? [] : [{ i, specifier }];
  });
  const before = ends.findLast(({ specifier }) => !specifier.startsWith(".") && specifier < TODO_MODULE);
  if (before !== undefined) return lines.toSpliced(before.i + 1, 0, added);
  const first = lines.findIndex((line) => line.startsWith("import "));
  return first < 0 ? [added, "", ...lines] : lines.toSpliced(first, 0, added);
}
