/** The folder that becomes Gradescope's zip: its two scripts, the assignment, and what of the project they need. */

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../root.js";
import { exerciseFiles } from "../lessons.js";

/** Everything that the grader is built from and judges with. */
function projectFiles(slug: string): string[] {
  const { graded, solution } = exerciseFiles(slug);
  const manifests = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json"];
  return [...manifests, "lib", "datasets", solution, graded];
}

/** Built on the spot, or fetched. */
const left = new Set(["dist", "node_modules", ".cache"]);

/**
 * Writes the folder. It holds the lesson's solution and graded tests, so it is not for students.
 *
 * @throws Error, one sentence long, when there is something in the folder already.
 */
export function writeAutograder(folder: string, slug: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Error(`expected a new or an empty folder, got ${folder}`);
  }
  for (const file of projectFiles(slug)) {
    const target = path.join(folder, "workbook", file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(root, file), target, {
      recursive: true,
      preserveTimestamps: true,
      filter: (entry) => !left.has(path.basename(entry)),
    });
  }
  for (const script of ["setup.sh", "run_autograder"]) {
    copyFileSync(path.join(root, "lib/grading/gradescope", script), path.join(folder, script));
  }
  writeFileSync(path.join(folder, "assignment"), `SLUG=${slug}\nSEED=1\n`);
}
