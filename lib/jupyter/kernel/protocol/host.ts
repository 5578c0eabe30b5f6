/** The main thread's side of the protocol: runs what the worker is asked for, in an `Evaluator`. */

import process from "node:process";
import { Worker } from "node:worker_threads";
import { deferred } from "../../async.js";
import type { CellError } from "../seams.js";
import { CommRegistry } from "./comm-registry.js";
import { announceEnds } from "./ends.js";
import type { Evaluator } from "./evaluator.js";
import { oldSpaceLimit, prepareCollecting } from "./heap-watch.js";
import { Link } from "./link.js";
import { keepLoopsBreakable } from "./loops.js";
import type { CellEnd, StopReason, ToMain, WorkerOptions } from "./messages.js";
import { Prompts } from "./prompts.js";
import { SharedMemory } from "./shared-memory.js";
import { prepareUnwinding } from "./unwind.js";

/** How long the process's end waits for the worker's last words. */
const lastWordsMs = 1000;

export interface HostOptions {
  readonly connectionFile: string;
  readonly languageVersion: string;
  readonly implementationVersion: string;
}

/** What cells may use beside their language; becomes part of the global object. Declared for them in globals.ts. */
export interface KernelGlobals {
  /** Asks the reader for a line of text. Rejects where the client has no way to ask. */
  prompt(text?: string, options?: { readonly password?: boolean }): Promise<string>;
  /** Removes what the cell has shown so far; with `wait`, when the next output comes. */
  clearOutput(options?: { readonly wait?: boolean }): void;
  /** Shows a text in the client's pager, where it has one. */
  page(text: string): void;
  /** Channels to widgets in the client. */
  readonly comm: Pick<CommRegistry, "registerTarget" | "unregisterTarget" | "open">;
}

interface Run {
  readonly id: number;
  readonly count: number;
  readonly allowStdin: boolean;
  readonly payload: { source: string; start: number; data: Record<string, string> }[];
}

/** Starts the worker at once, so that it binds its sockets while the evaluator loads. */
export class Host {
  readonly #memory = new SharedMemory();
  readonly #worker: Worker;
  readonly #link: Link;
  readonly #comms: CommRegistry;
  readonly #prompts: Prompts;
  readonly #restore = prepareUnwinding();
  readonly #evaluator = deferred<Evaluator>();
  #run: Run | undefined;
  #lastCount = 0;

  constructor(options: HostOptions) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: {
        ...options,
        memory: this.#memory.buffer,
        heapLimit: oldSpaceLimit(),
      } satisfies WorkerOptions,
      execArgv: [],
    });
    this.#link = new Link(this.#worker, this.#memory);
    this.#comms = new CommRegistry((event) => this.#link.send({ kind: "comm", event }));
    this.#prompts = new Prompts((question) => this.#link.send({ kind: "prompt", ...question }));
    // Only until the worker watches for it: a signal that nobody handles would end the process.
    process.on("SIGINT", () => this.#worker.postMessage({ kind: "interrupt" }));
    keepLoopsBreakable();
    prepareCollecting();
    announceEnds((how) => {
      if (this.#memory.workerIsGone) return;
      this.#link.send({ kind: "exit", how });
      this.#memory.waitUntilGone(lastWordsMs);
    });
    // From the start, for a message that finds no listener is lost.
    this.#worker.on("message", async (message: ToMain) => {
      await this.#receive(message, await this.#evaluator.promise);
    });
    this.#worker.on("error", (error) => {
      this.#memory.announceGone();
      process.stderr.write(`workbook kernel: ${error.stack ?? error.message}\n`);
      process.exit(1);
    });
  }

  get globals(): KernelGlobals {
    return {
      prompt: (text = "", { password = false } = {}) =>
        this.#prompts.ask(String(text), password, this.#run?.allowStdin === true),
      clearOutput: ({ wait = false } = {}) => this.#link.show({ kind: "clear", wait }, this.#lastCount),
      page: (text) =>
        void this.#run?.payload.push({ source: "page", start: 0, data: { "text/plain": String(text) } }),
      comm: this.#comms,
    };
  }

  /** Begins to run what has been asked for meanwhile. */
  serve(evaluator: Evaluator): void {
    evaluator.onOutput = (output, cell) => this.#link.show(output, cell);
    evaluator.onLateError = (error, cell) => this.#link.send({ kind: "late", cell, error });
    this.#evaluator.resolve(evaluator);
  }

  async #receive(message: ToMain, evaluator: Evaluator): Promise<void> {
    switch (message.kind) {
      case "execute":
        return this.#execute(message, evaluator);
      case "interrupt":
        return this.#interrupt(message, evaluator);
      case "question":
        return this.#answer(message, evaluator);
      case "input":
        return this.#prompts.answer(message);
      case "end":
        await evaluator.close();
        process.exit(0);
    }
  }

  async #execute(request: Extract<ToMain, { kind: "execute" }>, evaluator: Evaluator): Promise<void> {
    const { run: id, code, count, silent, allowStdin, expressions } = request;
    const run: Run = { id, count, allowStdin, payload: [] };
    this.#run = run;
    this.#lastCount = count;
    this.#memory.runStarted = id;
    let end: CellEnd;
    try {
      const { error } = await evaluator.execute({ code, count, silent });
      end =
        error === undefined
          ? { expressions: await values(expressions, evaluator), payload: run.payload }
          : { ...ended, error };
    } catch (error) {
      end = { ...ended, error: describe(error) };
    }
    // A cell that was interrupted has been answered already, whatever becomes of it.
    if (this.#run === run) this.#end(end);
  }

  #interrupt({ run, reason }: { run: number; reason: StopReason }, evaluator: Evaluator): void {
    this.#restore();
    if (this.#run?.id !== run) return;
    const interrupted = evaluator.interrupted();
    const error = reason === "memory" ? outOfMemory() : interrupted;
    this.#prompts.refuse("interrupted");
    this.#end({ ...ended, error });
  }

  #end(end: CellEnd): void {
    const { id } = this.#run!;
    this.#run = undefined;
    this.#link.send({ kind: "done", run: id, end });
    this.#memory.runEnded = id;
  }

  async #answer(
    { id, about, ask }: Extract<ToMain, { kind: "question" }>,
    evaluator: Evaluator,
  ): Promise<void> {
    try {
      const answer =
        about === "comm"
          ? { known: await this.#comms.receive(ask) }
          : about === "complete"
            ? await evaluator.complete(ask.code, ask.offset)
            : about === "inspect"
              ? await evaluator.inspect(ask.code, ask.offset)
              : evaluator.isComplete(ask.code);
      this.#link.send({ kind: "answer", id, answer });
    } catch (error) {
      if (about === "comm") {
        // A comm's handler is code of the reader's: its fault is shown.
        this.#link.send({ kind: "late", cell: this.#lastCount, error: describe(error) });
        this.#link.send({ kind: "answer", id, answer: { known: false } });
      } else {
        this.#link.send({ kind: "answer", id, answer: undefined, failed: String(error) });
      }
    }
  }
}

function outOfMemory(): CellError {
  const megabytes = Math.round(oldSpaceLimit() / 2 ** 20);
  const evalue = `the cell was stopped before it filled Node's heap of ${megabytes} MB; what the session's variables hold is kept`;
  return { ename: "OutOfMemory", evalue, traceback: [`OutOfMemory: ${evalue}`] };
}

const ended: CellEnd = { expressions: {}, payload: [] };

/** The `user_expressions` of a reply. */
async function values(
  expressions: Readonly<Record<string, string>>,
  evaluator: Evaluator,
): Promise<CellEnd["expressions"]> {
  const found: CellEnd["expressions"] = {};
  for (const [name, expression] of Object.entries(expressions)) {
    const value = await evaluator.evaluate(expression);
    found[name] =
      "error" in value
        ? { status: "error", ...value.error }
        : // Through JSON: a value may hold what cannot be cloned.
          { status: "ok", data: JSON.parse(JSON.stringify(value.data)), metadata: {} };
  }
  return found;
}

function describe(error: unknown): CellError {
  const { name = "Error", message = String(error), stack } = error instanceof Error ? error : {};
  return { ename: name, evalue: message, traceback: (stack ?? `${name}: ${message}`).split("\n") };
}
