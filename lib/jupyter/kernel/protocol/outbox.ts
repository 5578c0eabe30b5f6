/** A socket's outgoing messages, one `send` at a time: zeromq refuses a second one while the first is under way. */

import { setTimeout as sleep } from "node:timers/promises";

interface Sender {
  send(frames: Uint8Array[]): Promise<void>;
}

/** How long a client that does not read may hold up the others. */
const stalledClientMs = 10_000;
const retryMs = 2;

export class Outbox {
  readonly #socket: Sender;
  readonly #onStalled: () => void;
  #last: Promise<void> = Promise.resolve();

  /** @param onStalled called when a message could not be sent for long; may make the socket drop such messages. */
  constructor(socket: Sender, onStalled: () => void = () => {}) {
    this.#socket = socket;
    this.#onStalled = onStalled;
  }

  /** Resolves once zeromq has taken the message, or nobody will ever take it; never rejects. */
  send(frames: Uint8Array[]): Promise<void> {
    this.#last = this.#last.then(() => this.#deliver(frames));
    return this.#last;
  }

  /** Resolves when everything sent so far has been taken. */
  get empty(): Promise<void> {
    return this.#last;
  }

  async #deliver(frames: Uint8Array[]): Promise<void> {
    for (const begun = performance.now(); ; ) {
      try {
        return await this.#socket.send(frames);
      } catch (error) {
        // EAGAIN: a client's queue is full. Anything else: the socket is closed.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
        if (performance.now() - begun > 2 * stalledClientMs) return;
        if (performance.now() - begun > stalledClientMs) this.#onStalled();
        await sleep(retryMs);
      }
    }
  }
}
