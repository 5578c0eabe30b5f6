/** Cuts a stream of bytes into frames: a length of four bytes, little-endian, and that many bytes. */

import { Buffer } from "node:buffer";
import { WireError } from "./wire.js";

const HEADER = 4;

/** The two parts to write, so that a large payload is not copied. */
export function frame(payload: Uint8Array): readonly [header: Uint8Array, payload: Uint8Array] {
  const header = new Uint8Array(HEADER);
  new DataView(header.buffer).setUint32(0, payload.length, true);
  return [header, payload];
}

/** Puts frames together again from chunks that are cut anywhere. It keeps no more than one frame's bytes. */
export class FrameReader {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** @param limit the most bytes that a payload may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True between two frames. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Takes a chunk and returns the payloads that it completes.
   *
   * @throws WireError when a frame announces more than the limit, before its bytes arrive.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const payloads: Uint8Array[] = [];
    for (;;) {
      const size = this.#announced();
      if (size === undefined || this.#length < HEADER + size) return payloads;
      const all = this.#joined();
      payloads.push(all.subarray(HEADER, HEADER + size));
      this.#chunks = [all.subarray(HEADER + size)];
      this.#length = all.length - HEADER - size;
    }
  }

  #announced(): number | undefined {
    if (this.#length < HEADER) return undefined;
    if (this.#chunks[0]!.length < HEADER) this.#joined();
    const [first] = this.#chunks as [Uint8Array];
    const size = new DataView(first.buffer, first.byteOffset, HEADER).getUint32(0, true);
    if (size > this.#limit) throw new WireError(`a frame of ${size} bytes, ${this.#limit} allowed`);
    return size;
  }

  #joined(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}
