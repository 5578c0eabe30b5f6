/** The child's end of the channel: whole frames, read and written while nothing else can run. */

import fs from "node:fs";
import type { Plain } from "../../values.js";
import { decode } from "../decode.js";
import { encode } from "../encode.js";
import { frame } from "../frames.js";

// What submissions patch later is not what is used here. The parent's safety does not rest on that.
const { readSync, writeSync } = fs;

/** Where the parent put its pipe. */
const CHANNEL = 3;

/** The next message, or undefined once the parent has closed the channel. */
export function receive(): Plain | "closed" {
  const header = readExactly(4);
  const payload =
    header === undefined ? undefined : readExactly(new DataView(header.buffer).getUint32(0, true));
  return payload === undefined ? "closed" : decode(payload);
}

/** @throws WireError for a message above the limit, of which nothing is sent then. */
export function send(message: Plain, limit: number): void {
  for (const part of frame(encode(message, limit))) {
    for (let at = 0; at < part.length; ) at += writeSync(CHANNEL, part, at);
  }
}

function readExactly(length: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const read = readSync(CHANNEL, bytes, at, length - at, null);
    if (read === 0) return undefined;
    at += read;
  }
  return bytes;
}
