/**
 * Notices that a cell is about to fill Node's heap, which would end the process. Runs in the worker.
 *
 * A busy loop answers nobody, but the inspector can look at the main thread's heap, and have its garbage collected,
 * whenever the process as a whole has grown large.
 */

import { Session } from "node:inspector";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const pollMs = 50;
/** A fast loop fills 30 MB in this time. */
const closePollMs = 10;
/** Shares of the heap's limit: from where to look closely, and where to stop the cell. */
const close = 0.5;
const full = 0.8;
/** What a cell may still add where the heap was that full before it began: enough to tidy up. */
const leeway = 0.1;

/** Bytes that may survive in this thread's heap: V8's limit without the young generation, whose size it does not tell. */
export function oldSpaceLimit(): number {
  const [version = 0] = process.versions.v8.split(".").map(Number);
  const young = version >= 13 ? 192 << 20 : 48 << 20;
  return Math.max(getHeapStatistics().heap_size_limit - young, young);
}

const collectName = "workbook.collect";
const collectExpression = `globalThis[Symbol.for(${JSON.stringify(collectName)})]?.()`;

/** Main thread: makes its garbage collector callable by the watch; the inspector's own waits for the event loop. */
export function prepareCollecting(): void {
  const collect = () => {
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
  };
  Object.assign(globalThis, { [Symbol.for(collectName)]: collect });
}

export class HeapWatch {
  readonly #limit: number;
  readonly #isRunning: () => boolean;
  readonly #onFull: () => void;
  readonly #onLook: (bytes: number) => void;
  #watching = false;

  /**
   * @param limit bytes of the main thread's heap.
   * @param onLook gets the bytes that the whole process holds, again and again while something runs.
   */
  constructor(
    limit: number,
    isRunning: () => boolean,
    onFull: () => void,
    onLook: (bytes: number) => void = () => {},
  ) {
    this.#limit = limit;
    this.#isRunning = isRunning;
    this.#onFull = onFull;
    this.#onLook = onLook;
  }

  /** Watches until nothing runs any more. */
  async watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    let main: MainHeap | undefined;
    let bar = full * this.#limit;
    while (this.#isRunning()) {
      const resident = process.memoryUsage.rss();
      this.#onLook(resident);
      const isClose = resident > close * this.#limit;
      await sleep(isClose ? closePollMs : pollMs);
      if (!isClose) continue;
      if (main === undefined) {
        main = new MainHeap();
        bar = Math.max(bar, (await main.used()) + leeway * this.#limit);
      }
      if ((await main.used()) < bar) continue;
      // Takes a second where much is alive, but tells what is used from what is only not yet free.
      await main.collect();
      if ((await main.used()) >= bar && this.#isRunning()) {
        this.#onFull();
        break;
      }
    }
    main?.close();
    this.#watching = false;
  }
}

class MainHeap {
  readonly #session = new Session();

  constructor() {
    this.#session.connectToMainThread();
  }

  /** Bytes, garbage included. */
  used(): Promise<number> {
    return new Promise((resolve) => {
      this.#session.post("Runtime.getHeapUsage", (_, usage) =>
        resolve((usage as { usedSize?: number } | undefined)?.usedSize ?? 0),
      );
    });
  }

  collect(): Promise<void> {
    const params = { expression: collectExpression };
    return new Promise((resolve) => this.#session.post("Runtime.evaluate", params, () => resolve()));
  }

  close(): void {
    this.#session.disconnect();
  }
}
