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
  const ran = queue.then(() => {
    if (current?.isAlive !== true) current = new PlaygroundProcess();
    return current.run(job, seconds);
  });
  queue = ran.catch(() => {});
  return ran;
}

/** Ends the playground's process, if there is one. */
export function endPlayground(): void {
  current?.kill();
  current = undefined;
}
