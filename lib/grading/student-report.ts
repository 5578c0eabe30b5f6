/** What a student may see of a report. Every output that a student reads is made from this, and from nothing else. */

import type { ExerciseReport, Report, TestReport } from "./report.js";

/**
 * The report without what belongs to the instructor: of a hidden test remain its points and whether it passed,
 * and the seed goes, from which the tests' inputs could be drawn again.
 */
export function studentReport(report: Report): Report {
  return { ...report, seed: "", exercises: report.exercises.map(withoutHidden) };
}

function withoutHidden(exercise: ExerciseReport): ExerciseReport {
  return { ...exercise, tests: exercise.tests.map((test) => (test.hidden ? veiled(test) : test)) };
}

/** Made of nothing but verdict and points: what an answer throws may hold the test's inputs, and a Todo may too. */
function veiled({ state, points, maxPoints, skippedPoints }: TestReport): TestReport {
  const skipped = skippedPoints === undefined ? {} : { skippedPoints };
  return { sentence: "a hidden test", state, points, maxPoints, ...skipped, message: "", hidden: true };
}
