/**
 * Keeps Node's own books in order when the main thread's JavaScript is broken off.
 *
 * Node notes on a stack which asynchronous operation is running; code that is broken off never takes its note away.
 * While any async hook is on, Node checks that stack at the end of every callback and aborts the process where it is
 * not empty, and before Node 24 each AsyncLocalStorage is such a hook. So just before the end the stack is emptied and
 * the storages are switched off, and afterwards they are switched on again.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";

/** Node's own methods and functions that are not in its types; each may be missing in another version. */
interface Storage {
  _enable?(this: Storage): void;
  enabled?: boolean;
  disable(): void;
}
const fatal = process as unknown as { _fatalException?: (error: Error, fromPromise: boolean) => boolean };

const name = "workbook.unwind";
/** What the worker evaluates on this thread before it breaks it off. */
export const unwindExpression: string = `globalThis[Symbol.for(${JSON.stringify(name)})]?.()`;

/** Call before anything makes an AsyncLocalStorage. Returns what to call once this thread runs again. */
export function prepareUnwinding(): () => void {
  const storages = new Set<Storage>();
  const suspended: Storage[] = [];
  const prototype = AsyncLocalStorage.prototype as unknown as Storage;
  const enable = prototype._enable;
  if (typeof enable === "function") {
    prototype._enable = function () {
      storages.add(this);
      enable.call(this);
    };
  }
  const unwind = () => {
    for (const storage of storages) {
      if (storage.enabled) suspended.push(storage);
      storage.disable();
    }
    forgetRunning();
  };
  Object.assign(globalThis, { [Symbol.for(name)]: unwind });
  return () => {
    if (suspended.length > 0) forgetRunning();
    for (const storage of suspended.splice(0)) storage._enable?.();
  };
}

/** Empties the stack: what Node does itself after an uncaught exception that somebody handled. */
function forgetRunning(): void {
  if (fatal._fatalException === undefined || process.hasUncaughtExceptionCaptureCallback()) return;
  process.setUncaughtExceptionCaptureCallback(() => {});
  fatal._fatalException(new Error("broken off"), false);
  process.setUncaughtExceptionCaptureCallback(null);
}
