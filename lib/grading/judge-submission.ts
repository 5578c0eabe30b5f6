/**
 * One submission → one report: what it may import, whether its types fit, and only then its answers, which run behind
 * the wall. What cannot be read, compiled or evaluated could not be graded, which is no zero.
 */

import path from "node:path";
import { root } from "../root.js";
import type { Graded, GradedEntry } from "./graded.js";
import { type JudgeOptions, judge, totals } from "./judge.js";
import { testReport } from "./outcome.js";
import type { ExerciseReport, Report } from "./report.js";
import { AnswerError, type Subject } from "./subject.js";
import { compileSubmission } from "./submissions/compile.js";
import { type Lesson, lesson } from "./submissions/exercise.js";
import { readSubmission } from "./submissions/read.js";
import { isRefusal, type Refusal, refusal, type Submission } from "./submissions/submission.js";
import { checkTypes, type Diagnose } from "./submissions/types.js";
import { isUntouched, unanswered } from "./untouched.js";
import { isolated } from "./wall/isolated.js";
import { defaultLimits, type Limits, longestSilence } from "./wall/limits.js";

export interface JudgeSubmissionOptions extends JudgeOptions {
  readonly limits?: Partial<Limits>;
  /** What the submission prints. */
  readonly onOutput?: (text: string) => void;
  /** The exercises' types; those of the lesson unless given. */
  readonly signatures?: Lesson;
  /** Who finds errors of types; the language server of this process unless given. */
  readonly diagnose?: Diagnose;
}

/** @throws only when the grader itself is broken. */
export async function judgeSubmission(
  graded: Graded,
  submission: Submission,
  options: JudgeSubmissionOptions,
): Promise<Report> {
  const { file, notes } = submission;
  const about = { file, ...(notes.length > 0 && { notes }) };
  const refused = (reason: Refusal): Report => ({ ...refusedReport(graded, reason, options), ...about });
  const withheld = graded.withheld ?? [];
  const compiled = await compileSubmission(submission, { withheld });
  if (isRefusal(compiled)) return refused(compiled);
  const { limits, onOutput, seed, diagnose, signatures = lesson(graded.slug) } = options;
  const found = await checkTypes(submission, signatures, { ...(diagnose && { diagnose }) });
  if (isRefusal(found)) return refused(found);
  const names = graded.exercises.map(({ name }) => name);
  const outside = found.filter(({ exercise }) => exercise === undefined);
  if (outside.length > 0) return refused(refusal("types", outside.map(({ frame }) => frame).join("\n\n")));
  const wrong = new Map(found.map(({ exercise, frame }) => [exercise!, frame]));
  const only = (options.only ?? names).filter((name) => !wrong.has(name));
  // The wall ends an answer that takes too long; the judge's own limit is for what the wall does not see. It costs points:
  // so a batch, which loses patience before, tries again.
  const timeout = 2000 * longestSilence({ ...defaultLimits, ...limits });
  const judged = async (subject: Subject): Promise<Report> => {
    const report = await judge(graded, subject, { timeout, ...options, only });
    const all = [...(report.notes ?? []), ...notes];
    const complete = withTypeErrors(graded, report, wrong, options);
    return { ...complete, ...about, ...(all.length > 0 && { notes: all }) };
  };
  if (await isUntouched(compiled.code, graded, signatures)) return judged(unanswered);
  const subject = isolated(compiled.code, {
    withheld,
    seed,
    locate: compiled.locate,
    ...(limits && { limits }),
    ...(onOutput && { onOutput }),
  });
  try {
    if (only.length > 0) await subject.load();
    return await judged(subject);
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return { ...ungraded(graded, `${file}: ${error.message}`, options), ...about };
  } finally {
    await subject.close();
  }
}

/**
 * The same for what lies at a path: a file, a notebook, a zip or one student's folder.
 *
 * @param file absolute, or relative to the repository's root.
 */
export async function judgeFile(
  graded: Graded,
  file: string,
  options: JudgeSubmissionOptions,
): Promise<Report> {
  const submission = await readSubmission(path.resolve(root, file), { slug: graded.slug });
  return isRefusal(submission)
    ? refusedReport(graded, submission, options)
    : judgeSubmission(graded, submission, options);
}

/** The report on what could not be graded. */
export function refusedReport(
  graded: Pick<Graded, "slug">,
  { reason, message }: Refusal,
  options: Pick<JudgeOptions, "seed">,
): Report {
  return { ...ungraded(graded, message, options), refusal: reason };
}

function ungraded(
  { slug }: Pick<Graded, "slug">,
  message: string,
  { seed }: Pick<JudgeOptions, "seed">,
): Report {
  return { slug, state: "could not be graded", message, score: 0, maxScore: 0, exercises: [], seed };
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

function notRun({ name, title, tests }: GradedEntry, frame: string): ExerciseReport {
  const rows = tests.map((test) => testReport(name, test, new AnswerError(frame), 0));
  return { name, title, ...totals(rows), tests: rows };
}
