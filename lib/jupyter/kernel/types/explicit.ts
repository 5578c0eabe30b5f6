/**
 * Types that a cell left to inference, written out: the language server knows them once it has checked the cell.
 *
 * Without them the type of `x500 = x499 + 1` is inferred through 500 cells, anew for every check and at a cost that grows
 * with the square of their number. Only types are taken whose text means the same wherever it stands.
 */

import { offsetAt } from "./positions.js";
import type { Position } from "./server.js";

/** A type annotation, and where it belongs. */
export interface Annotation {
  readonly offset: number;
  /** `: number` */
  readonly text: string;
}

interface InlayHint {
  readonly position: Position;
  readonly label: string | readonly { readonly value: string }[];
  readonly kind?: number;
}

const typeHint = 1;

/**
 * The annotations in an answer to `textDocument/inlayHint`.
 *
 * @param starts the cell's line starts in the document that was asked about, whose first `prefixLines` are not the cell's.
 * @param isTaken whether the session gives a name a meaning of its own.
 */
export function annotations(
  answer: unknown,
  { starts, prefixLines }: { starts: readonly number[]; prefixLines: number },
  isTaken: (name: string) => boolean,
): Annotation[] {
  return ((answer ?? []) as readonly InlayHint[])
    .filter(({ kind, position }) => kind === typeHint && position.line >= prefixLines)
    .map(({ position: { line, character }, label }) => ({
      offset: offsetAt(starts, { line: line - prefixLines, character }),
      text: typeof label === "string" ? label : label.map(({ value }) => value).join(""),
    }))
    .filter(({ text }) => text.startsWith(": ") && isPortable(text.slice(2), isTaken));
}

/** Inserts annotations. */
export function annotate(text: string, added: readonly Annotation[]): string {
  let result = text;
  for (const { offset, text } of added.toSorted((a, b) => b.offset - a.offset)) {
    result = result.slice(0, offset) + text + result.slice(offset);
  }
  return result;
}

const keywords = "number string boolean bigint symbol undefined null void unknown true false readonly";
const globals =
  "Array ReadonlyArray Promise Map Set Date RegExp Error Record ArrayBuffer Float32Array Float64Array Int8Array " +
  "Int16Array Int32Array Uint8Array Uint8ClampedArray Uint16Array Uint32Array BigInt64Array BigUint64Array";
const plain: ReadonlySet<string> = new Set(keywords.split(" "));
const global: ReadonlySet<string> = new Set(globals.split(" "));

/** A literal, a property's name, another name, or a character of punctuation. */
const token = /\s+|"(?:[^"\\]|\\.)*"|-?\d[\d.]*n?|(\p{ID_Start}[\p{ID_Continue}$]*)(\??:)?|[{}[\]<>;,|]/uy;

/** The server leaves out the parentheses of `(string | number)[]`. */
const ambiguous = /[|&].*\[\]|\[\].*[|&]/s;

function isPortable(type: string, isTaken: (name: string) => boolean): boolean {
  if (ambiguous.test(type)) return false;
  for (let at = 0; at < type.length; at = token.lastIndex) {
    token.lastIndex = at;
    const [found, name, colon] = token.exec(type) ?? [];
    if (found === undefined) return false;
    if (name === undefined || colon !== undefined || plain.has(name)) continue;
    if (!global.has(name) || isTaken(name)) return false;
  }
  return true;
}
