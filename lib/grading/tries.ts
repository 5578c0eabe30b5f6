/**
 * What earlier checks change about a report: a hint waits for the second failing answer, and an answer that has not
 * changed is said to be the same.
 */

import type { Fingerprints } from "./fingerprint.js";
import type { ExerciseReport, Report, TestReport } from "./report.js";

/** Failing answers after which a hint is shown. */
const TRIES = 2;

/** What is remembered of a lesson's checks. */
export interface Tries {
  /** Fingerprint of the whole file when it was last checked; absent before that. */
  readonly file?: string;
  readonly exercises: { readonly [name: string]: Try };
}

interface Try {
  /** Fingerprint of the answer that was last judged. */
  readonly answer: string;
  /** Failing answers so far, each other than the one before it. An unanswered exercise has not failed. */
  readonly failures: number;
}

export const noTries: Tries = { exercises: {} };

export interface Submitted {
  /** Of the whole file, where a file was judged. */
  readonly file?: string;
  readonly answers: Fingerprints;
}

/** The tries after a report, from those before it. An exercise that the report leaves out keeps its own. */
export function recordTries(before: Tries, report: Report, { file, answers }: Submitted): Tries {
  const changed = report.exercises.map((exercise): [string, Try] => {
    const { name } = exercise;
    const last = before.exercises[name];
    const answer = answers.get(name) ?? "";
    const fails = hasFailed(exercise) && answer !== last?.answer;
    return [name, { answer, failures: (last?.failures ?? 0) + (fails ? 1 : 0) }];
  });
  return {
    ...(file === undefined ? (before.file === undefined ? {} : { file: before.file }) : { file }),
    exercises: { ...before.exercises, ...Object.fromEntries(changed) },
  };
}

/**
 * The report as a learner sees it at this try: without hints that are not due yet, and with notes about what has not
 * changed.
 *
 * @param saved how long ago the file was saved: "12 minutes ago".
 */
export function atThisTry(report: Report, submitted: Submitted, before: Tries, saved?: string): Report {
  const after = recordTries(before, report, submitted);
  const sameFile = submitted.file !== undefined && submitted.file === before.file;
  const exercises = report.exercises.map((exercise): ExerciseReport => {
    const { name } = exercise;
    const isSame =
      !sameFile && hasFailed(exercise) && submitted.answers.get(name) === before.exercises[name]?.answer;
    const waits = after.exercises[name]!.failures < TRIES && hasFailed(exercise) && hasHint(exercise);
    const notes = [
      ...(isSame ? ["This answer is the same as at the last check."] : []),
      ...(waits ? ["A hint comes after your next try."] : []),
    ];
    return {
      ...(waits ? withoutHints(exercise) : exercise),
      ...(notes.length > 0 ? { note: notes.join(" ") } : {}),
    };
  });
  const notes = [...(sameFile ? [unchanged(report.file ?? "the file", saved)] : []), ...(report.notes ?? [])];
  return { ...report, exercises, ...(notes.length > 0 ? { notes } : {}) };
}

function unchanged(file: string, saved: string | undefined): string {
  const last = saved === undefined ? "" : `, last saved ${saved}`;
  return (
    `Nothing has changed since the last check: this is the same ${file}${last}. If you have edited it since, ` +
    "save it (Ctrl+S, or ⌘S on a Mac) and check again; a dot on its tab marks what is not saved."
  );
}

function hasFailed({ tests }: ExerciseReport): boolean {
  return tests.some(({ state }) => state === "failed" || state === "error");
}

function hasHint({ hint, tests }: ExerciseReport): boolean {
  return hint !== undefined || tests.some((test) => test.hint !== undefined);
}

function withoutHints({ hint: _, ...exercise }: ExerciseReport): ExerciseReport {
  return { ...exercise, tests: exercise.tests.map(({ hint: _, ...test }): TestReport => test) };
}
