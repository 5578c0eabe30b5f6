/** Errors that nobody caught after their cell went on: shown under the cell that started them. */

import process from "node:process";
import { currentRun, isRunning, type Run, throwingRun } from "./run.js";

type Report = (error: unknown, run: Run | undefined) => void;

/** Rejections that may still be caught, while their cell runs. */
interface Held {
  readonly reason: unknown;
  readonly run: Run | undefined;
}

export class LateErrors {
  readonly #held = new Map<Promise<unknown>, Held>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  install(): void {
    process.on("uncaughtException", this.#thrown);
    process.on("unhandledRejection", this.#rejected);
    process.on("rejectionHandled", this.#handled);
  }

  uninstall(): void {
    process.off("uncaughtException", this.#thrown);
    process.off("unhandledRejection", this.#rejected);
    process.off("rejectionHandled", this.#handled);
  }

  /** The cell has ended: what it left unhandled is reported, unless it is `told` already, as the cell's own error. */
  async flush(run: Run, told: unknown): Promise<void> {
    if (![...this.#held.values()].some((held) => held.run === run)) return;
    // Node tells of a rejection that was caught after all only once the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    for (const [promise, held] of this.#held) {
      if (held.run !== run) continue;
      this.#held.delete(promise);
      if (held.reason !== told) this.#report(held.reason, run);
    }
  }

  readonly #thrown = (error: unknown) => this.#report(error, throwingRun(error) ?? runOf(error));

  readonly #rejected = (reason: unknown, promise: Promise<unknown>) => {
    const run = throwingRun(reason) ?? runOf(reason);
    if (run !== undefined && isRunning(run)) this.#held.set(promise, { reason, run });
    else this.#report(reason, run);
  };

  readonly #handled = (promise: Promise<unknown>) => {
    this.#held.delete(promise);
  };
}

/** The outermost cell in an error's stack: the one that started it. */
export function cellOf(error: unknown): number | undefined {
  const stack = error instanceof Error ? String(error.stack) : "";
  const count = [...stack.matchAll(/cell \[(\d+)\]:\d+:\d+/g)].at(-1)?.[1];
  return count === undefined ? undefined : Number(count);
}

/** The run in the foreground, unless the error's own stack names another cell. */
function runOf(error: unknown): Run | undefined {
  const run = currentRun();
  return (cellOf(error) ?? run?.cell) === run?.cell ? run : undefined;
}
