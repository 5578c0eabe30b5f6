/** A client's four ZeroMQ sockets: sends in order, receives everything, drops what is not signed with the key. */

import { randomUUID } from "node:crypto";
import { Dealer, Subscriber } from "zeromq";
import { type ConnectionInfo, endpoint } from "./connection.js";
import { decode, encode, type Message, WireError } from "./wire.js";

export type ClientChannel = "shell" | "control" | "stdin" | "iopub";

export class Channels {
  /** How many messages were dropped, and why the last one was. */
  dropped: { count: number; reason: string } = { count: 0, reason: "" };
  #dealers: Record<Exclude<ClientChannel, "iopub">, Dealer>;
  #iopub: Subscriber;
  #key: string;
  #sending = new Map<ClientChannel, Promise<void>>();

  constructor(connection: ConnectionInfo, onMessage: (channel: ClientChannel, message: Message) => void) {
    this.#key = connection.key;
    // A message that is dropped here is an output lost: no limit. The kernel may start to listen at any moment.
    const options = { linger: 0, receiveHighWaterMark: 0, reconnectInterval: 20 } as const;
    // One identity for all: a kernel addresses its stdin requests to the identity that it saw on shell.
    const routingId = randomUUID();
    const dealer = () => new Dealer({ ...options, routingId });
    this.#dealers = { shell: dealer(), control: dealer(), stdin: dealer() };
    this.#iopub = new Subscriber(options);
    this.#iopub.subscribe();
    for (const [channel, socket] of [...Object.entries(this.#dealers), ["iopub", this.#iopub]] as [
      ClientChannel,
      Dealer | Subscriber,
    ][]) {
      socket.connect(endpoint(connection, channel));
      void this.#receive(channel, socket, onMessage);
    }
  }

  /** Sends after everything sent before on that channel: a socket takes one `send` at a time. */
  send(channel: Exclude<ClientChannel, "iopub">, message: Message): Promise<void> {
    const socket = this.#dealers[channel];
    const frames = encode(message, this.#key);
    const sent = (this.#sending.get(channel) ?? Promise.resolve()).then(async () => {
      if (!socket.closed) await socket.send(frames);
    });
    this.#sending.set(channel, sent);
    return sent;
  }

  close(): void {
    for (const socket of [...Object.values(this.#dealers), this.#iopub]) socket.close();
  }

  async #receive(
    channel: ClientChannel,
    socket: Dealer | Subscriber,
    onMessage: (channel: ClientChannel, message: Message) => void,
  ): Promise<void> {
    for await (const frames of socket) {
      try {
        onMessage(channel, decode(frames, this.#key));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.dropped = { count: this.dropped.count + 1, reason: error.message };
      }
    }
  }
}
