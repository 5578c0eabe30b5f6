/** What people hand in, once it has been read: one TypeScript module, or the reason why there is none. */

export interface Submission {
  readonly slug: string;
  /** Shown to people: "alice/transformer.ts", "alice.zip: transformer.ipynb". */
  readonly file: string;
  /** One TypeScript module. */
  readonly text: string;
  /** Where a position of `text` (1-based line, column) came from: "transformer.ts:12:5" or "cell [3]:2:1". */
  readonly locate: (line: number, column: number) => string;
  /** The text that a position came from, where `text` was put together from several (a notebook's cells). */
  readonly origin?: (line: number, column: number) => Origin;
  /** Things the reader should know, e.g. a cell that does not parse and was left out. */
  readonly notes: readonly string[];
}

/** A place in what was handed in. */
export interface Origin {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface Refusal {
  readonly reason:
    | "missing"
    | "duplicate"
    | "too large"
    | "not UTF-8"
    | "wrong type"
    | "unparsable"
    | "import"
    | "types"
    | "unknown exercise"
    | "archive";
  /** One sentence for people, starting with the file's name; a code frame may follow. */
  readonly message: string;
}

export function refusal(reason: Refusal["reason"], message: string): Refusal {
  return { reason, message };
}

export function isRefusal(value: object): value is Refusal {
  return "reason" in value;
}

/** Bytes that one file may have. Notebooks carry their outputs. */
export const limits = {
  source: 1 << 20,
  notebook: 20 << 20,
  /** Code cells in a notebook. */
  cells: 1000,
  zip: 50 << 20,
  /** All that a zip says it unpacks to. */
  unpacked: 200 << 20,
  /** Files in a zip or a student's folder. */
  files: 5000,
  /** Files of these that are read, at most. */
  sources: 100,
} as const;

/** "1 MB", "2.5 MB", "800 KB" */
export function megabytes(bytes: number): string {
  const kilobytes = bytes / 1024;
  return kilobytes < 1000 ? `${Math.ceil(kilobytes)} KB` : `${Number((kilobytes / 1024).toFixed(1))} MB`;
}

/**
 * A name that people chose, on one line and without characters that rewrite the line around them (terminal escapes,
 * changes of writing direction).
 */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (character === "\u200d" || character === "\u200c") return character; // Parts of ordinary words and emoji.
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
