/**
 * One submission → one report: what it may import, whether its types fit, and only then its answers, which run behind
 * the wall. What cannot be read, compiled or evaluated could not be graded, which is no zero.
 */

import type { Graded, GradedEntry } from "./graded.js";
import { pointsOf } from "./graded.js";
import { type JudgeOptions, judge, totals } from "./judge.js";
import type { ExerciseReport, Report } from "./report.js";
import { compileSubmission } from "./submissions/compile.js";
import { type Lesson, lesson } from "./submissions/exercise.js";
import { readSubmission } from "./submissions/read.js";
import { isRefusal, type Refusal, refusal, type Submission } from "./submissions/submission.js";
import { checkTypes } from "./submissions/types.js";
import { isolated } from "./wall/isolated.js";
import type { Limits } from "./wall/limits.js";

export interface JudgeSubmissionOptions extends JudgeOptions {
  readonly limits?: Partial<Limits>;
  /** What the submission prints. */
  readonly onOutput?: (text: string) => void;
  /** The exercises' types; those of the lesson unless given. */
  readonly signatures?: Lesson;
}

/** @throws only when the grader itself is broken. */
export async function judgeSubmission(
  graded: Graded,
  submission: Submission,
  options: JudgeSubmissionOptions,
): Promise<Report> {
  const { file, notes, locate } = submission;
  const about = { file, ...(notes.length > 0 && { notes }) };
  const refused = (reason: Refusal) => ({ ...refusedReport(graded, reason, options), ...about });
  const withheld = graded.withheld ?? [];
  const compiled = await compileSubmission(submission, { withheld });
  if (isRefusal(compiled)) return refused(compiled);
  const found = await checkTypes(submission, options.signatures ?? lesson(graded.slug));
  if (isRefusal(found)) return refused(found);
  const names = graded.exercises.map(({ name }) => name);
  const outside = found.filter(({ exercise }) => exercise === undefined || !names.includes(exercise));
  if (outside.length > 0) {
    return refused(refusal("types", outside.map(({ frame }) => frame).join("\n\n")));
  }
  const wrong = new Map(found.map(({ exercise, frame }) => [exercise!, frame]));
  const { limits, onOutput } = options;
  const subject = isolated(compiled.code, {
    withheld,
    locate: compiled.locate,
    ...(limits && { limits }),
    ...(onOutput && { onOutput }),
  });
  try {
    const only = (options.only ?? names).filter((name) => !wrong.has(name));
    const report = await judge(graded, subject, { ...options, only });
    return { ...withTypeErrors(graded, report, wrong, options), ...about };
  } finally {
    await subject.close();
  }
}

/** The same for what lies at a path: a file, a notebook, a zip or one student's folder. */
export async function judgePath(
  graded: Graded,
  path: string,
  options: JudgeSubmissionOptions,
): Promise<Report> {
  const submission = await readSubmission(path, { slug: graded.slug });
  return isRefusal(submission)
    ? refusedReport(graded, submission, options)
    : judgeSubmission(graded, submission, options);
}

/** The report on what could not be graded. */
export function refusedReport(
  { slug }: Pick<Graded, "slug">,
  { reason, message }: Refusal,
  { seed }: Pick<JudgeOptions, "seed">,
): Report {
  const state = "could not be graded";
  return { slug, state, refusal: reason, message, score: 0, maxScore: 0, exercises: [], seed };
}

/** Puts the exercises whose types are wrong, and which were not run, in their places. */
function withTypeErrors(
  graded: Graded,
  report: Report,
  wrong: ReadonlyMap<string, string>,
  { only }: JudgeOptions,
): Report {
  const exercises = graded.exercises.flatMap((entry): ExerciseReport[] => {
    const frame = wrong.get(entry.name);
    if (frame !== undefined && (only?.includes(entry.name) ?? true)) return [notRun(entry, frame)];
    return report.exercises.filter(({ name }) => name === entry.name);
  });
  const { points: score, maxPoints: maxScore } = totals(exercises);
  return { ...report, exercises, score, maxScore };
}

function notRun({ name, title, tests }: GradedEntry, message: string): ExerciseReport {
  const rows = tests.map((test) => {
    const { sentence } = test;
    return { sentence, state: "error" as const, points: 0, maxPoints: pointsOf(test), message };
  });
  return { name, title, ...totals(rows), tests: rows };
}
