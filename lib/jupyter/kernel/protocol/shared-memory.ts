/**
 * The memory that both threads share: a ring of the text that cells print, and a few numbers.
 *
 * The ring is what bounds memory: a cell that prints faster than the client reads blocks in `write` until there is
 * room. It also lets the worker send what was printed while the main thread is busy and cannot post a message.
 *
 *   record = cell (int32), kind (int32: 0 stdout, 1 stderr, 2 barrier), bytes (int32), UTF-8 text padded to 4 bytes
 *
 * A barrier stands where a message was posted: text after it must not overtake that message.
 */

const ringBytes = 1 << 20;
const headerBytes = 12;
const largestRecord = ringBytes >> 3;
/** UTF-16 units of text that fit into a record, whatever they are. */
const pieceLength = Math.floor(largestRecord / 3);
const barrier = 2;
/** Bytes of displays that may wait to be sent; one larger display may wait alone. */
const displayBudget = 64 << 20;

// The numbers, by index.
const written = 0;
const read = 1;
const drainAsked = 2;
const displayKilobytes = 3;
const runStarted = 4;
const runEnded = 5;
const workerGone = 6;
const numbers = 16;

/** Text of one stream of one cell. */
export interface Printed {
  readonly cell: number;
  readonly name: "stdout" | "stderr";
  readonly text: string;
}

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #scratch = new Uint8Array(largestRecord);
  readonly #taken = new Uint8Array(2 * largestRecord);
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(buffer = new SharedArrayBuffer(numbers * 4 + ringBytes)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer, 0, numbers);
    this.#bytes = new Uint8Array(buffer, numbers * 4, ringBytes);
    this.#words = new Int32Array(buffer, numbers * 4, ringBytes >> 2);
  }

  /** True where there is something to `take`. */
  get hasText(): boolean {
    return Atomics.load(this.#numbers, written) !== Atomics.load(this.#numbers, read);
  }

  /**
   * Main thread: appends text, blocking while the ring is full.
   *
   * @param ask tells the worker to drain the ring; called before anything waits for it.
   */
  write(cell: number, name: Printed["name"], text: string, ask: () => void): void {
    for (let at = 0; at < text.length; ) {
      // Piece by piece: encoding the beginning of a long text takes as long as the text is. Never splits a code point,
      // and turns a lone surrogate into U+FFFD.
      const piece = text.length <= pieceLength ? text : text.slice(at, at + pieceSize(text, at));
      const { written: bytes } = this.#encoder.encodeInto(piece, this.#scratch);
      at += piece.length;
      if (!this.#append(cell, name === "stdout" ? 0 : 1, this.#scratch.subarray(0, bytes))) return;
      if (Atomics.exchange(this.#numbers, drainAsked, 1) === 0) ask();
    }
  }

  /** Main thread: sets a barrier for the message that is about to be posted, and returns the position after it. */
  barrier(): number {
    this.#append(0, barrier, new Uint8Array(0));
    return Atomics.load(this.#numbers, written);
  }

  /** Worker: from now on a `write` asks for a drain again. */
  acceptDrain(): void {
    Atomics.store(this.#numbers, drainAsked, 0);
  }

  /**
   * Worker: takes the next text of one stream, about `limit` bytes at most; undefined when none is left.
   *
   * @param end a position that `barrier` returned: takes what comes before it; without it, what comes before any barrier.
   */
  take(limit: number, end?: number): Printed | undefined {
    let taken: { cell: number; kind: number } | undefined;
    const stop = end ?? Atomics.load(this.#numbers, written);
    let [at, size] = [Atomics.load(this.#numbers, read), 0];
    while (at !== stop && size < limit) {
      const [cell, kind, length] = [this.#word(at), this.#word(at + 4), this.#word(at + 8)];
      if (kind === barrier) {
        if (end === undefined) break;
      } else {
        const joins = taken === undefined || (taken.cell === cell && taken.kind === kind);
        if (!joins) break;
        taken = { cell, kind };
        this.#copyOut(at + headerBytes, length, size);
        size += length;
      }
      at = (at + headerBytes + padded(length)) | 0;
    }
    Atomics.store(this.#numbers, read, at);
    Atomics.notify(this.#numbers, read);
    if (taken === undefined) return undefined;
    const text = this.#decoder.decode(this.#taken.subarray(0, size));
    return { cell: taken.cell, name: taken.kind === 0 ? "stdout" : "stderr", text };
  }

  /** Main thread: blocks until a display of this size may be posted; returns what to `release` once it is sent. */
  charge(bytes: number): number {
    const kilobytes = (bytes >> 10) + 1;
    for (;;) {
      const waiting = Atomics.load(this.#numbers, displayKilobytes);
      if (waiting === 0 || waiting + kilobytes <= displayBudget >> 10 || this.workerIsGone) break;
      Atomics.wait(this.#numbers, displayKilobytes, waiting, 1000);
    }
    Atomics.add(this.#numbers, displayKilobytes, kilobytes);
    return kilobytes;
  }

  release(kilobytes: number): void {
    Atomics.sub(this.#numbers, displayKilobytes, kilobytes);
    Atomics.notify(this.#numbers, displayKilobytes);
  }

  /** The last run that the main thread has begun. */
  get runStarted(): number {
    return Atomics.load(this.#numbers, runStarted);
  }

  set runStarted(run: number) {
    Atomics.store(this.#numbers, runStarted, run);
  }

  /** The last run that the main thread has ended. */
  get runEnded(): number {
    return Atomics.load(this.#numbers, runEnded);
  }

  set runEnded(run: number) {
    Atomics.store(this.#numbers, runEnded, run);
  }

  get workerIsGone(): boolean {
    return Atomics.load(this.#numbers, workerGone) !== 0;
  }

  /** Worker: has said its last words; nobody needs to wait for it any more. */
  announceGone(): void {
    Atomics.store(this.#numbers, workerGone, 1);
    for (const index of [workerGone, read, displayKilobytes]) Atomics.notify(this.#numbers, index);
  }

  /** Main thread: blocks until the worker has said its last words. */
  waitUntilGone(ms: number): void {
    Atomics.wait(this.#numbers, workerGone, 0, ms);
  }

  /** False when nobody will ever make room again. */
  #append(cell: number, kind: number, bytes: Uint8Array): boolean {
    const start = Atomics.load(this.#numbers, written);
    const size = headerBytes + padded(bytes.length);
    if (!this.#waitForRoom(start, size)) return false;
    this.#setWord(start, cell);
    this.#setWord(start + 4, kind);
    this.#setWord(start + 8, bytes.length);
    this.#copyIn(start + headerBytes, bytes);
    Atomics.store(this.#numbers, written, (start + size) | 0);
    return true;
  }

  #waitForRoom(start: number, size: number): boolean {
    for (;;) {
      const done = Atomics.load(this.#numbers, read);
      if (((start - done) | 0) + size <= ringBytes) return true;
      if (this.workerIsGone) return false;
      Atomics.wait(this.#numbers, read, done, 1000);
    }
  }

  #setWord(at: number, value: number): void {
    this.#words[offset(at) >> 2] = value;
  }

  #word(at: number): number {
    return this.#words[offset(at) >> 2]!;
  }

  #copyIn(at: number, bytes: Uint8Array): void {
    const start = offset(at);
    const first = Math.min(bytes.length, ringBytes - start);
    this.#bytes.set(bytes.subarray(0, first), start);
    this.#bytes.set(bytes.subarray(first), 0);
  }

  #copyOut(at: number, length: number, to: number): void {
    const start = offset(at);
    const first = Math.min(length, ringBytes - start);
    this.#taken.set(this.#bytes.subarray(start, start + first), to);
    if (first < length) this.#taken.set(this.#bytes.subarray(0, length - first), to + first);
  }
}

/** Length of the piece that begins at a place: one less where it would end between two surrogates. */
function pieceSize(text: string, at: number): number {
  const last = text.charCodeAt(at + pieceLength - 1);
  return last >= 0xd800 && last <= 0xdbff ? pieceLength - 1 : pieceLength;
}

/** The ring's length is a power of two, so positions may wrap around 2³². */
function offset(position: number): number {
  return position & (ringBytes - 1);
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}
