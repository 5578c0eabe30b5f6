/** Matches what a kernel says with what it was asked. Knows nothing of processes and of time. */

import { randomUUID } from "node:crypto";
import { type Deferred, deferred } from "./async.js";
import { Channels, type ClientChannel } from "./channels.js";
import type { ConnectionInfo } from "./connection.js";
import { createMessage, type Json, type Message } from "./wire.js";

/** A request to run code, and what has come of it so far. */
export interface Execution {
  /** Every iopub message of this request, even after it is over. */
  readonly onOutput: (message: Message) => void;
  /** The content of the kernel's reply, or an `input_request` that should not have come. */
  readonly replied: Deferred<Json | InputRequest>;
  readonly idle: Deferred<"idle">;
  /** Number of iopub messages. */
  heard: number;
}

/** The kernel asks for input although it was told that there is none. */
export class InputRequest {
  readonly prompt: string;
  constructor(prompt: string) {
    this.prompt = prompt;
  }
}

export class Conversation {
  /** The content of the last `kernel_info_reply`. */
  info: Json = {};
  infoReplies = 0;
  /** Resolves when the kernel has been heard on shell and on iopub. */
  readonly heard: Promise<"heard">;
  readonly #heard = deferred<"heard">();
  readonly #channels: Channels;
  readonly #session = randomUUID();
  readonly #executions = new Map<string, Execution>();
  #subscribed = false;

  constructor(connection: ConnectionInfo) {
    this.heard = this.#heard.promise;
    this.#channels = new Channels(connection, (channel, message) => this.#receive(channel, message));
  }

  /** ` (2 of its messages dropped: wrong signature)`, or nothing when none was. */
  get dropped(): string {
    const { count, reason } = this.#channels.dropped;
    return count === 0 ? "" : ` (${count} of its messages dropped: ${reason})`;
  }

  /** Sends a request that needs no looking after. */
  async ask(channel: "shell" | "control", type: string, content: Json): Promise<void> {
    await this.#channels.send(channel, createMessage(type, content, { session: this.#session }));
  }

  /** Sends code to run. */
  async execute(code: string, onOutput: (message: Message) => void): Promise<Execution> {
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    };
    const request = createMessage("execute_request", content, { session: this.#session });
    const execution: Execution = { onOutput, replied: deferred(), idle: deferred(), heard: 0 };
    this.#executions.set(request.header.msg_id, execution);
    await this.#channels.send("shell", request);
    return execution;
  }

  close(): void {
    this.#channels.close();
  }

  #receive(channel: ClientChannel, message: Message): void {
    const { header, parent, content } = message;
    if (channel === "iopub") this.#subscribed = true;
    if (header.msg_type === "kernel_info_reply") {
      this.info = content;
      this.infoReplies++;
    }
    if (this.#subscribed && this.infoReplies > 0) this.#heard.resolve("heard");
    const execution = this.#executions.get(parent.msg_id ?? "");
    if (execution === undefined) return;
    if (channel === "iopub") {
      execution.heard++;
      execution.onOutput(message);
      if (header.msg_type === "status" && content.execution_state === "idle") execution.idle.resolve("idle");
    } else if (header.msg_type === "execute_reply") {
      execution.replied.resolve(content);
    } else if (header.msg_type === "input_request") {
      execution.replied.resolve(new InputRequest(String(content.prompt ?? "")));
    }
  }
}
