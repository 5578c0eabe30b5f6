/**
 * Breaks what the main thread is doing. Runs in the worker.
 *
 * A cell that awaits something is told by message. A busy loop hears no messages: the inspector ends its JavaScript,
 * after which the main thread reads the message. Node must have been started with `--no-force-async-hooks-checks`:
 * the end of a callback that was broken off is no error of Node's own bookkeeping.
 */

import { Session } from "node:inspector";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { StopReason } from "./messages.js";
import type { SharedMemory } from "./shared-memory.js";
import { unwindExpression } from "./unwind.js";

const answerMs = 60;
const retryMs = 200;
const pollMs = 5;

export class Interrupter {
  readonly #memory: SharedMemory;
  readonly #tell: (run: number, reason: StopReason) => void;
  #interrupting = 0;

  /** @param tell sends the message that this run is to be interrupted. */
  constructor(memory: SharedMemory, tell: (run: number, reason: StopReason) => void) {
    this.#memory = memory;
    this.#tell = tell;
  }

  /** Resolves once the main thread has ended the run. */
  async interrupt(run: number, reason: StopReason): Promise<void> {
    if (this.#interrupting === run) return;
    this.#interrupting = run;
    this.#tell(run, reason);
    // What holds up a run that has not begun is the kernel's own work: that is not to be broken off.
    while (this.#memory.runStarted < run) await sleep(pollMs);
    if (await this.#ends(run, answerMs)) return;
    const session = new Session();
    session.connectToMainThread();
    try {
      // Repeated, because what is ended may have been the reading of the message.
      do {
        session.post("Runtime.evaluate", { expression: unwindExpression });
        session.post("Runtime.terminateExecution");
        this.#tell(run, reason);
      } while (!(await this.#ends(run, retryMs)));
    } finally {
      session.disconnect();
    }
  }

  async #ends(run: number, ms: number): Promise<boolean> {
    for (let waited = 0; waited < ms; waited += pollMs) {
      if (this.#memory.runEnded >= run) return true;
      await sleep(pollMs);
    }
    return this.#memory.runEnded >= run;
  }
}

/**
 * Calls `onSignal` at every SIGINT, also while the main thread is busy.
 *
 * Node delivers signals to the main thread's event loop, which a busy loop never reaches. But `vm` has a watchdog for
 * SIGINT that works in any thread: a further worker does nothing but wait to be broken off by it. The outer watchdog
 * keeps the handler in place while the inner one starts anew; without it a second SIGINT would end the process.
 */
export function watchSigint(onSignal: () => void): void {
  const source = `
    const { runInThisContext } = require("node:vm");
    const { parentPort } = require("node:worker_threads");
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const watched = (code) => {
      for (;;) {
        try {
          runInThisContext(code, { breakOnSigint: true });
        } catch {
          parentPort.postMessage("SIGINT");
        }
      }
    };
    globalThis.inner = () => watched("wait()");
    globalThis.wait = () => Atomics.wait(nothing, 0, 0);
    watched("inner()");
  `;
  const watcher = new Worker(source, {
    eval: true,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8 },
  });
  watcher.on("message", onSignal);
  watcher.on("error", () => {});
  watcher.unref();
}
