/** What was run, and what came of it: answers `history_request`. Kept in memory, for as long as the kernel lives. */

import type { Json } from "../../wire.js";

interface Entry {
  readonly count: number;
  readonly code: string;
  output: string | null;
}

const session = 1;
const longest = 10_000;

export class History {
  #entries: Entry[] = [];

  add(count: number, code: string): void {
    this.#entries.push({ count, code, output: null });
    if (this.#entries.length > longest) this.#entries.shift();
  }

  /** The result of a cell, in plain text. */
  setOutput(count: number, output: string): void {
    const entry = this.#entries.findLast((each) => each.count === count);
    if (entry !== undefined) entry.output = output;
  }

  /** The `history` of a reply: `[session, count, code]`, or `[session, count, [code, output]]` when outputs are asked for. */
  find(request: Json): unknown[] {
    return this.#select(request).map(({ count, code, output }) => [
      session,
      count,
      request.output === true ? [code, output] : code,
    ]);
  }

  #select({ hist_access_type: access, n, start, stop, session: asked, pattern, unique }: Json): Entry[] {
    const last = typeof n === "number" ? (entries: Entry[]) => (n > 0 ? entries.slice(-n) : []) : all;
    if (access === "tail") return last(this.#entries);
    if (access === "range") {
      // 0 is the current session, -1 the one before it: there is none.
      if (asked !== undefined && asked !== 0 && asked !== session) return [];
      const from = typeof start === "number" ? start : 1;
      const to = typeof stop === "number" ? stop : Number.POSITIVE_INFINITY;
      return this.#entries.filter(({ count }) => count >= from && count < to);
    }
    if (access === "search") {
      const matches = glob(typeof pattern === "string" ? pattern : "*");
      const found = this.#entries.filter(({ code }) => matches.test(code));
      return last(unique === true ? latestOfEach(found) : found);
    }
    return [];
  }
}

function all(entries: Entry[]): Entry[] {
  return entries;
}

function latestOfEach(entries: readonly Entry[]): Entry[] {
  const latest = new Map(entries.map((entry) => [entry.code, entry]));
  return entries.filter((entry) => latest.get(entry.code) === entry);
}

/** Jupyter searches with the globs of SQLite: `*` and `?`, over the whole text. */
function glob(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su");
}
