/** Answers every request of Jupyter's protocol; what only the main thread can do is asked of it. Runs in the worker. */

import type { Header, Json, Message } from "../../wire.js";
import type { CellOutput } from "../seams.js";
import { toCodePoints, toUtf16 } from "./code-points.js";
import { Comms } from "./comms.js";
import { Executions } from "./executions.js";
import type { MainThread } from "./main-thread.js";
import type { Ordered } from "./messages.js";
import type { Printed, SharedMemory } from "./shared-memory.js";
import type { KernelSockets, RequestChannel } from "./sockets.js";

/** What the server needs of the process it lives in. */
export interface Life {
  /** Interrupts the cell that runs. */
  interrupt(): void;
  /** Watches over the cell that begins to run; undefined when it has ended. */
  watch(count: number | undefined): void;
  /** What is to be said before the first cell runs: that another process did not end well, say. */
  greeting(): Promise<string | undefined> | undefined;
  /** Nobody needs to find out how the process ended. */
  ends(): void;
  /** Ends the process, once what was sent is on its way. */
  end(): Promise<void>;
}

type Handler = (request: Message, channel: RequestChannel) => Promise<void>;

export class Server {
  readonly executions: Executions;
  readonly #sockets: KernelSockets;
  readonly #main: MainThread;
  readonly #memory: SharedMemory;
  readonly #info: Json;
  readonly #life: Life;
  readonly #comms: Comms;
  #question: { id: number; request: Message } | undefined;
  #languageRequests: Promise<void> = Promise.resolve();

  constructor(parts: {
    sockets: KernelSockets;
    main: MainThread;
    memory: SharedMemory;
    info: Json;
    life: Life;
  }) {
    this.#sockets = parts.sockets;
    this.#main = parts.main;
    this.#memory = parts.memory;
    this.#info = parts.info;
    this.#life = parts.life;
    this.executions = new Executions(parts.sockets, parts.main, parts.life);
    this.#comms = new Comms(parts.sockets, parts.main, () => this.executions.parent);
  }

  receive(channel: RequestChannel, request: Message): void {
    const type = request.header.msg_type;
    if (channel === "stdin") {
      if (type === "input_reply") this.#takeInput(request);
    } else if (type === "execute_request") {
      if (channel === "shell") this.executions.add(request);
    } else if (Object.hasOwn(this.#atOnce, type)) {
      // Before anything is sent: that may have to wait behind what the cell prints.
      if (type === "interrupt_request") this.#life.interrupt();
      void this.#serve(request, () => this.#atOnce[type]!(request, channel));
    } else if (Object.hasOwn(this.#inTurn, type)) {
      // In the order they came, and after the cells before them: completion may need what those declare.
      this.#languageRequests = this.#languageRequests.then(async () => {
        await this.executions.settled();
        await this.#serve(request, () => this.#inTurn[type]!(request, channel));
      });
    }
  }

  onText({ cell, name, text }: Printed): Promise<void> {
    return this.executions.publish(cell, "stream", { name, text });
  }

  async onMessage(message: Exclude<Ordered, { kind: "answer" }>): Promise<void> {
    switch (message.kind) {
      case "output":
        await this.#show(message.cell, JSON.parse(message.json));
        return this.#memory.release(message.size);
      case "late":
        return this.executions.publish(message.cell, "error", { ...message.error });
      case "done":
        this.#question = undefined;
        return this.executions.end(message.run, message.end);
      case "prompt":
        return this.#ask(message);
      case "comm":
        return this.#comms.send(message.event);
      case "exit":
        return this.#lastWords(message.how);
    }
  }

  /** The client that asked for the running cell is asked for a line of input. */
  async #ask({ id, text, password }: { id: number; text: string; password: boolean }): Promise<void> {
    const request = this.executions.request;
    if (request === undefined) return this.#main.post({ kind: "input", id, refused: "the cell is over" });
    this.#question = { id, request };
    await this.#sockets.send("stdin", request, "input_request", { prompt: text, password });
  }

  #takeInput({ content }: Message): void {
    if (this.#question === undefined) return;
    this.#main.post({ kind: "input", id: this.#question.id, value: String(content.value ?? "") });
    this.#question = undefined;
  }

  async #show(cell: number, output: Exclude<CellOutput, { kind: "stream" }>): Promise<void> {
    if (output.kind === "clear") return this.executions.publish(cell, "clear_output", { wait: output.wait });
    const { data, metadata = {} } = output;
    if (output.kind === "result") return this.executions.publishResult(cell, { data, metadata });
    const transient = output.id === undefined ? {} : { display_id: output.id };
    const type = output.kind === "update" ? "update_display_data" : "display_data";
    return this.executions.publish(cell, type, { data, metadata, transient });
  }

  /** Says busy, does the work, says idle; and busy again where a cell runs meanwhile, for clients that keep one state. */
  async #serve(request: Message, work: () => Promise<void>): Promise<void> {
    const status = (state: string, parent: Partial<Header>) =>
      this.#sockets.publish("status", { execution_state: state }, parent);
    await status("busy", request.header);
    await work();
    await status("idle", request.header);
    const running = this.executions.request;
    if (running !== undefined) await status("busy", running.header);
  }

  #reply(request: Message, channel: RequestChannel, content: Json): Promise<void> {
    const type = request.header.msg_type.replace("_request", "_reply");
    return this.#sockets.send(channel, request, type, { status: "ok", ...content });
  }

  readonly #atOnce: Record<string, Handler> = {
    kernel_info_request: (request, channel) => this.#reply(request, channel, this.#info),
    comm_info_request: (request, channel) =>
      this.#reply(request, channel, { comms: this.#comms.list(request.content.target_name) }),
    interrupt_request: (request, channel) => this.#reply(request, channel, {}),
    shutdown_request: async (request, channel) => {
      const content = { status: "ok", restart: request.content.restart === true };
      await this.#reply(request, channel, content);
      await this.#sockets.publish("shutdown_reply", content, request.header);
      await this.#sockets.publish("status", { execution_state: "idle" }, request.header);
      await this.#life.end();
    },
  };

  readonly #inTurn: Record<string, Handler> = {
    history_request: (request, channel) =>
      this.#reply(request, channel, { history: this.executions.history.find(request.content) }),
    is_complete_request: async (request, channel) => {
      const code = codeOf(request);
      const unknown = { status: "unknown" };
      const answer = await this.#main.ask("isComplete", { code }).catch(() => unknown);
      await this.#reply(request, channel, { ...answer });
    },
    complete_request: async (request, channel) => {
      const [code, offset] = place(request);
      const nothing = { start: offset, end: offset, items: [] };
      const { start, end, items } = await this.#main.ask("complete", { code, offset }).catch(() => nothing);
      const [cursor_start, cursor_end] = [toCodePoints(code, start), toCodePoints(code, end)];
      const types = items.map(({ label, type = "" }) => ({
        text: label,
        type,
        start: cursor_start,
        end: cursor_end,
      }));
      await this.#reply(request, channel, {
        matches: items.map(({ label }) => label),
        cursor_start,
        cursor_end,
        metadata: { _jupyter_types_experimental: types },
      });
    },
    inspect_request: async (request, channel) => {
      const [code, offset] = place(request);
      const found = await this.#main.ask("inspect", { code, offset }).catch(() => undefined);
      const data = found === undefined ? {} : { "text/plain": found.text, "text/markdown": found.markdown };
      await this.#reply(request, channel, { found: found !== undefined, data, metadata: {} });
    },
    comm_open: (request) => this.#comms.receive(request),
    comm_msg: (request) => this.#comms.receive(request),
    comm_close: (request) => this.#comms.receive(request),
  };

  /** The process is about to end, asked for by a cell: nobody must be left waiting. */
  async #lastWords(how: string): Promise<void> {
    const text = `The kernel ended: ${how}. Restart it to go on; its values are lost.\n`;
    await this.executions.abandon({ name: "stderr", text }, { ename: "KernelExit", evalue: text.trim() });
    this.#life.ends();
    await this.#sockets.close();
    this.#memory.announceGone();
  }
}

function codeOf({ content }: Message): string {
  return String(content.code ?? "");
}

/** The code, and the cursor's UTF-16 offset in it. */
function place({ content }: Message): [string, number] {
  const code = String(content.code ?? "");
  const cursor = content.cursor_pos;
  return [code, typeof cursor === "number" && cursor >= 0 ? toUtf16(code, cursor) : code.length];
}
