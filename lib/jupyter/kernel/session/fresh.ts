/** Starts work on an empty stack: when V8 terminates it, nobody who waits for it dies with it. */

import { MessageChannel } from "node:worker_threads";

// A message, because Node's own queues of timers and immediates do not survive a terminated callback unharmed.
const { port1: inlet, port2: outlet } = new MessageChannel();
const waiting: (() => void)[] = [];

outlet.on("message", () => {
  outlet.unref();
  waiting.shift()?.();
});
outlet.unref();
inlet.unref();

export function onEmptyStack<T>(work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    waiting.push(() => void work().then(resolve, reject));
    outlet.ref();
    inlet.postMessage(null);
  });
}
