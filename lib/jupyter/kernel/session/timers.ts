/** Timers and ticks whose callbacks belong to the cell that set them. */

import process from "node:process";
import { bound } from "./run.js";

let installed = false;

/** Once for a process. */
export function installTimers(): void {
  if (installed) return;
  installed = true;
  for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]) wrap(globalThis, name);
  wrap(process, "nextTick");
}

function wrap(holder: object, name: string): void {
  const functions = holder as Record<string, (...args: unknown[]) => unknown>;
  const original = functions[name]!;
  const timer = (callback: unknown, ...rest: unknown[]) =>
    original(typeof callback === "function" ? bound(callback as () => unknown) : callback, ...rest);
  // util.promisify finds its own version of a timer on the function.
  functions[name] = Object.defineProperties(timer, Object.getOwnPropertyDescriptors(original));
}
