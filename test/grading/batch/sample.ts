/** Outcomes of a made-up lesson: two exercises, the second with a hidden test. */

import type { Outcome } from "workbook/grading/batch/outcome";
import type { Report, TestReport } from "workbook/grading/report";

/** Text of the hidden test that no student may see. */
export const secrets = ["the secret sentence", "secret message 42", "secret hint", "secret 17", "secret 18"];

function tested(sentence: string, passes: boolean, rest: Partial<TestReport> = {}): TestReport {
  const maxPoints = rest.maxPoints ?? 1;
  return passes
    ? { ...rest, sentence, state: "passed", points: maxPoints, maxPoints, message: "" }
    : { message: "not it", ...rest, sentence, state: "failed", points: 0, maxPoints };
}

/** @param passes the three tests: two of `rows` (1 and 2 points), the hidden one of `pairs` (1 point). */
export function report(passes: readonly [boolean, boolean, boolean], slug = "lesson"): Report {
  const [sentence, message, hint, expected, got] = secrets as [string, string, string, string, string];
  const rows = [
    tested("each row sums to one", passes[0], {
      expected: "<1>",
      got: "0 & 2",
      message: "row 3: expected <1>",
    }),
    tested("large scores do not overflow", passes[1], { maxPoints: 2, hint: "subtract the `largest`" }),
  ];
  const hidden = tested(sentence, passes[2], { hidden: true, message, hint, expected, got });
  const pairs = [tested("one token makes one pair", true), hidden];
  const exercises = [
    { name: "rows", title: "Rows & columns", tests: rows, hint: "read the statement" },
    { name: "pairs", title: "Pairs", tests: pairs },
  ].map((exercise) => ({
    ...exercise,
    points: exercise.tests.reduce((sum, test) => sum + test.points, 0),
    maxPoints: exercise.tests.reduce((sum, test) => sum + test.maxPoints, 0),
  }));
  const score = exercises.reduce((sum, { points }) => sum + points, 0);
  return {
    slug,
    state: "graded",
    message: "",
    score,
    maxScore: 5,
    exercises,
    seed: "1/somebody",
    file: "x.ts",
  };
}

export function graded(
  student: string,
  passes: readonly [boolean, boolean, boolean],
  slug = "lesson",
): Outcome {
  return { student, slug, submitted: "2026-01-02T03:04:05.000Z", reason: "", report: report(passes, slug) };
}
