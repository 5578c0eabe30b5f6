/** Text edits that remember where every piece came from. */

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Piece {
  /** Offset in the result. */
  readonly at: number;
  /** Offset in the source of the piece's first character. */
  readonly origin: number;
  /** Characters were copied from the source one by one. */
  readonly copied: boolean;
}

/** Replacements in one text; insertions at one place stand in the order in which they were asked for. */
export class Edits {
  readonly #edits: Edit[] = [];
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  /** Inserts ahead of everything that stands at that place so far. */
  insertBefore(at: number, text: string): void {
    this.#edits.unshift({ start: at, end: at, text });
  }

  /** The edited text between a head and a tail of our own, and the way back from its offsets to the source's. */
  apply(
    head: readonly { readonly text: string; readonly origin: number }[],
    tail: string,
  ): { text: string; origin: (offset: number) => number } {
    const pieces: Piece[] = [];
    let text = "";
    let from = 0;
    for (const { text: next, origin } of head) {
      pieces.push({ at: text.length, origin, copied: false });
      text += next;
    }
    const copy = (until: number) => {
      if (until <= from) return;
      pieces.push({ at: text.length, origin: from, copied: true });
      text += this.#source.slice(from, until);
    };
    for (const { start, end, text: inserted } of this.#edits.sort((a, b) => a.start - b.start)) {
      copy(start);
      pieces.push({ at: text.length, origin: start, copied: false });
      text += inserted;
      from = Math.max(from, end);
    }
    copy(this.#source.length);
    pieces.push({ at: text.length, origin: this.#source.length, copied: false });
    return { text: text + tail, origin: (offset) => originOf(pieces, offset) };
  }
}

function originOf(pieces: readonly Piece[], offset: number): number {
  const piece = pieces.findLast(({ at }) => at <= offset) ?? pieces[0]!;
  return piece.copied ? piece.origin + offset - piece.at : piece.origin;
}
