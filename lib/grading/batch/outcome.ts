/** What becomes of a submission: plain data, for the journal, the files that the batch writes, and comparisons. */

import type { Report } from "../report.js";

/** What a worker is asked to judge. */
export interface Task {
  readonly student: string;
  /** A file, or the folder of one student. */
  readonly path: string;
  /** The lesson, where it is known before the submission is read. */
  readonly slug?: string;
  /** When the file was last changed, ISO 8601 in UTC. */
  readonly submitted: string;
  /** The assignment's seed and the student: each student gets inputs of their own. */
  readonly seed: string;
  /** Most seconds that one exercise may take; the grader's default unless given. */
  readonly timeout?: number;
  /** Why there is nothing to judge, where that is known already. */
  readonly refusal?: { readonly reason: string; readonly message: string };
}

/** What a worker found out; it depends on the submission's bytes and the grader alone, except `seconds`. */
export interface Judgement {
  readonly report: Report;
  /** One or two words for why it could not be graded; empty when it was. */
  readonly reason: string;
  /** Seconds for each exercise, and for all of it (reading, types, start-up included). */
  readonly seconds: Readonly<Record<string, number>>;
  readonly total: number;
}

/** A row of the batch. */
export interface Outcome {
  readonly student: string;
  readonly slug: string;
  /** ISO 8601 in UTC; empty where nothing was handed in. */
  readonly submitted: string;
  readonly report: Report;
  /** As in `Judgement`; `"missing"` where nothing was handed in. */
  readonly reason: string;
}

export type Status = "graded" | "could not be graded" | "missing";

/** Nothing handed in is nobody's failure, and neither is a zero. */
export function statusOf({ reason }: Outcome): Status {
  if (reason === "") return "graded";
  return reason === "missing" ? "missing" : "could not be graded";
}

/** A row for what was never judged: it has no score, which is not the same as a score of zero. */
export function ungraded(
  task: Pick<Task, "student" | "submitted" | "seed"> & { readonly slug: string; readonly file?: string },
  reason: string,
  message: string,
): Outcome {
  const { student, submitted, seed, slug, file } = task;
  return {
    ...{ student, slug, submitted, reason },
    report: {
      ...{ slug, state: "could not be graded", message, score: 0, maxScore: 0, exercises: [], seed },
      ...(file === undefined ? {} : { file }),
    },
  };
}

/** By student, then lesson; the same on every machine. */
export function byStudent(
  a: Pick<Outcome, "student" | "slug">,
  b: Pick<Outcome, "student" | "slug">,
): number {
  return compare(a.student, b.student) || compare(a.slug, b.slug);
}

/** Order of code units: `localeCompare` depends on the machine's language. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The most points of each lesson, as far as any graded submission tells. */
export function maxScores(outcomes: readonly Outcome[]): ReadonlyMap<string, number> {
  const graded = outcomes.filter((outcome) => statusOf(outcome) === "graded");
  return new Map(graded.map(({ slug, report }) => [slug, report.maxScore]));
}
