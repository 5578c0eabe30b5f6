/** Shows the code that really runs: functions of the library, docstrings included, cut out of their file; or whole files. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { display } from "../display.js";
import { root } from "../root.js";

/**
 * Shows functions of one file of `lib/`.
 *
 * @param file path under `lib/`, such as `attention.ts`.
 * @throws when the file has no such function.
 */
export function showSource(file: string, ...names: string[]): void {
  const text = readFileSync(path.join(root, "lib", file), "utf8");
  const blocks = names.map((name) => functionSource(text, name, file));
  const markdown = [`*lib/${file}*`, "", "```typescript", blocks.join("\n\n"), "```"].join("\n");
  display({ "text/markdown": markdown, "text/plain": blocks.join("\n\n") });
}

/** Shows whole files of `lib/`, kernels for example, one below the other. */
export function showFile(...files: readonly string[]): void {
  const texts = files.map((file) => ({
    file,
    text: readFileSync(path.join(root, "lib", file), "utf8").trimEnd(),
  }));
  const fenced = texts.map(({ file, text }) =>
    [`*lib/${file}*`, "", `\`\`\`${path.extname(file).slice(1)}`, text, "```"].join("\n"),
  );
  display({
    "text/markdown": fenced.join("\n\n"),
    "text/plain": texts.map(({ text }) => text).join("\n\n"),
  });
}

/** The function from its docstring to its closing brace; relies on the formatter, which puts that brace at the margin. */
export function functionSource(text: string, name: string, file: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) =>
    new RegExp(`^(export )?(async )?function\\*? ${name}\\b`).test(line),
  );
  if (start < 0) throw new Error(`showSource: lib/${file} has no function "${name}"`);
  const end = lines.findIndex((line, i) => i >= start && line === "}");
  let first = start;
  if (lines[start - 1]?.endsWith("*/")) {
    while (!lines[first]!.startsWith("/**")) first--;
  }
  return lines.slice(first, end + 1).join("\n");
}
