/** One playground for whoever asks in this process: jobs run one after the other, and a process that is gone is replaced. */

import type { Job, Ran } from "./job.js";
import { PlaygroundProcess } from "./process.js";

let current: PlaygroundProcess | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Runs a kernel in the playground's process.
 *
 * @param seconds that compiling, and each run, may take.
 * @throws KernelError that says in one sentence why there is no result. The next job finds a process that works.
 */
export function runWgsl(job: Job, seconds: number): Promise<Ran> {
  return inTurn((playground) => playground.run(job, seconds));
}

/** Resolves when there is a GPU, or software in place of one, to run on. @throws KernelError, of reason "no gpu". */
export function findPlayground(): Promise<void> {
  return inTurn((playground) => playground.started());
}

function inTurn<T>(work: (playground: PlaygroundProcess) => Promise<T>): Promise<T> {
  const done = queue.then(() => {
    if (current?.isAlive !== true) current = new PlaygroundProcess();
    return work(current);
  });
  queue = done.catch(() => {});
  return done;
}

/** Ends the playground's process, if there is one. */
export function endPlayground(): void {
  current?.kill();
  current = undefined;
}
