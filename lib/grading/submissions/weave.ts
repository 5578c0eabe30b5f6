/** Puts a text together from pieces of others, and remembers where each piece came from. */

import { offsetAt, positionAt } from "../../jupyter/kernel/session/positions.js";
import type { Origin } from "./submission.js";

/** A text that pieces are taken from. */
export interface Source {
  readonly label: string;
  readonly text: string;
}

interface Piece {
  /** Offset in the whole. */
  readonly at: number;
  readonly source: Source;
  readonly start: number;
  /** Characters were copied one by one; else all of them come from `start`. */
  readonly copied: boolean;
}

export class Weave {
  text = "";
  readonly #pieces: Piece[] = [];

  copy(source: Source, start: number, end: number): void {
    this.#add(source, start, source.text.slice(start, end), true);
  }

  /** Text of our own, on behalf of a place in a source. */
  own(text: string, source: Source, start: number): void {
    this.#add(source, start, text, false);
  }

  /** Undefined before the first piece. */
  origin(line: number, column: number): (Origin & { readonly label: string }) | undefined {
    const offset = offsetAt(this.text, { line, column });
    const piece = this.#pieces.findLast(({ at }) => at <= offset);
    if (piece === undefined) return undefined;
    const { source, start, at, copied } = piece;
    return {
      label: source.label,
      text: source.text,
      ...positionAt(source.text, copied ? start + offset - at : start),
    };
  }

  #add(source: Source, start: number, text: string, copied: boolean): void {
    if (text === "") return;
    this.#pieces.push({ at: this.text.length, source, start, copied });
    this.text += text;
  }
}
