/** Comms as cells use them: `comm.registerTarget`, `comm.open`. Runs on the main thread. */

import { randomUUID } from "node:crypto";
import type { CommEvent } from "./messages.js";

/** What came with a message: JSON, metadata and binary buffers. */
export interface CommMessage {
  readonly data: unknown;
  readonly metadata: unknown;
  readonly buffers: readonly Uint8Array[];
}

interface Extra {
  readonly metadata?: object;
  readonly buffers?: readonly Uint8Array[];
}

/** One open channel to a widget of the client. */
export interface Comm {
  readonly id: string;
  readonly target: string;
  send(data: unknown, extra?: Extra): void;
  close(data?: unknown): void;
  onMessage(handler: (message: CommMessage) => unknown): void;
  onClose(handler: (message: CommMessage) => unknown): void;
}

export type CommTarget = (comm: Comm, opened: CommMessage) => unknown;

interface OpenComm {
  readonly comm: Comm;
  onMessage: (message: CommMessage) => unknown;
  onClose: (message: CommMessage) => unknown;
}

export class CommRegistry {
  readonly #send: (event: CommEvent) => void;
  readonly #targets = new Map<string, CommTarget>();
  readonly #open = new Map<string, OpenComm>();

  constructor(send: (event: CommEvent) => void) {
    this.#send = send;
  }

  /** From now on a client may open comms of this name: `handler` gets each. */
  registerTarget(name: string, handler: CommTarget): void {
    this.#targets.set(name, handler);
  }

  unregisterTarget(name: string): void {
    this.#targets.delete(name);
  }

  /** Opens a comm towards the client. */
  open(target: string, data: unknown = {}, extra: Extra = {}): Comm {
    const { comm } = this.#add(randomUUID(), target);
    this.#tell("comm_open", comm, data, extra);
    return comm;
  }

  /** Handles a client's message; false where there is no such target or comm. @throws what the handler throws. */
  async receive({ type, id, target, ...message }: CommEvent): Promise<boolean> {
    if (type === "comm_open") {
      const handler = this.#targets.get(target);
      if (handler === undefined) return false;
      const { comm } = this.#add(id, target);
      try {
        await handler(comm, message);
      } catch (error) {
        this.#open.delete(id);
        throw error;
      }
      return true;
    }
    const open = this.#open.get(id);
    if (type === "comm_close") this.#open.delete(id);
    await (type === "comm_close" ? open?.onClose(message) : open?.onMessage(message));
    return open !== undefined;
  }

  #add(id: string, target: string): OpenComm {
    const comm: Comm = {
      id,
      target,
      send: (data, extra = {}) => this.#tell("comm_msg", comm, data, extra),
      close: (data = {}) => {
        if (this.#open.delete(id)) this.#tell("comm_close", comm, data, {});
      },
      onMessage: (handler) => {
        entry.onMessage = handler;
      },
      onClose: (handler) => {
        entry.onClose = handler;
      },
    };
    const entry: OpenComm = { comm, onMessage: () => {}, onClose: () => {} };
    this.#open.set(id, entry);
    return entry;
  }

  #tell(
    type: CommEvent["type"],
    { id, target }: Comm,
    data: unknown,
    { metadata = {}, buffers = [] }: Extra,
  ): void {
    // What is no JSON is found here, in the cell that sends it, rather than in the worker.
    this.#send({ type, id, target, data: JSON.parse(JSON.stringify(data)), metadata, buffers });
  }
}
