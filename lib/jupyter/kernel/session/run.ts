/** One run of a cell: where its output goes, what it waits for, and how it is stopped. */

import type { CellOutput } from "../seams.js";
import type { Position } from "./positions.js";

/** Thrown into a cell that was interrupted. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor() {
    super("the cell was interrupted");
  }
}

/** Time that a stopped cell's `finally` blocks get before its run counts as ended. */
const graceMs = 100;

/** What receives an output may itself write, to the terminal. */
let delivering = 0;

export class Run {
  readonly cell: number;
  /** Awaits that the last rejection came through, innermost first: errors of Node's own have no frames. */
  path: { reason: unknown; places: { label: string; position: () => Position }[] } = {
    reason: undefined,
    places: [],
  };
  readonly #deliver: (output: CellOutput) => void;
  readonly #pending = new Set<(reason: unknown) => void>();
  #interruption: Interrupted | undefined;
  #giveUp: (reason: unknown) => void = () => {};

  constructor(cell: number, deliver: (output: CellOutput) => void) {
    this.cell = cell;
    this.#deliver = deliver;
  }

  show(output: CellOutput): void {
    delivering++;
    try {
      this.#deliver(output);
    } finally {
      delivering--;
    }
  }

  /** Settles as `work` does; rejects soon after an interrupt, even where `work` never settles or catches everything. */
  async until<T>(work: Promise<T>): Promise<T> {
    const result = await new Promise<T>((resolve, reject) => {
      this.#giveUp = reject;
      work.then(resolve, reject);
    });
    if (this.#interruption) throw this.#interruption;
    return result;
  }

  /** Rejects what the cell awaits; the next await of the cell rejects too. */
  interrupt(): Interrupted {
    this.#interruption ??= new Interrupted();
    const reason = this.#interruption;
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    setTimeout(() => this.#giveUp(reason), graceMs);
    return reason;
  }

  /** What an await in a cell waits for: never rejects, so that `resume` throws in the run's own context. */
  wait(value: unknown, label: string, position: () => Position): Settled | Promise<Settled> {
    if (this.#interruption) return { run: this, ok: false, value: this.#interruption };
    if (!isThenable(value)) return { run: this, ok: true, value };
    return new Promise((resolve) => {
      const reject = (reason: unknown) => resolve({ run: this, ok: false, value: reason });
      this.#pending.add(reject);
      Promise.resolve(value).then(
        (result) => {
          this.#pending.delete(reject);
          resolve({ run: this, ok: true, value: result });
        },
        (reason) => {
          this.#pending.delete(reject);
          this.#pass(reason, label, position);
          reject(reason);
        },
      );
    });
  }

  #pass(reason: unknown, label: string, position: () => Position): void {
    if (this.path.reason !== reason || this.path.places.length === 0) this.path = { reason, places: [] };
    if (this.path.places.length < 20) this.path.places.push({ label, position });
  }
}

/** What came of a wait, and the run that waited. */
export interface Settled {
  readonly run: Run | undefined;
  readonly ok: boolean;
  readonly value: unknown;
}

function isThenable(value: unknown): boolean {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/*
 * Which run things belong to is tracked here and not by AsyncLocalStorage: on Node 20 and 22 that rests on async hooks,
 * and V8 terminating an endless loop under them aborts the process (a failed check in InternalCallbackScope::Close).
 */
let foreground: Run | undefined;
/** The run of the timer, or of the stretch between two awaits, that is running now; the foreground's own needs none. */
let active: Run | undefined;

/** The run that what is written now belongs to; none while its output is being received. */
export function writingRun(): Run | undefined {
  return delivering > 0 ? undefined : currentRun();
}

/** `run` is the cell in the foreground while `work` lasts. */
export async function within<T>(run: Run, work: () => Promise<T>): Promise<T> {
  foreground = run;
  // V8 runs no `finally` of what it terminated: an endless loop may have been stopped anywhere.
  active = undefined;
  delivering = 0;
  try {
    return await work();
  } finally {
    if (foreground === run) foreground = undefined;
  }
}

/** Goes on after an await of a cell: what runs up to the next one belongs to the run that waited. */
export function resume({ run, ok, value }: Settled): unknown {
  active = run === foreground ? undefined : run;
  if (active !== undefined) queueMicrotask(leave);
  if (!ok) throw value;
  return value;
}

function leave(): void {
  active = undefined;
}

/** A callback that belongs to the run that made it, whenever it is called. */
export function bound<A extends unknown[]>(callback: (...args: A) => unknown): (...args: A) => unknown {
  const run = currentRun();
  if (run === undefined) return callback;
  return function (this: unknown, ...args: A) {
    const before = active;
    active = run === foreground ? undefined : run;
    try {
      return Reflect.apply(callback, this, args);
    } catch (error) {
      // The innermost: the error may pass through callbacks of other cells.
      if (blamed?.error !== error) blamed = { error, run };
      throw error;
    } finally {
      active = before;
    }
  };
}

let blamed: { error: unknown; run: Run } | undefined;

/** The run whose timer threw this error, if it was the last one that did. */
export function throwingRun(error: unknown): Run | undefined {
  return blamed !== undefined && blamed.error === error ? blamed.run : undefined;
}

/** The run that caused what happens now; else the cell that is running. */
export function currentRun(): Run | undefined {
  return active ?? foreground;
}

export function isRunning(run: Run): boolean {
  return foreground === run;
}
