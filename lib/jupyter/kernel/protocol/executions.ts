/** Cells from request to reply: numbered, run in order, their outputs sent under their request. Runs in the worker. */

import { stripVTControlCharacters } from "node:util";
import type { Header, Json, Message } from "../../wire.js";
import type { CellError } from "../seams.js";
import { ExecuteQueue } from "./execute-queue.js";
import { History } from "./history.js";
import type { MainThread } from "./main-thread.js";
import type { CellEnd } from "./messages.js";
import type { KernelSockets } from "./sockets.js";

/** What is told of cells, and asked before the first one that anybody sees. */
interface Watcher {
  /** @param count of the cell that begins to run; undefined when it has ended. */
  watch(count: number | undefined): void;
  greeting(): Promise<string | undefined> | undefined;
}

interface Running {
  readonly run: number;
  readonly count: number;
  readonly request: Message;
  readonly end: (end: CellEnd) => void;
}

export class Executions {
  readonly history = new History();
  readonly #sockets: KernelSockets;
  readonly #main: MainThread;
  readonly #watcher: Watcher;
  readonly #queue = new ExecuteQueue();
  /** Count → header of the request, also of cells that are over: their timers may still print. Undefined: silent. */
  readonly #parents = new Map<number, Header | undefined>();
  #running: Running | undefined;
  #last: Partial<Header> = {};
  #runs = 0;
  #count = 0;
  #isGreeted = false;

  constructor(sockets: KernelSockets, main: MainThread, watcher: Watcher) {
    this.#watcher = watcher;
    this.#sockets = sockets;
    this.#main = main;
  }

  /** The number of the run under way; each request is another run. */
  get run(): number | undefined {
    return this.#running?.run;
  }

  /** The count of the cell that runs. */
  get cell(): number | undefined {
    return this.#running?.count;
  }

  get request(): Message | undefined {
    return this.#running?.request;
  }

  /** The header of the running cell's request, or of the last one's. */
  get parent(): Partial<Header> {
    return this.#last;
  }

  add(request: Message): void {
    this.#queue.add({ run: () => this.#execute(request), abort: () => this.#abort(request) });
  }

  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Publishes an output under the request of a cell; those of a silent cell are dropped. */
  async publish(cell: number, type: string, content: Json): Promise<void> {
    const parent = this.#parents.has(cell) ? this.#parents.get(cell) : this.#last;
    if (parent !== undefined) await this.#sockets.publish(type, content, parent);
  }

  async publishResult(cell: number, content: { data: Json; metadata: object }): Promise<void> {
    const text = content.data["text/plain"];
    if (typeof text === "string") this.history.setOutput(cell, stripVTControlCharacters(text));
    await this.publish(cell, "execute_result", { ...content, execution_count: cell });
  }

  /** The main thread has run a cell. */
  async end(run: number, end: CellEnd): Promise<void> {
    if (this.#running?.run === run) this.#running.end(end);
  }

  /** The process ends: the last words go under the last cell, and the running one fails with `error`. */
  async abandon(words: Json, error: { ename: string; evalue: string }): Promise<void> {
    await this.#sockets.publish("stream", words, this.#last);
    const { ename, evalue } = error;
    this.#running?.end({
      error: { ename, evalue, traceback: [`${ename}: ${evalue}`] },
      expressions: {},
      payload: [],
    });
    await this.#queue.ended;
  }

  async #execute(request: Message): Promise<void> {
    const { header, content } = request;
    const code = String(content.code ?? "");
    const silent = content.silent === true;
    const counted = !silent && content.store_history !== false;
    const count = this.#count + 1;
    const run = ++this.#runs;
    if (counted) this.#count = count;
    const ended = new Promise<CellEnd>((end) => {
      this.#running = { run, count, request, end };
    });
    this.#last = header;
    this.#parents.set(count, silent ? undefined : header);
    void this.#status("busy", header);
    if (!silent) void this.#sockets.publish("execute_input", { code, execution_count: count }, header);
    if (counted) this.history.add(count, code);
    if (!silent && !this.#isGreeted) await this.#greet(header);
    this.#main.post({
      kind: "execute",
      run,
      code,
      count,
      silent,
      allowStdin: content.allow_stdin === true,
      expressions: strings(content.user_expressions),
    });
    this.#watcher.watch(count);
    const { error, expressions, payload } = await ended;
    this.#running = undefined;
    this.#watcher.watch(undefined);
    const execution_count = counted ? count : this.#count;
    if (error === undefined) {
      await this.#reply(request, { status: "ok", execution_count, user_expressions: expressions, payload });
      await this.#status("idle", header);
    } else {
      await this.#fail(request, error, { silent, execution_count });
    }
  }

  async #greet(parent: Header): Promise<void> {
    this.#isGreeted = true;
    const text = await this.#watcher.greeting();
    if (text !== undefined) void this.#sockets.publish("stream", { name: "stderr", text }, parent);
  }

  async #fail(
    request: Message,
    error: CellError,
    { silent, execution_count }: { silent: boolean; execution_count: number },
  ): Promise<void> {
    const { header, content } = request;
    if (!silent) await this.#sockets.publish("error", { ...error }, header);
    // Whatever is taken now was sent before anybody could know of the error.
    const aborted = content.stop_on_error === false ? [] : await this.#queue.takeQueued();
    await this.#reply(request, {
      status: "error",
      execution_count,
      ...error,
      user_expressions: {},
      payload: [],
    });
    await this.#status("idle", header);
    for (const each of aborted) await each.abort();
  }

  async #abort(request: Message): Promise<void> {
    await this.#status("busy", request.header);
    await this.#reply(request, { status: "aborted" });
    await this.#status("idle", request.header);
  }

  #status(state: string, parent: Header): Promise<void> {
    return this.#sockets.publish("status", { execution_state: state }, parent);
  }

  #reply(request: Message, content: Json): Promise<void> {
    return this.#sockets.send("shell", request, "execute_reply", content);
  }
}

function strings(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}
