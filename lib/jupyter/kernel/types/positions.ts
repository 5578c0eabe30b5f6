/** Offsets into a text, and lines and characters of the protocol; both in UTF-16 units. */

import type { Position } from "./server.js";

/** Offset of each line's first character; lines end with \n, \r\n or \r, as the protocol has it. */
export function lineStarts(text: string): number[] {
  return [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (end) => end.index + end[0].length)];
}

export function positionAt(starts: readonly number[], offset: number): Position {
  const next = starts.findIndex((start) => start > offset);
  const line = (next < 0 ? starts.length : next) - 1;
  return { line, character: offset - starts[line]! };
}

export function offsetAt(starts: readonly number[], { line, character }: Position): number {
  return starts[Math.min(Math.max(line, 0), starts.length - 1)]! + character;
}
