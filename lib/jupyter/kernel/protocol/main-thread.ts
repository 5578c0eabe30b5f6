/** The main thread as the worker sees it: what it is told and asked, and what it says, in order. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import type { CommEvent, Ordered, QuestionKind, Questions, ToMain, ToWorker } from "./messages.js";
import type { Printed, SharedMemory } from "./shared-memory.js";

/** Each resolves when the next thing may be handled: that is what slows a printing cell down to its clients' pace. */
export interface Listener {
  onText(printed: Printed): Promise<void>;
  onMessage(message: Exclude<Ordered, { kind: "answer" }>): Promise<void>;
  onInterrupt(): void;
}

const streamBytes = 64 << 10;
/** What is printed within this time goes out as one message. */
const coalesceMs = 15;
/** A question that was on its way when a cell was broken off is never answered. */
const answerMs = 10_000;

export class MainThread {
  readonly #port: MessagePort;
  readonly #memory: SharedMemory;
  readonly #listener: Listener;
  readonly #questions = new Map<number, (answer: unknown, failed?: string) => void>();
  #asked = 0;
  #handled: Promise<void> = Promise.resolve();
  #drainPlanned = false;

  constructor(port: MessagePort, memory: SharedMemory, listener: Listener) {
    this.#port = port;
    this.#memory = memory;
    this.#listener = listener;
    port.on("message", (message: ToWorker) => {
      if (message.kind === "text") this.#drainSoon();
      else if (message.kind === "interrupt") listener.onInterrupt();
      else this.#then(() => this.#handle(message));
    });
  }

  post(message: ToMain): void {
    this.#port.postMessage(message);
  }

  /** @throws Error with what went wrong on the main thread, or when it is busy for too long. */
  ask<K extends QuestionKind>(about: K, ask: Questions[K]["ask"]): Promise<Questions[K]["answer"]> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#questions.delete(id);
        reject(new Error("no answer in time"));
      }, answerMs);
      this.#questions.set(id, (answer, failed) => {
        clearTimeout(late);
        if (failed === undefined) resolve(answer as Questions[K]["answer"]);
        else reject(new Error(failed));
      });
      this.post({ kind: "question", id, about, ask: ask as CommEvent & { code: string; offset: number } });
    });
  }

  async #handle(message: Ordered): Promise<void> {
    await this.#drain(message.at);
    if (message.kind === "answer") {
      this.#questions.get(message.id)?.(message.answer, message.failed);
      this.#questions.delete(message.id);
    } else {
      await this.#listener.onMessage(message);
    }
    if (this.#memory.hasText) this.#drainSoon();
  }

  #drainSoon(): void {
    if (this.#drainPlanned) return;
    this.#drainPlanned = true;
    setTimeout(() => {
      this.#drainPlanned = false;
      this.#memory.acceptDrain();
      this.#then(() => this.#drain());
    }, coalesceMs);
  }

  async #drain(end?: number): Promise<void> {
    for (;;) {
      const printed = this.#memory.take(streamBytes, end);
      if (printed === undefined) return;
      await this.#listener.onText(printed);
      // A cell may print for ever: the sockets must be read in between.
      await nextTurn();
    }
  }

  /** One after the other. A failure here is a fault of the kernel: the worker's own handler ends it. */
  #then(work: () => Promise<void>): void {
    this.#handled = this.#handled.then(work);
  }
}
