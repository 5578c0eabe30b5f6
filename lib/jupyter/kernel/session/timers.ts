/** Timers whose callbacks belong to the cell that set them. */

import { bound } from "./run.js";

let installed = false;

/** Once for a process. */
export function installTimers(): void {
  if (installed) return;
  installed = true;
  const globals = globalThis as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]) {
    const original = globals[name]!;
    const timer = (callback: unknown, ...rest: unknown[]) =>
      original(typeof callback === "function" ? bound(callback as () => unknown) : callback, ...rest);
    // util.promisify finds its own version of a timer on the function.
    globals[name] = Object.defineProperties(timer, Object.getOwnPropertyDescriptors(original));
  }
}
