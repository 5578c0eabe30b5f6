/** Runs `execute_request`s one after the other, and knows which of them an error takes with it. */

export interface QueuedRun {
  run(): Promise<void>;
  /** Answers without running. */
  abort(): Promise<void>;
}

/** What was sent together with a failing cell may still be on its way from the socket when the cell has failed. */
const arrivalMs = 5;
/** A cell that has run for this long no longer holds up completion and the like. */
const patienceMs = 500;

export class ExecuteQueue {
  #waiting: QueuedRun[] = [];
  #draining: Promise<void> | undefined;
  #startedAt = 0;

  add(run: QueuedRun): void {
    this.#waiting.push(run);
    this.#draining ??= this.#drain();
  }

  /** Called by a run that failed, before it replies: resolves to the runs that had been queued by then. */
  async takeQueued(): Promise<QueuedRun[]> {
    await sleep(arrivalMs);
    const queued = this.#waiting;
    this.#waiting = [];
    return queued;
  }

  /** Resolves when nothing runs and nothing waits. */
  get ended(): Promise<void> {
    return this.#draining ?? Promise.resolve();
  }

  /** Resolves when the cells sent so far have ended, or the running one takes its time. */
  async settled(): Promise<void> {
    const left = this.#startedAt + patienceMs - performance.now();
    if (this.#draining !== undefined && left > 0) await Promise.race([this.#draining, sleep(left)]);
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#startedAt = performance.now();
      await next.run();
    }
    this.#draining = undefined;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
