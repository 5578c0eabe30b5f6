/**
 * Bytes as plain values (`wire.ts`). They may come from an enemy: every length is held against the bytes that are really
 * there before anything of that length is made, and whatever is not exactly as `encode` writes it is refused.
 */

import { Buffer } from "node:buffer";
import { Odd, type Plain, PlainTensor } from "../values.js";
import { dtypes, tag, WireError } from "./wire.js";

/** Deeper than any value (see `toPlain`) inside any message. */
const DEEPEST = 16;
/** Small items take several times their bytes in memory. */
const MOST_ITEMS = 2_000_000;
/** tfjs itself knows no more axes. */
const HIGHEST_RANK = 6;

/** Reads one value that takes up all of the bytes. Nothing of it shares their memory. @throws WireError */
export function decode(bytes: Uint8Array): Plain {
  const reader = new Reader(bytes);
  const value = read(reader, 0);
  reader.end();
  return value;
}

function read(reader: Reader, depth: number): Plain {
  if (depth > DEEPEST) throw new WireError("a value nested too deeply");
  reader.item();
  const kind = reader.byte();
  switch (kind) {
    case tag.undefined:
      return undefined;
    case tag.null:
      return null;
    case tag.false:
      return false;
    case tag.true:
      return true;
    case tag.number:
      return reader.float64();
    case tag.text:
      return reader.text();
    case tag.odd:
      return new Odd(reader.text());
    case tag.tensor:
      return readTensor(reader);
    case tag.array: {
      const items: Plain[] = [];
      for (let left = reader.count(1); left > 0; left--) items.push(read(reader, depth + 1));
      return items;
    }
    case tag.record: {
      const entries = new Map<string, Plain>();
      for (let left = reader.count(5); left > 0; left--) {
        const key = reader.text();
        if (entries.has(key)) throw new WireError("a record that holds a key twice");
        entries.set(key, read(reader, depth + 1));
      }
      // Defines keys rather than assigning them: "__proto__" is a key like any other.
      return Object.fromEntries(entries);
    }
    default:
      throw new WireError(`a value of unknown kind ${kind}`);
  }
}

function readTensor(reader: Reader): PlainTensor {
  const dtype = dtypes[reader.byte()];
  if (dtype === undefined) throw new WireError("a tensor of unknown type");
  const rank = reader.byte();
  if (rank > HIGHEST_RANK) throw new WireError(`a tensor of rank ${rank}`);
  const shape = Array.from({ length: rank }, () => reader.uint32());
  // As doubles the product may round, but never down to what is left.
  const size = shape.reduce((product, axis) => product * axis, 1);
  const { buffer } = reader.copy(size * dtype.bytes);
  if (dtype.name === "float32") return new PlainTensor(shape, dtype.name, new Float32Array(buffer));
  if (dtype.name === "int32") return new PlainTensor(shape, dtype.name, new Int32Array(buffer));
  const data = new Uint8Array(buffer);
  if (data.some((bit) => bit > 1)) throw new WireError("a truth value that is neither 0 nor 1");
  return new PlainTensor(shape, dtype.name, data);
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's own slice() would share its memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (!(bytes <= this.#bytes.length - at)) throw new WireError("a value that is cut off");
    this.#at += bytes;
    return at;
  }

  item(): void {
    if (++this.#items > MOST_ITEMS) throw new WireError(`more than ${MOST_ITEMS} items`);
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** How many items follow, each of at least that many bytes. */
  count(fewestBytes: number): number {
    const count = this.uint32();
    if (count * fewestBytes > this.#bytes.length - this.#at)
      throw new WireError("more items than there are bytes");
    return count;
  }

  text(): string {
    const length = 2 * this.uint32();
    const at = this.#take(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, length).toString("utf16le");
  }

  copy(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(bytes);
    return this.#bytes.slice(at, at + bytes);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new WireError("bytes after the end of a value");
  }
}
