/** A file that was handed in as it was handed out: what comes of it is known without running it. */

import type { Graded } from "./graded.js";
import type { Subject } from "./subject.js";
import { compileSubmission } from "./submissions/compile.js";
import type { Lesson } from "./submissions/exercise.js";
import { isRefusal } from "./submissions/submission.js";
import { Todo } from "./todo.js";

const compiled = new Map<string, Promise<string | undefined>>();

/**
 * Whether the compiled code is that of the released file, so that it differs in comments, types and layout at most, and
 * every judged exercise waits for its answer there.
 */
export async function isUntouched(code: string, { exercises }: Graded, lesson: Lesson): Promise<boolean> {
  if (!exercises.every(({ name }) => lesson.names.includes(name))) return false;
  if (!compiled.has(lesson.text)) compiled.set(lesson.text, released(lesson));
  return code === (await compiled.get(lesson.text));
}

async function released({ slug, text }: Lesson): Promise<string | undefined> {
  const file = `${slug}.ts`;
  const locate = (line: number, column: number) => `${file}:${line}:${column}`;
  const result = await compileSubmission({ slug, file, text, locate, notes: [] }, { withheld: [] });
  return isRefusal(result) ? undefined : result.code;
}

/** Answers that nobody has given. */
export const unanswered: Subject = {
  call: async (exercise) => stop(exercise),
  cost: async (exercise) => stop(exercise),
  read: async (exercise) => stop(exercise),
};

function stop(exercise: string): never {
  throw new Todo(exercise);
}
