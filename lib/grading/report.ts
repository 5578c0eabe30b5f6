/** What a judgement says: plain data, the same for the notebook, the command line and later the grader's files. */

import type { Refusal } from "./submissions/submission.js";

export type TestState =
  /** The sentence holds. */
  | "passed"
  /** An answer was given, and is wrong. */
  | "failed"
  /** The answer threw, or ran out of time. */
  | "error"
  /** Nobody answered yet. */
  | "todo"
  /** It cannot be run here, through no fault of the answer, and counts neither way. */
  | "skipped";

export interface TestReport {
  readonly sentence: string;
  readonly state: TestState;
  readonly points: number;
  /** 0 for a test that was skipped. */
  readonly maxPoints: number;
  /** What a skipped test counts where it can be run. */
  readonly skippedPoints?: number;
  /** Why it did not pass; empty when it did, and for a hidden test in a student's report. */
  readonly message: string;
  /** Short forms of what was wanted and what came, where a comparison failed. */
  readonly expected?: string;
  readonly got?: string;
  /** The author's hint, present whenever the test did not pass; `tries.ts` decides when a learner sees it. */
  readonly hint?: string;
  /** Its text is for the instructor only: `studentReport` takes it out. */
  readonly hidden?: true;
}

export interface ExerciseReport {
  readonly name: string;
  readonly title: string;
  readonly points: number;
  readonly maxPoints: number;
  readonly tests: readonly TestReport[];
  readonly hint?: string;
  /** What the learner should know about this answer beside its tests: that it has not changed, when a hint comes. */
  readonly note?: string;
}

export interface Report {
  readonly slug: string;
  /** A file that cannot be read or evaluated was not judged: that is no zero. */
  readonly state: "graded" | "could not be graded";
  /** Why it could not be graded; empty when it was. */
  readonly message: string;
  readonly score: number;
  readonly maxScore: number;
  readonly exercises: readonly ExerciseReport[];
  /** What the reader should know beside the judgement, a sentence each. */
  readonly notes?: readonly string[];
  /** Why there was nothing to judge, where it was found before anything ran. */
  readonly refusal?: Refusal["reason"];
  /** What the inputs were drawn from: the same seed judges the same way. Empty in a student's report. */
  readonly seed: string;
  /** The judged file, relative to the repository; absent when functions were given. */
  readonly file?: string;
}
