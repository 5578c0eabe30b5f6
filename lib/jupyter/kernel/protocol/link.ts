/** The worker as the main thread sees it: everything that cells show goes through here, in order. */

import type { Worker } from "node:worker_threads";
import type { CellOutput } from "../seams.js";
import type { Ordered, ToWorker } from "./messages.js";
import type { SharedMemory } from "./shared-memory.js";

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;

export class Link {
  readonly #worker: Worker;
  readonly #memory: SharedMemory;

  constructor(worker: Worker, memory: SharedMemory) {
    this.#worker = worker;
    this.#memory = memory;
  }

  /**
   * Shows an output; blocks while more is on its way than memory is meant to hold.
   *
   * @throws TypeError where the data are no JSON: a cycle, a bigint.
   */
  show(output: CellOutput, cell: number): void {
    if (output.kind === "stream") {
      this.#memory.write(cell, output.name, output.text, this.#askForDrain);
      return;
    }
    const json = JSON.stringify(output);
    const size = this.#memory.charge(json.length);
    this.send({ kind: "output", cell, json, size });
  }

  /** Posts a message behind everything shown so far. */
  send(message: Without<Ordered, "at">): void {
    this.#post({ ...message, at: this.#memory.barrier() } as Ordered);
  }

  readonly #askForDrain = () => this.#post({ kind: "text" });

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
