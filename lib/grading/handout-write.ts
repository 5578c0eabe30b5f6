/** Writes a hand-out: all that `npm start` needs, and nothing that answers an exercise. */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { catalog, paperFiles } from "../catalog.js";
import { text as multiline, readNotebook, writeNotebook } from "../jupyter/notebook.js";
import { root } from "../root.js";
import { type Graded, pointsOf } from "./graded.js";
import { HANDOUT_FILE, type Handout, type HandoutLesson, handedOut } from "./handout.js";
import { handoutReadme } from "./handout-readme.js";
import { exerciseFiles, solvedSlugs } from "./lessons.js";
import { sumPoints } from "./points.js";
import { releaseText } from "./release.js";

/** What every hand-out takes from the workbook as it is; a folder without what is built, hidden or installed in it. */
const FILES = [
  "LICENSE",
  "package-lock.json",
  "tsconfig.json",
  ".npmrc",
  ".gitignore",
  "exercises/tsconfig.json",
];
const FOLDERS = ["lib", "datasets"];
/** The lesson that explains how exercises work. */
const FIRST = { slug: "start-here", notebook: "notebooks/00-start-here.ipynb" };
/** npm scripts that make sense in it; `test` says that there are none. */
const SCRIPTS = ["setup", "start", "build", "test"];

/** Characters without white space from which on a piece of code is nobody's but the solution's; `64;` stands everywhere. */
const SHORTEST_LEAK = 40;

/** A hand-out that must not go out; the message says why. */
export class HandoutError extends Error {
  override readonly name = "HandoutError";
}

/**
 * Writes the lessons of these slugs, and the first one, into a folder that is new or empty.
 *
 * @param lessons the graded tests of each slug.
 * @param folder the workbook, or what looks like it.
 * @throws HandoutError for a folder that holds something or lies inside of what is copied, and when a solution is found
 * in what was written (somebody's notebook, say).
 */
export function writeHandout(out: string, lessons: readonly Graded[], folder: string = root): void {
  const target = path.resolve(out);
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new HandoutError(`expected a new or an empty folder, got ${out}, which holds something`);
  }
  const inside = FOLDERS.find((name) => !path.relative(path.join(folder, name), target).startsWith(".."));
  if (inside !== undefined) throw new HandoutError(`expected a folder outside of ${inside}/, got ${out}`);

  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
    writeFileSync(path.join(target, file), text);
  };
  for (const file of FILES) write(file, readFileSync(path.join(folder, file), "utf8"));
  for (const name of FOLDERS) copySources(path.join(folder, name), path.join(target, name));
  write("package.json", packageJson(readFileSync(path.join(folder, "package.json"), "utf8")));
  for (const notebook of notebooksOf(lessons)) copyNotebook(folder, target, notebook);
  for (const { slug } of lessons) {
    const released = releaseText(slug, solutionOf(slug, folder)).text;
    write(exerciseFiles(slug).exercise, released);
    write(handedOut(slug), released);
  }
  const handout: Handout = {
    lessons: Object.fromEntries(lessons.map((graded) => [graded.slug, asked(graded)])),
  };
  write(HANDOUT_FILE, `${JSON.stringify(handout, null, 2)}\n`);
  write("README.md", handoutReadme(handout));

  // Of every lesson: those that are not handed out now may be later.
  const leaks = solvedSlugs(folder).flatMap((slug) => findLeaks(target, slug, solutionOf(slug, folder)));
  if (leaks.length > 0) {
    rmSync(target, { recursive: true });
    throw new HandoutError(`${leaks.join("; ")}; take it out, and release again (nothing was written)`);
  }
}

/** Slugs of a hand-out for those asked for: the first lesson is always in it. */
export function handoutSlugs(slugs: readonly string[]): string[] {
  return [FIRST.slug, ...slugs.filter((slug) => slug !== FIRST.slug)];
}

/** Files below a folder in which a solution stands, a sentence each. */
export function findLeaks(target: string, slug: string, solution: string): string[] {
  const pieces = releaseText(slug, solution)
    .solutions.map((block) => squeezed(block.replace(/^\s*import .*$/gm, "")))
    .filter(({ length }) => length >= SHORTEST_LEAK);
  return readdirSync(target, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const file = path.join(entry.parentPath, entry.name);
    const text = squeezed(file.endsWith(".ipynb") ? notebookText(file) : readFileSync(file, "utf8"));
    const held = pieces.some((piece) => text.includes(piece));
    return held ? [`${path.relative(target, file)} holds a solution of ${slug}`] : [];
  });
}

function notebookText(file: string): string {
  return readNotebook(file)
    .cells.map(({ source }) => multiline(source))
    .join("\n");
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, "");
}

function solutionOf(slug: string, folder: string): string {
  return readFileSync(path.join(folder, exerciseFiles(slug).solution), "utf8");
}

function copySources(from: string, to: string): void {
  const left = new Set(["dist", "node_modules"]);
  cpSync(from, to, {
    recursive: true,
    filter: (source) => !left.has(path.basename(source)) && !path.basename(source).startsWith("."),
  });
}

/** Without outputs: they may hold what the instructor's own answers gave. */
function copyNotebook(folder: string, target: string, file: string): void {
  const notebook = readNotebook(path.join(folder, file));
  for (const cell of notebook.cells) {
    if (cell.cell_type === "code") Object.assign(cell, { outputs: [], execution_count: null });
  }
  mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
  writeNotebook(path.join(target, file), notebook);
}

function notebooksOf(lessons: readonly Graded[]): string[] {
  const papers = catalog.filter(({ slug }) => lessons.some((lesson) => lesson.slug === slug));
  return [FIRST.notebook, ...papers.map((paper) => paperFiles(paper).notebook)];
}

function packageJson(text: string): string {
  const manifest = JSON.parse(text) as { scripts: Record<string, string>; mocha?: unknown };
  const scripts = Object.fromEntries(
    Object.entries(manifest.scripts).filter(([name]) => SCRIPTS.includes(name)),
  );
  const { mocha: _, ...rest } = manifest;
  return `${JSON.stringify({ ...rest, scripts }, null, 2)}\n`;
}

function asked({ exercises, withheld = [] }: Graded): HandoutLesson {
  return {
    exercises: exercises.map(({ name, title, tests }) => ({
      name,
      title,
      points: sumPoints(tests.map(pointsOf)),
    })),
    withheld,
  };
}
