/**
 * Gradescope's `results.json` for one student. Everything in it is for the student's eyes.
 *
 * One hidden test makes Gradescope hide the total from the student. So hidden tests are not sent as `hidden` but as
 * visible rows without text (`student-report.ts`): the total stays visible.
 */

import { sumPoints } from "../points.js";
import type { ExerciseReport, TestReport } from "../report.js";
import { studentReport } from "../student-report.js";
import { type Outcome, statusOf } from "./outcome.js";

export interface GradescopeTest {
  readonly name: string;
  /** "exercise.test", both from 1. */
  readonly number: string;
  readonly score: number;
  readonly max_score: number;
  /** Absent for a test that was skipped: Gradescope then judges by the score, 0 of 0. */
  readonly status?: "passed" | "failed";
  readonly output: string;
  readonly output_format: "text";
  readonly tags: readonly string[];
  readonly visibility: "visible";
}

export interface GradescopeResults {
  readonly score: number;
  readonly output: string;
  readonly output_format: "text";
  readonly visibility: "visible";
  readonly stdout_visibility: "hidden";
  readonly tests: readonly GradescopeTest[];
  readonly extra_data: { readonly submissions: readonly Record<"slug" | "status" | "reason", string>[] };
}

/** @param outcomes of one student, a row for each lesson. */
export function gradescopeResults(outcomes: readonly Outcome[]): GradescopeResults {
  const several = outcomes.length > 1;
  const tests = outcomes.flatMap((outcome, i) => {
    const label = several ? `${outcome.slug}: ` : "";
    const first = several ? `${i + 1}.` : "";
    return studentReport(outcome.report).exercises.flatMap((exercise, e) =>
      exercise.tests.map((test, t) => testOf(exercise, test, label, `${first}${e + 1}.${t + 1}`)),
    );
  });
  return {
    score: sumPoints(outcomes.map(({ report }) => report.score)),
    output: outcomes.map(headline).join("\n\n"),
    output_format: "text",
    visibility: "visible",
    stdout_visibility: "hidden",
    tests,
    extra_data: {
      submissions: outcomes.map((outcome) => ({
        slug: outcome.slug,
        status: statusOf(outcome),
        reason: outcome.reason,
      })),
    },
  };
}

function testOf(
  { title, hint }: ExerciseReport,
  test: TestReport,
  label: string,
  number: string,
): GradescopeTest {
  const isPassed = test.state === "passed";
  const values =
    test.expected === undefined || test.got === undefined
      ? []
      : [`expected: ${test.expected}`, `got: ${test.got}`];
  const hints = [test.hint, hint].filter((text) => text !== undefined).map((text) => `Hint: ${text}`);
  const output = isPassed ? [] : [test.message, ...values, ...(test.state === "todo" ? [] : hints)];
  return {
    name: `${label}${title}: ${test.sentence}`,
    number,
    score: test.points,
    max_score: test.maxPoints,
    ...(test.state !== "skipped" && { status: isPassed ? "passed" : "failed" }),
    output: output.filter((text) => text !== "").join("\n"),
    output_format: "text",
    tags: [],
    visibility: "visible",
  };
}

function headline(outcome: Outcome): string {
  const { slug, report, reason } = outcome;
  const notes = (report.notes ?? []).map((note) => `\nNote: ${note}`).join("");
  switch (statusOf(outcome)) {
    case "graded":
      return `${slug}: ${report.score} of ${report.maxScore} points${notes}`;
    case "missing":
      return `${slug}: nothing was handed in.`;
    case "could not be graded":
      return `${slug}: THIS COULD NOT BE GRADED (${reason}). It is not a grade of zero: correct it and hand it in again.\n\n${report.message}${notes}`;
  }
}
