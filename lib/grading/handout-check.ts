/** What can be told about a file of answers without graded tests. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../root.js";
import { exportedDeclarations } from "./fingerprint.js";
import { type HandoutLesson, handedOut } from "./handout.js";
import { exerciseFiles } from "./lessons.js";
import { compileSubmission } from "./submissions/compile.js";
import { isRefusal, type Submission } from "./submissions/submission.js";
import { checkTypes } from "./submissions/types.js";
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
  const text = existsSync(absolute) ? readFileSync(absolute, "utf8") : "";
  const declarations = exportedDeclarations(text);
  const found = await look(
    { slug, file, text, locate: (line, column) => `${file}:${line}:${column}`, notes: [] },
    lesson,
    folder,
  );
  const exercises = lesson.exercises.map((exercise): HandoutExercise => {
    const code = declarations?.exported.get(exercise.name);
    const state = code === undefined ? "missing" : isUnanswered(code, exercise.name) ? "to do" : "answered";
    return { ...exercise, state, problems: found.of(exercise.name) };
  });
  return { slug, file, exercises, ...(found.problem === undefined ? {} : { problem: found.problem }) };
}

/** What the compiler says: about the whole file, and about each exercise. */
async function look(submission: Submission, lesson: HandoutLesson, folder: string) {
  const { slug, file, text } = submission;
  const whole = (problem: string) => ({ problem, of: () => [] });
  if (text.trim() === "")
    return whole(`${file}: the file is ${existsSync(path.join(folder, file)) ? "empty" : "missing"}`);
  const compiled = await compileSubmission(submission, lesson);
  if (isRefusal(compiled)) return whole(compiled.message);
  const names = lesson.exercises.map(({ name }) => name);
  const released = readFileSync(path.join(folder, handedOut(slug)), "utf8");
  const problems = await checkTypes(submission, { slug, names, text: released });
  if (isRefusal(problems)) return whole(problems.message);
  const outside = problems.filter(({ exercise }) => exercise === undefined || !names.includes(exercise));
  return {
    problem: outside.length === 0 ? undefined : outside.map(({ frame }) => frame).join("\n\n"),
    of: (name: string) => problems.filter(({ exercise }) => exercise === name).map(({ frame }) => frame),
  };
}

/** Whether the code still says Todo of itself, as `throw new Todo("f")` and `todo("f")` do. */
function isUnanswered(code: string, name: string): boolean {
  return code.includes(`odo("${name}")`);
}
