/**
 * Judges answers by graded tests and returns what happened as plain data. Nothing is printed, no global is
 * touched, and mocha may already be running around it.
 */

import type { Graded, GradedEntry } from "./graded.js";
import { type PlannedSuite, type PlannedTest, runSuites } from "./mocha.js";
import { testReport } from "./outcome.js";
import { sumPoints } from "./points.js";
import type { Report, TestReport } from "./report.js";
import type { Subject } from "./subject.js";
import { trial } from "./trial.js";

export interface JudgeOptions {
  /** Draws the inputs: same seed, same judgement. */
  readonly seed: string;
  /** Names of the exercises to judge; all of them unless given. */
  readonly only?: readonly string[];
  /** For each test, in milliseconds. An answer that never returns control cannot be stopped in one process. */
  readonly timeout?: number;
  /** Told after each test how long it took, in milliseconds: reports hold no times. */
  readonly onTime?: (exercise: string, milliseconds: number) => void;
}

let queue: Promise<unknown> = Promise.resolve();

/**
 * Judges a subject. Judgements run one at a time, because a test owns every tensor that is made while it runs.
 *
 * @throws only when the judge itself is broken; a wrong, throwing or missing answer is part of the report.
 */
export function judge(graded: Graded, subject: Subject, options: JudgeOptions): Promise<Report> {
  const judgement = queue.then(() => judgeNow(graded, subject, options));
  queue = judgement.catch(() => {});
  return judgement;
}

async function judgeNow(
  graded: Graded,
  subject: Subject,
  { seed, only, timeout = 20_000, onTime = () => {} }: JudgeOptions,
): Promise<Report> {
  const chosen = graded.exercises.filter(({ name }) => only?.includes(name) ?? true);
  const suites = chosen.map((exercise) => plan(exercise, subject, `${seed}/${graded.slug}`, onTime));
  const errors = await runSuites(suites, timeout);
  const exercises = chosen.map((exercise, e) => {
    const { name, title, hint } = exercise;
    const tests = exercise.tests.map((test, t): TestReport => {
      const planned = suites[e]!.tests[t]!;
      const error = errors.has(planned) ? errors.get(planned) : new Error("it was not run");
      return testReport(name, test, error, timeout);
    });
    return { name, title, ...totals(tests), tests, ...(hint === undefined ? {} : { hint }) };
  });
  const { points: score, maxPoints: maxScore } = totals(exercises);
  const notes = skipNotes(exercises.flatMap(({ tests }) => tests));
  return { slug: graded.slug, state: "graded", message: "", score, maxScore, exercises, seed, ...notes };
}

/** Nobody must take points that were not judged for points that are not there. */
function skipNotes(tests: readonly TestReport[]): { readonly notes?: readonly string[] } {
  const skipped = tests.filter(({ state }) => state === "skipped");
  if (skipped.length === 0) return {};
  const points = sumPoints(skipped.map(({ skippedPoints = 0 }) => skippedPoints));
  const what = skipped.length === 1 ? "One test was" : `${skipped.length} tests were`;
  const reasons = [...new Set(skipped.map(({ message }) => message))].join("; ");
  return {
    notes: [
      `${what} skipped, with ${points} ${points === 1 ? "point" : "points"} that count neither way: ${reasons}`,
    ],
  };
}

function plan(
  exercise: GradedEntry,
  subject: Subject,
  seed: string,
  onTime: NonNullable<JudgeOptions["onTime"]>,
): PlannedSuite {
  const tests = exercise.tests.map(
    (test): PlannedTest => ({
      title: test.sentence,
      run: async (isOver) => {
        const start = performance.now();
        try {
          await test.run(trial(exercise, subject, `${seed}/${exercise.name}/${test.sentence}`, isOver));
        } finally {
          onTime(exercise.name, performance.now() - start);
        }
      },
    }),
  );
  return { title: exercise.name, tests };
}

export function totals(rows: readonly { readonly points: number; readonly maxPoints: number }[]) {
  return {
    points: sumPoints(rows.map((row) => row.points)),
    maxPoints: sumPoints(rows.map((row) => row.maxPoints)),
  };
}
