/** Nbgrader in a venv of its own, made on demand, and the time that its autograde takes. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { root } from "../../root.js";
import type { Kind } from "./class.js";
import { pythonNotebook } from "./notebook.js";

const venv = path.join(root, ".cache/nbgrader");
const bin = (program: string) => path.join(venv, "bin", program);
const packages = ["nbgrader==0.9.6", "numpy==2.4.6", "ipykernel==7.4.0"];

/** Installs it, once. */
export function installNbgrader(): void {
  if (existsSync(bin("nbgrader"))) return;
  run(process.env.WORKBOOK_PYTHON ?? "python3", ["-m", "venv", venv], root);
  run(bin("pip"), ["install", "--quiet", ...packages], root);
}

/**
 * Seconds of one `nbgrader autograde` over a class, in one process and one kernel after the other, as it works.
 *
 * @param timeout seconds that a cell may take.
 * @throws Error when not every submission was graded.
 */
export function timeNbgrader(
  folder: string,
  students: readonly (readonly [Kind, string])[],
  timeout: number,
): number {
  rmSync(folder, { recursive: true, force: true });
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  write(
    "nbgrader_config.py",
    `c = get_config()\nc.CourseDirectory.course_id = "c"\nc.Execute.timeout = ${timeout}\n`,
  );
  write("source/lesson/lesson.ipynb", pythonNotebook("right"));
  for (const [kind, student] of students)
    write(`submitted/${student}/lesson/lesson.ipynb`, pythonNotebook(kind));
  run(bin("nbgrader"), ["generate_assignment", "lesson"], folder);
  const start = performance.now();
  run(bin("nbgrader"), ["autograde", "lesson"], folder);
  const seconds = (performance.now() - start) / 1000;
  const graded = readdirSync(path.join(folder, "autograded"));
  if (graded.length !== students.length) {
    throw new Error(`bench: nbgrader graded ${graded.length} of ${students.length} submissions`);
  }
  return seconds;
}

function run(file: string, args: readonly string[], cwd: string): void {
  // What it writes must not end up in the home folder.
  const home = path.join(venv, "home");
  const env = {
    ...process.env,
    PATH: `${venv}/bin:${process.env.PATH}`,
    HOME: home,
    JUPYTER_PREFER_ENV_PATH: "1",
  };
  const { status, stderr, error } = spawnSync(file, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`bench: ${path.basename(file)} ${args.join(" ")}: ${stderr}`);
}
