/** One question, one answer: what may come from a process, and when. Every byte is suspect. */

import { decode } from "./decode.js";
import { FrameReader } from "./frames.js";
import { type Reply, readReply } from "./messages.js";
import { WireError } from "./wire.js";

export class Conversation {
  readonly #reader: FrameReader;
  #awaited: { readonly id: number; readonly settle: (reply: Reply) => void } | undefined;

  /** @param limit the most bytes that a reply may have. */
  constructor(limit: number) {
    this.#reader = new FrameReader(limit);
  }

  /** From now on the reply of that number is awaited, and nothing else. */
  expect(id: number, settle: (reply: Reply) => void): void {
    this.#awaited = { id, settle };
  }

  /**
   * Takes what arrived.
   *
   * @throws WireError unless that is (a part of) the awaited reply, and nothing besides.
   */
  receive(chunk: Uint8Array): void {
    for (const payload of this.#reader.push(chunk)) {
      const reply = readReply(decode(payload));
      if (reply.id !== this.#awaited?.id) throw new WireError("a reply that nobody asked for");
      if (!this.#reader.isEmpty) throw new WireError("more than the reply");
      const { settle } = this.#awaited;
      this.#awaited = undefined;
      settle(reply);
    }
  }
}
