/** One batch from start to end in a folder of its own: lock, journal, workers, files. */

import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { lesson } from "../submissions/exercise.js";
import { TypeChecker } from "../submissions/types.js";
import { bundle } from "../wall/bundle.js";
import { fingerprint, graderFingerprint } from "./fingerprint.js";
import { type Batch, type BatchEvent, gradeBatch } from "./grade.js";
import type { Roster } from "./grades.js";
import { openJournal } from "./journal.js";
import { takeLock } from "./lock.js";
import { byStudent, type Task } from "./outcome.js";
import { type Format, outputFiles, writeOutputs } from "./outputs.js";
import { absent, withoutDuplicates } from "./plan.js";

/** A language server answers in 20 ms, and a submission keeps its worker busy for 100 and more. */
const WORKERS_A_CHECKER = 4;

export interface SessionOptions {
  readonly out: string;
  readonly slug: string | undefined;
  readonly seed: string;
  readonly jobs?: number;
  readonly wanted: readonly Format[];
  /** Students of whom a row is wanted even when they handed nothing in. */
  readonly expected: Roster;
  readonly roster: Roster;
  /** Milliseconds that a worker may be silent. */
  readonly patience: number;
  /** Milliseconds that a worker may be silent before another one works in its place. */
  readonly stall?: number;
  readonly onEvent: (event: BatchEvent) => void;
  /** The module that judges; tests have one of their own. */
  readonly judge?: string;
}

/**
 * Grades, and writes the files.
 *
 * @throws LockedError when another batch runs in the folder, BrokenGrader when nothing can be judged.
 */
export async function runSession(tasks: readonly Task[], options: SessionOptions): Promise<Batch> {
  const { out, slug, seed, wanted, roster, expected, jobs = os.availableParallelism() } = options;
  const { judge = fileURLToPath(new URL("./judge-task.js", import.meta.url)) } = options;
  mkdirSync(out, { recursive: true });
  return locked(out, async () => {
    const graders = new Map<string | undefined, string>();
    const graderOf = (of: string | undefined) => {
      if (!graders.has(of)) graders.set(of, graderFingerprint(of));
      return graders.get(of)!;
    };
    const checkers = Array.from({ length: Math.ceil(jobs / WORKERS_A_CHECKER) }, () => new TypeChecker());
    // Meanwhile the workers start.
    if (slug !== undefined && options.judge === undefined)
      for (const each of checkers) each.warmUp(lesson(slug));
    // Else each worker would build it.
    if (options.judge === undefined) bundle();
    let turn = 0;
    const { outcomes, timings } = await gradeBatch(tasks, {
      ...options,
      jobs,
      judge,
      diagnose: (text, signatures) => checkers[turn++ % checkers.length]!.diagnose(text, signatures),
      journal: openJournal(path.join(out, ".journal")),
      fingerprintOf: (task) => fingerprint(task, graderOf(task.slug)),
    }).finally(() => Promise.all(checkers.map((each) => each.close())));
    const single = withoutDuplicates(outcomes);
    const all = [...single, ...absent(single, expected, { slug, seed })].sort(byStudent);
    const times = timings.toSorted(byStudent);
    writeOutputs(out, outputFiles(all, times, { wanted, roster }));
    return { outcomes: all, timings: times };
  });
}

/** Runs while no other batch may work in the folder. */
export async function locked<T>(out: string, work: () => Promise<T>): Promise<T> {
  const unlock = takeLock(path.join(out, ".journal", "lock"));
  try {
    return await work();
  } finally {
    unlock();
  }
}
