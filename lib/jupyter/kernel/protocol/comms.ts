/** Comms on the worker's side: which ones are open, and their messages in both directions. */

import type { Header, Json, Message } from "../../wire.js";
import type { MainThread } from "./main-thread.js";
import type { CommEvent } from "./messages.js";
import type { KernelSockets } from "./sockets.js";

export class Comms {
  readonly #sockets: KernelSockets;
  readonly #main: MainThread;
  readonly #runningParent: () => Partial<Header>;
  /** id → name of the target. */
  readonly #open = new Map<string, string>();
  /** While a client's message is being handled, what the handler sends belongs to it. */
  #handling: Header | undefined;

  constructor(sockets: KernelSockets, main: MainThread, runningParent: () => Partial<Header>) {
    this.#sockets = sockets;
    this.#main = main;
    this.#runningParent = runningParent;
  }

  /** The open comms, as `comm_info_reply` has them; of one target where a name is given. */
  list(target: unknown): Json {
    const wanted = [...this.#open].filter(
      ([, name]) => typeof target !== "string" || target === "" || name === target,
    );
    return Object.fromEntries(wanted.map(([id, name]) => [id, { target_name: name }]));
  }

  /** A client's comm message. */
  async receive({ header, content, metadata, buffers }: Message): Promise<void> {
    const type = header.msg_type as CommEvent["type"];
    const event = {
      type,
      id: String(content.comm_id ?? ""),
      target: String(content.target_name ?? ""),
      data: content.data ?? {},
      metadata,
      // Each a copy: a frame may be a window on a larger buffer, all of which would be cloned.
      buffers: buffers.map((buffer) => new Uint8Array(buffer)),
    };
    this.#handling = header;
    try {
      // A handler that takes its time has at least been found.
      const { known } = await this.#main.ask("comm", event).catch(() => ({ known: true }));
      if (type === "comm_open" && known) this.#open.set(event.id, event.target);
      if (type === "comm_open" && !known) {
        await this.#sockets.publish("comm_close", { comm_id: event.id, data: {} }, header);
      }
    } finally {
      if (type === "comm_close") this.#open.delete(event.id);
      this.#handling = undefined;
    }
  }

  /** A comm message of a cell's. */
  async send({ type, id, target, data, metadata, buffers }: CommEvent): Promise<void> {
    if (type === "comm_open") this.#open.set(id, target);
    if (type === "comm_close") this.#open.delete(id);
    const content: Json = { comm_id: id, data, ...(type === "comm_open" ? { target_name: target } : {}) };
    const parent = this.#handling ?? this.#runningParent();
    await this.#sockets.publish(type, content, parent, { metadata: metadata as Json, buffers });
  }
}
