/** Grades a batch: what the journal knows is kept, and the rest goes to workers. */

import type { Journal } from "./journal.js";
import { type Judgement, type Outcome, type Task, ungraded } from "./outcome.js";
import { judgeAll, type PoolOptions } from "./pool.js";

/** The reason of what could not be graded through no fault of its own. */
export const GRADER_FAILED = "the grader failed";

/** What happens while a batch runs. */
export type BatchEvent =
  | { readonly kind: "resumed"; readonly done: number; readonly total: number }
  | { readonly kind: "started"; readonly task: Task }
  | { readonly kind: "finished"; readonly task: Task; readonly outcome: Outcome; readonly seconds: number }
  | { readonly kind: "replaced"; readonly task: Task; readonly how: string };

export interface BatchOptions
  extends Pick<PoolOptions, "jobs" | "judge" | "patience" | "stall" | "diagnose"> {
  readonly journal: Journal;
  readonly fingerprintOf: (task: Task) => string;
  readonly onEvent: (event: BatchEvent) => void;
}

export interface Batch {
  readonly outcomes: readonly Outcome[];
  readonly timings: readonly Timing[];
}

/** The one thing that differs from run to run. */
export interface Timing extends Pick<Judgement, "seconds" | "total"> {
  readonly student: string;
  readonly slug: string;
}

/**
 * Grades every task once, in whatever order they end. One that kills its workers is an outcome, not an error.
 *
 * @throws BrokenGrader when no submission can be judged at all.
 */
export async function gradeBatch(tasks: readonly Task[], options: BatchOptions): Promise<Batch> {
  const { journal, fingerprintOf, onEvent } = options;
  const outcomes: Outcome[] = [];
  const timings: Timing[] = [];
  const add = (task: Task, judgement: Judgement): Outcome => {
    const { report, reason, seconds, total } = judgement;
    const { student, submitted } = task;
    const outcome = { student, slug: report.slug, submitted, report, reason };
    outcomes.push(outcome);
    timings.push({ student, slug: report.slug, seconds, total });
    return outcome;
  };
  const [refused, readable] = [
    tasks.filter(({ refusal }) => refusal),
    tasks.filter(({ refusal }) => !refusal),
  ];
  for (const task of refused) {
    const { reason, message } = task.refusal!;
    const outcome = ungraded({ ...task, slug: task.slug ?? "" }, reason, message);
    outcomes.push(outcome);
    onEvent({ kind: "finished", task, outcome, seconds: 0 });
  }
  const fingerprints = new Map(readable.map((task) => [task, fingerprintOf(task)]));
  const rest = readable.filter((task) => {
    const known = journal.read(fingerprints.get(task)!);
    if (known !== undefined) add(task, known);
    return known === undefined;
  });
  if (rest.length < readable.length) {
    onEvent({ kind: "resumed", done: readable.length - rest.length, total: tasks.length });
  }
  await judgeAll(rest, {
    ...options,
    onStart: (task) => onEvent({ kind: "started", task }),
    onReplaced: (task, how) => onEvent({ kind: "replaced", task, how }),
    onJudged: (task, judgement) => {
      journal.write(fingerprints.get(task)!, judgement);
      onEvent({ kind: "finished", task, outcome: add(task, judgement), seconds: judgement.total });
    },
    // Not into the journal: the next run tries it again.
    onGivenUp: (task, how) => {
      const message = `The grader ended twice while it judged this submission: ${how}.`;
      const outcome = ungraded({ ...task, slug: task.slug ?? "", file: task.path }, GRADER_FAILED, message);
      outcomes.push(outcome);
      onEvent({ kind: "finished", task, outcome, seconds: 0 });
    },
  });
  return { outcomes, timings };
}
