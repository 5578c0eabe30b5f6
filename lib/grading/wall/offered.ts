/**
 * Which of the workbook's modules a submission can import.
 *
 * Those that compute: nothing that judges (what answers are judged with is not theirs), shows or runs lessons, no paper's
 * code (it is what lessons ask for), and nothing that needs Node, because behind the wall there are no files, processes or environment to use.
 */

import { readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import type { Metafile } from "esbuild";

/** The compiled library: the folder above grading/. */
export const library = path.resolve(import.meta.dirname, "../..");

const notForAnswers =
  /^(grading|jupyter|commands|lesson|bench|plot|setup|variants|identities|learn|kernels)\/|^(cli|display|root)\.js$/;
/** The one module of grading/ that exercises themselves import. */
const inEveryExercise = "grading/todo.js";

/** Files that may be offered, relative to `library`. */
export function candidates(): string[] {
  return readdirSync(library, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll(path.sep, "/"))
    .filter((file) => file.endsWith(".js") && (file === inEveryExercise || !notForAnswers.test(file)))
    .sort();
}

/** Leaves out what imports one of Node's modules, itself or through other files of the library. */
export function withoutNode(files: readonly string[], { inputs }: Metafile): string[] {
  const needsNode = (file: string, seen: Set<string>): boolean => {
    if (seen.has(file)) return false;
    seen.add(file);
    return (inputs[file]?.imports ?? []).some(
      ({ path: imported, external }) =>
        isBuiltin(imported) || (external !== true && needsNode(imported, seen)),
    );
  };
  return files.filter((file) => !needsNode(file, new Set()));
}

function isBuiltin(name: string): boolean {
  return name.startsWith("node:") || builtinModules.includes(name);
}

/** `workbook/variants/transformer` */
export function importName(file: string): string {
  return `workbook/${file.slice(0, -".js".length)}`;
}
