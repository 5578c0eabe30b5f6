/** `await check("start-here")`: judges a lesson's exercises in the notebook and shows what came out. */

import { display } from "../display.js";
import type { Graded } from "./graded.js";
import { judge } from "./judge.js";
import { judgeFile } from "./judge-submission.js";
import { exerciseFiles, loadGraded, unknownSlug } from "./lessons.js";
import type { Report } from "./report.js";
import { reportBundle } from "./report-view.js";
import { inProcess } from "./subject.js";

export interface CheckOptions {
  /** Draws the tests' inputs; the same every time unless given, so that two checks can be compared. */
  readonly seed?: string | number;
}

/**
 * Judges `exercises/<slug>.ts`, or the functions and constants given, and shows the report. It returns nothing, so
 * that a kernel that prints a cell's last value adds nothing to the report; `judged` returns it.
 *
 * An answer that is wrong, throws or is missing is part of the report, and so is a file that does not compile:
 * none of them throws. Await it: tensors that other code makes while tests run are freed with the tests' own.
 *
 * @param answers exercise name → answer; only these exercises are judged then.
 * @throws Error for a slug or an exercise that does not exist, with those that do.
 */
export async function check(
  slug: string,
  answers?: Record<string, unknown>,
  options: CheckOptions = {},
): Promise<void> {
  display(reportBundle(await judged(slug, answers, options)));
}

/** The report that `check` shows. */
export async function judged(
  slug: string,
  answers?: Record<string, unknown>,
  { seed = 1 }: CheckOptions = {},
): Promise<Report> {
  const unknown = unknownSlug(slug);
  if (unknown !== undefined) throw new Error(`check: ${unknown}`);
  const graded = await loadGraded(slug);
  return answers === undefined
    ? judgeFile(graded, exerciseFiles(slug).exercise, { seed: String(seed) })
    : judgeAnswers(graded, answers, String(seed));
}

function judgeAnswers(graded: Graded, answers: Record<string, unknown>, seed: string): Promise<Report> {
  const names = graded.exercises.map(({ name }) => name);
  const only = Object.keys(answers);
  const strangers = only.filter((name) => !names.includes(name));
  if (strangers.length > 0 || only.length === 0) {
    const got = only.length === 0 ? "nothing" : strangers.join(", ");
    throw new Error(`check: expected answers among ${names.join(", ")} ("${graded.slug}"), got ${got}`);
  }
  return judge(graded, inProcess(answers), { seed, only });
}
