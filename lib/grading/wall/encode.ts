/** Plain values as bytes (`wire.ts`). */

import { Buffer } from "node:buffer";
import { Odd, type Plain, PlainTensor } from "../values.js";
import { dtypes, tag, WireError } from "./wire.js";

/** @throws WireError where the bytes would be more than `limit`. */
export function encode(value: Plain, limit = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  const writer = new Writer(limit);
  write(writer, value);
  return writer.done();
}

function write(writer: Writer, value: Plain): void {
  if (value === undefined) writer.byte(tag.undefined);
  else if (value === null) writer.byte(tag.null);
  else if (typeof value === "boolean") writer.byte(value ? tag.true : tag.false);
  else if (typeof value === "number") {
    writer.byte(tag.number);
    writer.float64(value);
  } else if (typeof value === "string") {
    writer.byte(tag.text);
    writer.text(value);
  } else if (value instanceof Odd) {
    writer.byte(tag.odd);
    writer.text(value.what);
  } else if (value instanceof PlainTensor) writeTensor(writer, value);
  else if (Array.isArray(value)) {
    writer.byte(tag.array);
    writer.uint32(value.length);
    for (const item of value as readonly Plain[]) write(writer, item);
  } else {
    const entries = Object.entries(value);
    writer.byte(tag.record);
    writer.uint32(entries.length);
    for (const [key, item] of entries) {
      writer.text(key);
      write(writer, item);
    }
  }
}

function writeTensor(writer: Writer, { dtype, shape, data }: PlainTensor): void {
  writer.byte(tag.tensor);
  writer.byte(dtypes.findIndex(({ name }) => name === dtype));
  writer.byte(shape.length);
  for (const size of shape) writer.uint32(size);
  writer.bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Grows by doubling. */
class Writer {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#limit) throw new WireError(`a value of more than ${this.#limit} bytes`);
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  text(value: string): void {
    this.uint32(value.length);
    this.bytes(Buffer.from(value, "utf16le"));
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }
}
