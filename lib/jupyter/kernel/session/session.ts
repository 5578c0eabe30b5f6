/**
 * Evaluates cells and keeps their values.
 *
 * The last expression of a cell is its result, with or without a semicolon; a value of undefined shows nothing.
 * `this` is undefined, as in every module. A block `{ … }` at the start of a cell is a block, never an object.
 */

import { setOwnTexts } from "../../../cell-text.js";
import { setDisplayHost } from "../../../display.js";
import type { Cell, CellError, CellOutput, Session } from "../seams.js";
import { isComplete } from "./complete.js";
import { installConsole } from "./console.js";
import { toCellError } from "./errors.js";
import { evaluate } from "./evaluate.js";
import { onEmptyStack } from "./fresh.js";
import { cellOf, LateErrors } from "./late.js";
import { installListeners } from "./listeners.js";
import { Modules } from "./modules.js";
import { currentRun, Interrupted, Run, within } from "./run.js";
import { Scope } from "./scope.js";
import { installStacks, ownTexts } from "./stacks.js";
import { installStreams } from "./streams.js";
import { installTimers } from "./timers.js";
import { compile } from "./transform.js";
import { tslab } from "./tslab.js";
import { bundleOf } from "./values.js";

export interface SessionOptions {
  /** Where the cells' relative imports start. */
  readonly cwd: string;
  /** The workbook's root. */
  readonly root: string;
}

/** A session that can be ended; the process's streams stay redirected for cells that still write. */
export interface ClosableSession extends Session {
  close(): void;
}

/** No error at all, not even `throw undefined`. */
const nothing = Symbol("nothing");

/** Starts a session in this process: it takes over stdout, stderr, stacks and uncaught errors. */
export function createSession(options: SessionOptions): ClosableSession {
  return new KernelSession(options);
}

class KernelSession implements ClosableSession {
  onOutput: (output: CellOutput, cell: number) => void = () => {};
  onLateError: (error: CellError, cell: number) => void = () => {};
  readonly #options: SessionOptions;
  readonly #scope = new Scope();
  readonly #modules: Modules;
  readonly #late = new LateErrors((error, run) => this.#reportLate(error, run));
  #running: Run | undefined;
  /** The last cell's count: where errors go that no cell can be blamed for. */
  #count = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#modules = new Modules({ root: options.root, builtins: { tslab } });
    installStacks();
    installStreams();
    installConsole();
    installTimers();
    installListeners();
    this.#late.install();
    setOwnTexts(ownTexts);
    setDisplayHost(({ data, id, update }) =>
      currentRun()?.show({ kind: update ? "update" : "display", data, id }),
    );
  }

  async execute({ code, count, silent }: Cell): Promise<{ readonly error?: CellError }> {
    this.#count = count;
    const run = new Run(count, (output) => this.onOutput(output, count));
    this.#running = run;
    let told: unknown = nothing;
    try {
      await within(run, async () => {
        const done = await run.until(onEmptyStack(() => this.#evaluate(code, `cell [${count}]`)));
        if (done?.value === undefined || silent) return;
        run.show({ kind: "result", data: await bundleOf(done.value) });
      });
      return {};
    } catch (thrown) {
      told = thrown;
      return { error: this.#describe(thrown, run) };
    } finally {
      // An interrupted cell may end after the next one has begun.
      if (this.#running === run) this.#running = undefined;
      await this.#late.flush(run, told);
    }
  }

  async evaluate(expression: string) {
    const run = new Run(this.#count, (output) => this.onOutput(output, this.#count));
    try {
      const done = await within(run, () => this.#evaluate(`(${expression}\n)`, "expression"));
      return { data: await bundleOf(done?.value) };
    } catch (thrown) {
      return { error: this.#describe(thrown, run) };
    }
  }

  isComplete(code: string) {
    return isComplete(code);
  }

  interrupted(): CellError {
    return this.#describe(this.#running?.interrupt() ?? new Interrupted(), this.#running);
  }

  close(): void {
    this.#late.uninstall();
    setDisplayHost(undefined);
    setOwnTexts(undefined);
  }

  async #evaluate(code: string, label: string) {
    const compiled = compile(code, label, this.#scope);
    const { cwd } = this.#options;
    return evaluate({ compiled, label, scope: this.#scope, modules: this.#modules, cwd });
  }

  #describe(thrown: unknown, run: Run | undefined): CellError {
    return toCellError(thrown, { root: this.#options.root, run });
  }

  #reportLate(error: unknown, run: Run | undefined): void {
    if (error instanceof Interrupted) return;
    this.onLateError(this.#describe(error, run), run?.cell ?? cellOf(error) ?? this.#count);
  }
}
