/** `await check("start-here")`: judges a lesson's exercises in the notebook and shows what came out. */

import { display } from "../display.js";
import type { Graded } from "./graded.js";
import { judge } from "./judge.js";
import { exerciseFiles, loadGraded, unknownSlug } from "./lessons.js";
import { LoadError, loadTypeScript } from "./load.js";
import type { Report } from "./report.js";
import { reportBundle } from "./report-view.js";
import { inProcess, type Subject } from "./subject.js";

export interface CheckOptions {
  /** Draws the tests' inputs; the same every time unless given, so that two checks can be compared. */
  readonly seed?: string | number;
}

/**
 * Judges `exercises/<slug>.ts`, or the functions and constants given, shows the report and returns it.
 *
 * An answer that is wrong, throws or is missing is part of the report, and so is a file that does not compile:
 * none of them throws. Await it: tensors that other code makes while tests run are freed with the tests' own.
 *
 * @param answers exercise name → answer; only these exercises are judged then.
 * @throws Error for a slug or an exercise that does not exist, with those that do.
 */
export async function check<S extends string>(
  slug: S,
  answers?: Record<string, unknown>,
  { seed = 1 }: CheckOptions = {},
): Promise<Report> {
  const unknown = unknownSlug(slug);
  if (unknown !== undefined) throw new Error(`check: ${unknown}`);
  const graded = await loadGraded(slug);
  const report =
    answers === undefined
      ? await checkFile(graded, String(seed))
      : await checkAnswers(graded, answers, String(seed));
  display(reportBundle(report));
  return report;
}

async function checkFile(graded: Graded, seed: string): Promise<Report> {
  const file = exerciseFiles(graded.slug).exercise;
  let subject: Subject;
  try {
    const { exports, locate } = await loadTypeScript(file);
    subject = inProcess(exports, locate);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const { message } = error;
    return {
      slug: graded.slug,
      state: "could not be graded",
      message,
      score: 0,
      maxScore: 0,
      exercises: [],
      seed,
      file,
    };
  }
  return { ...(await judge(graded, subject, { seed })), file };
}

function checkAnswers(graded: Graded, answers: Record<string, unknown>, seed: string): Promise<Report> {
  const names = graded.exercises.map(({ name }) => name);
  const only = Object.keys(answers);
  const strangers = only.filter((name) => !names.includes(name));
  if (strangers.length > 0 || only.length === 0) {
    const got = only.length === 0 ? "nothing" : strangers.join(", ");
    throw new Error(`check: expected answers among ${names.join(", ")} ("${graded.slug}"), got ${got}`);
  }
  return judge(graded, inProcess(answers), { seed, only });
}
