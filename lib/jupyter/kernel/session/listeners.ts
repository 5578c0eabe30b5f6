/**
 * Callbacks that belong to the cell that passed them on: listeners of events, what follows a promise, and what Node's older
 * functions call back.
 *
 * Wrapped where they are handed over, and not tracked by AsyncLocalStorage: run.ts says why.
 */

import childProcess from "node:child_process";
import crypto from "node:crypto";
import dns from "node:dns";
import { EventEmitter } from "node:events";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import zlib from "node:zlib";
import { bound } from "./run.js";

// biome-ignore lint/complexity/noBannedTypes: any function at all
type Callback = Function & { listener?: Function };
type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, Method>;

let installed = false;

/** Once for a process. */
export function installListeners(): void {
  if (installed) return;
  installed = true;
  wrapEmitters(EventEmitter.prototype as unknown as Methods);
  wrapTargets(EventTarget.prototype as unknown as Methods);
  wrapThen(Promise.prototype as unknown as Methods);
  for (const module of [fs, childProcess, dns, zlib, crypto]) wrapCallbacks(module as unknown as Methods);
  syncBuiltinESMExports();
}

/** The callback as its cell's; Node finds the original by `listener`, so that it can still be removed. */
function owned(callback: unknown): unknown {
  // What has a `listener` is wrapped already, by Node's `once` or here.
  if (typeof callback !== "function" || (callback as Callback).listener !== undefined) return callback;
  const wrapped = bound(callback as Method);
  return wrapped === callback ? callback : Object.assign(wrapped, { listener: callback });
}

function wrapEmitters(prototype: Methods): void {
  for (const name of ["on", "addListener", "prependListener"]) {
    const original = prototype[name]!;
    prototype[name] = function (event, listener) {
      return Reflect.apply(original, this, [event, owned(listener)]);
    };
  }
  for (const [name, add] of [
    ["once", "on"],
    ["prependOnceListener", "prependListener"],
  ] as const) {
    const original = prototype[name]!;
    prototype[name] = function (event, listener) {
      const call = owned(listener) as Callback;
      if (call === listener) return Reflect.apply(original, this, [event, listener]);
      const emitter = this as EventEmitter;
      const once = function (this: unknown, ...args: unknown[]) {
        emitter.removeListener(event as string, once);
        return Reflect.apply(call, this, args);
      };
      // By name: streams have an `on` of their own.
      return emitter[add](event as string, Object.assign(once, { listener }));
    };
  }
}

function wrapTargets(prototype: Methods): void {
  const { addEventListener: add, removeEventListener: remove } = prototype as Record<string, Method>;
  // The same for the same listener, which a target takes only once.
  const known = new WeakMap<object, unknown>();
  prototype.addEventListener = function (type, listener, ...options) {
    if (typeof listener === "function" && !known.has(listener)) known.set(listener, owned(listener));
    return Reflect.apply(add!, this, [type, known.get(listener as object) ?? listener, ...options]);
  };
  prototype.removeEventListener = function (type, listener, ...options) {
    const added = typeof listener === "function" ? known.get(listener) : undefined;
    return Reflect.apply(remove!, this, [type, added ?? listener, ...options]);
  };
}

/** `catch` and `finally` go through `then`; `await` does not. */
function wrapThen(prototype: Methods): void {
  const original = prototype.then!;
  const own = (callback: unknown) => (typeof callback === "function" ? bound(callback as Method) : callback);
  // biome-ignore lint/suspicious/noThenProperty: it is the promise's own
  prototype.then = function (fulfilled, rejected) {
    return Reflect.apply(original, this, [own(fulfilled), own(rejected)]);
  };
}

/** Functions whose last argument is called back. */
function wrapCallbacks(module: Methods): void {
  // Descriptors: reading a property may load half of Node.
  for (const [name, { value, writable }] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (typeof value !== "function" || writable !== true || !/^[a-z]/.test(name) || name.endsWith("Sync"))
      continue;
    const original = value as Method;
    const wrapped: Method = function (...args) {
      const last = args.length - 1;
      if (typeof args[last] === "function") args[last] = owned(args[last]);
      return Reflect.apply(original, this, args);
    };
    module[name] = Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  }
}
