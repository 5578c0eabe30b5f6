/** What can be told about a file of answers without graded tests. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../root.js";
import { exportedDeclarations } from "./fingerprint.js";
import type { HandoutLesson } from "./handout.js";
import { exerciseFiles } from "./lessons.js";
import { LoadError, loadTypeScript } from "./load.js";
import { isTodo } from "./todo.js";

export interface HandoutCheck {
  readonly slug: string;
  /** The file that was looked at; absent where answers were given in a cell. */
  readonly file?: string;
  /** Why the file could not be graded as it is: it does not compile, say; with its lines. */
  readonly problem?: string;
  readonly exercises: readonly HandoutExercise[];
}

export interface HandoutExercise {
  readonly name: string;
  readonly title: string;
  readonly points: number;
  readonly state: "answered" | "to do" | "missing";
  /** Type errors inside of it, each with its lines. */
  readonly problems: readonly string[];
}

/**
 * Looks at `exercises/<slug>.ts`, or at answers given in a cell, whose types the cell has checked already.
 *
 * @param folder the hand-out, or what looks like it.
 */
export async function handoutCheck(
  slug: string,
  lesson: HandoutLesson,
  answers?: Readonly<Record<string, unknown>>,
  folder: string = root,
): Promise<HandoutCheck> {
  if (answers !== undefined) {
    const given = lesson.exercises.filter(({ name }) => Object.hasOwn(answers, name));
    return {
      slug,
      exercises: given.map((exercise) => ({
        ...exercise,
        state: isTodo(answers[exercise.name]) ? "to do" : "answered",
        problems: [],
      })),
    };
  }
  const file = exerciseFiles(slug).exercise;
  const absolute = path.join(folder, file);
  const declarations = existsSync(absolute)
    ? exportedDeclarations(readFileSync(absolute, "utf8"))
    : undefined;
  const exercises = lesson.exercises.map((exercise): HandoutExercise => {
    const code = declarations?.exported.get(exercise.name);
    const state = code === undefined ? "missing" : isUnanswered(code, exercise.name) ? "to do" : "answered";
    return { ...exercise, state, problems: [] };
  });
  const problem = await loadProblem(absolute);
  return { slug, file, exercises, ...(problem === undefined ? {} : { problem }) };
}

/** Whether the code still says Todo of itself, as `throw new Todo("f")` and `todo("f")` do. */
function isUnanswered(code: string, name: string): boolean {
  return code.includes(`odo("${name}")`);
}

async function loadProblem(file: string): Promise<string | undefined> {
  try {
    await loadTypeScript(file);
    return undefined;
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return error.message;
  }
}
