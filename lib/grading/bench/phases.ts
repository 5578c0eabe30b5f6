/** Where the time of one submission goes: the steps of the grader one by one, in a process that is warm. */

import { judged } from "../check.js";
import { judge } from "../judge.js";
import { exerciseFiles, loadGraded } from "../lessons.js";
import { loadTypeScript } from "../load.js";
import { compileSubmission } from "../submissions/compile.js";
import { lesson } from "../submissions/exercise.js";
import { readSubmission } from "../submissions/read.js";
import { isRefusal } from "../submissions/submission.js";
import { checkTypes } from "../submissions/types.js";
import { isolated } from "../wall/isolated.js";

/** Milliseconds by step. */
export type Steps = Readonly<Record<string, number>>;

/** The first time, with all that starts up, and the median of `rounds` further ones. */
export interface Measured {
  readonly first: Steps;
  readonly median: Steps;
}

/** A right submission, step by step. */
export async function measureSteps(slug: string, file: string, rounds: number): Promise<Measured> {
  const graded = await loadGraded(slug);
  return repeated(rounds, async (time) => {
    const submission = await time("read", () => readSubmission(file, { slug }));
    if (isRefusal(submission)) throw new Error(submission.message);
    const compiled = await time("imports and compile", () => compileSubmission(submission, { withheld: [] }));
    if (isRefusal(compiled)) throw new Error(compiled.message);
    await time("types", () => checkTypes(submission, lesson(slug)));
    const subject = isolated(compiled.code);
    await time("child: start and load", () => subject.load());
    const report = await time("judge, and calls to the child", () => judge(graded, subject, { seed: "1" }));
    if (report.score !== report.maxScore) throw new Error(`bench: ${report.score} of ${report.maxScore}`);
    await time("child: end", () => subject.close());
  });
}

/** `check()` of a lesson in a notebook: its file as it is, and the solution's answers given in a cell. */
export async function measureCheck(slug: string, rounds: number): Promise<Measured> {
  const { exports } = await loadTypeScript(exerciseFiles(slug).solution);
  return repeated(rounds, async (time) => {
    await time(`check("${slug}")`, () => judged(slug));
    await time(`check("${slug}", answers)`, () => judged(slug, { ...exports }));
  });
}

type Time = <T>(step: string, work: () => Promise<T>) => Promise<T>;

async function repeated(rounds: number, round: (time: Time) => Promise<void>): Promise<Measured> {
  const all: Record<string, number>[] = [];
  for (let i = 0; i <= rounds; i++) {
    const steps: Record<string, number> = {};
    all.push(steps);
    await round(async (step, work) => {
      const start = performance.now();
      try {
        return await work();
      } finally {
        steps[step] = performance.now() - start;
      }
    });
  }
  const [first, ...rest] = all;
  const median = Object.keys(first!).map((step) => {
    const sorted = rest.map((steps) => steps[step]!).sort((a, b) => a - b);
    return [step, sorted[Math.floor(sorted.length / 2)]!] as const;
  });
  return { first: first!, median: Object.fromEntries(median) };
}
