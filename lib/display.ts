/**
 * The one door to the reader: puts a MIME bundle under the running cell, and can replace it later.
 *
 * A notebook kernel is found in this order: a host that registered itself with `setDisplayHost`, tslab when it
 * runs in this process, a terminal (text/plain only). Nothing else in the library writes to a notebook.
 */

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import process from "node:process";

/** MIME type → text, base64 text or JSON. Give `text/plain` always; readers pick the richest they can draw. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** Sends a bundle; `id` names the display, and `update` asks to replace what stands there already. */
export type DisplayHost = (message: { data: MimeBundle; id: string; update: boolean }) => void;

/** One display under a cell. */
export interface DisplayHandle {
  /** Replaces what is shown. Callers throttle: a few times a second is plenty. */
  update(data: MimeBundle): void;
}

// On globalThis, because a process may hold two copies of this module (compiled and source).
const hostKey = Symbol.for("workbook.display-host");
const globals = globalThis as unknown as Record<symbol, DisplayHost | undefined>;

/** Registers (or, with undefined, removes) the host that receives every display. */
export function setDisplayHost(host: DisplayHost | undefined): void {
  globals[hostKey] = host;
}

/** Shows a bundle and returns the handle that replaces it. */
export function display(data: MimeBundle): DisplayHandle {
  const id = randomUUID();
  send({ data, id, update: false });
  return { update: (next) => send({ data: next, id, update: true }) };
}

/** True when somebody sees rich output: a notebook rather than a terminal. */
export function isNotebook(): boolean {
  return globals[hostKey] !== undefined || tslabKernel()?.lastWriteDisplayData != null;
}

function send(message: { data: MimeBundle; id: string; update: boolean }): void {
  const host = globals[hostKey] ?? tslabHost() ?? terminal;
  host(message);
}

interface TslabKernel {
  lastWriteDisplayData:
    | ((
        message: { data: MimeBundle; metadata: object; transient: { display_id: string } },
        update: boolean,
      ) => void)
    | null;
}

const require = createRequire(import.meta.url);

/** tslab's kernel module, but only where the kernel itself has loaded it: loading it here would be slow and useless. */
function tslabKernel(): TslabKernel | undefined {
  try {
    return require.cache[require.resolve("tslab/dist/jupyter.js")]?.exports as TslabKernel | undefined;
  } catch {
    return undefined;
  }
}

/** tslab's own `display.raw` sends one MIME type at a time; the function under it takes whole bundles. */
function tslabHost(): DisplayHost | undefined {
  const write = tslabKernel()?.lastWriteDisplayData;
  if (write == null) return undefined;
  return ({ data, id, update }) => write({ data, metadata: {}, transient: { display_id: id } }, update);
}

const terminal: DisplayHost = ({ data, update }) => {
  const text = data["text/plain"];
  if (typeof text === "string" && !update) process.stdout.write(`${text}\n`);
};
