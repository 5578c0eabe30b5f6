/** Sends what a cell writes to stdout and stderr to that cell, also when it writes late. */

import process from "node:process";
import { StringDecoder } from "node:string_decoder";
import { writingRun } from "./run.js";

type Write = typeof process.stdout.write;
let installed = false;

/** Once for a process; outside of cells the streams work as ever. */
export function installStreams(): void {
  if (installed) return;
  installed = true;
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    const original = stream.write.bind(stream) as Write;
    const decoder = new StringDecoder("utf8");
    stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const run = writingRun();
      if (run === undefined) return original(chunk, ...(rest as []));
      const encoding = typeof rest[0] === "string" ? (rest[0] as BufferEncoding) : "utf8";
      const text = typeof chunk === "string" ? decoded(chunk, encoding) : decoder.write(Buffer.from(chunk));
      if (text !== "") run.show({ kind: "stream", name, text });
      const done = rest.find((argument) => typeof argument === "function") as (() => void) | undefined;
      if (done !== undefined) process.nextTick(done);
      return true;
    }) as Write;
  }
}

function decoded(chunk: string, encoding: BufferEncoding): string {
  return /^utf-?8$/i.test(encoding) ? chunk : Buffer.from(chunk, encoding).toString("utf8");
}
