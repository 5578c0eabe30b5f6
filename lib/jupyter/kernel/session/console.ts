/** The global console, writing to stdout and stderr by the shortest way: a cell may print a million lines. */

import { Console } from "node:console";
import process from "node:process";

let installed = false;

/**
 * Once for a process.
 *
 * Node's own asks for every line whether the stream is a terminal, watches it for errors, and waits for the write: that
 * is half of what a line costs, and without a turn of the event loop in between the waits pile up in memory.
 */
export function installConsole(): void {
  if (installed) return;
  installed = true;
  const { stdout, stderr } = { stdout: streamOf("stdout"), stderr: streamOf("stderr") };
  const own = new Console({ stdout, stderr, colorMode: false });
  for (const [name, method] of Object.entries(own)) {
    if (typeof method === "function") Object.assign(console, { [name]: method });
  }
}

/** As much of a stream as a console uses. */
function streamOf(name: "stdout" | "stderr"): NodeJS.WritableStream {
  const nothing = () => {};
  // Looked up each time: a cell may put a function of its own in its place.
  const write = (text: string) => process[name].write(text);
  const stream = { write, on: nothing, once: nothing, removeListener: nothing, listenerCount: () => 0 };
  return stream as unknown as NodeJS.WritableStream;
}
