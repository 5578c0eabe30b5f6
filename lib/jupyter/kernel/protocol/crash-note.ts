/** The note of a crash (crash-watch.ts), read by the kernel that was started instead, and worded for its user. */

import { readFileSync, rmSync, statSync } from "node:fs";
import { constants, totalmem } from "node:os";
import process from "node:process";
import { memoryKills, noteOf } from "./crash-file.js";
import { oldSpaceLimit } from "./heap-watch.js";

/** What is known of a process that is gone. */
export interface Crash {
  /** The cell that ran; undefined when none is known of. */
  readonly cell?: number;
  /** What the process held in memory when it was last looked at. */
  readonly bytes: number;
  /** A signal's name; undefined when nobody could tell. */
  readonly signal?: string;
  /** Given when it ended without a signal. */
  readonly exitCode?: number;
  /** The system has killed a process for want of memory since this one was last looked at. */
  readonly isMemoryFull: boolean;
}

/** A note that is older belongs to another session which used the same file. */
const freshMs = 60_000;

/** What became of the kernel before this one, told once. */
export function takeNote(connectionFile: string): Crash | undefined {
  const file = noteOf(connectionFile);
  const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (written === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    rmSync(file);
  } catch {
    return undefined;
  }
  const started = Date.now() - 1000 * process.uptime();
  return written < started - freshMs ? undefined : readNote(text, memoryKills());
}

/** @param killsNow how many processes the system has killed for want of memory by now. */
export function readNote(text: string, killsNow: number): Crash {
  const [state = "", stat = ""] = text.split("\n");
  const [cell = 0, bytes = 0, killsThen = killsNow] = state.split(" ").map(Number);
  // The second of the fields, a name in brackets, may hold anything; the third is the state, the last the exit status.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = fields[0] === "Z" || fields[0] === "X" ? Number(fields.at(-1)) : undefined;
  const number = status === undefined ? 0 : status & 0x7f;
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return {
    ...(cell > 0 && { cell }),
    bytes,
    ...(signal !== undefined && { signal }),
    ...(status !== undefined && number === 0 && { exitCode: status >> 8 }),
    isMemoryFull: killsNow > killsThen,
  };
}

/** Bytes that processes like this one may hold together, and that its heap may hold. */
export interface Machine {
  readonly memory: number;
  readonly heap: number;
}

/** One sentence on what happened and why, one on what to do. */
export function describeCrash(
  { cell, bytes, signal, exitCode, isMemoryFull }: Crash,
  { memory, heap }: Machine = thisMachine(),
): string {
  // A cell that crashes at once may not have been told of in time.
  const when = cell === undefined ? "" : ` while cell [${cell}] ran`;
  const held = bytes >= 2 ** 30 ? ` and it held ${gigabytes(bytes)}` : "";
  const { how, why, advice } = reason({ bytes, signal, exitCode, isMemoryFull }, { memory, heap });
  return (
    `The kernel's process before this one ${how}${when}${held}: ${why}. ` +
    `${advice}All values are lost: run the cells from the top.\n`
  );
}

function reason(
  { bytes, signal, exitCode, isMemoryFull }: Omit<Crash, "cell">,
  { memory, heap }: Machine,
): { readonly how: string; readonly why: string; readonly advice: string } {
  const native = "native code crashed (a GPU's driver, an add-on, Node itself)";
  const smaller = "If it happens again, make the cell's sizes smaller. ";
  const isLarge = bytes > memory / 2;
  const full = `memory of ${gigabytes(memory)} was full`;
  const dispose = "Make tensors smaller or dispose of them (tf.tidy). ";
  if (exitCode !== undefined) {
    return { how: `ended with exit code ${exitCode}`, why: "native code ended it", advice: smaller };
  }
  if (signal === undefined) {
    return { how: "ended without a word", why: `${native}, or ${full}`, advice: smaller };
  }
  if (signal === "SIGKILL") {
    const how = "was killed (SIGKILL)";
    if (isMemoryFull) return { how, why: `the machine's ${full}`, advice: dispose };
    if (isLarge) return { how, why: `most likely ${full}`, advice: dispose };
    return { how, why: `${full}, or somebody killed it`, advice: smaller };
  }
  const how = `ended by ${signal}`;
  if (/^SIG(ABRT|TRAP|ILL)$/.test(signal) && bytes > heap / 2) {
    const advice = "Keep fewer objects in variables, and numbers in typed arrays. ";
    return { how, why: `most likely Node's heap of ${gigabytes(heap)} was full`, advice };
  }
  const isAsked = /^SIG(TERM|HUP|INT|QUIT|USR1|USR2)$/.test(signal);
  return isAsked ? { how, why: "somebody ended it", advice: "" } : { how, why: native, advice: smaller };
}

function thisMachine(): Machine {
  const limit = process.constrainedMemory?.() ?? 0;
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { memory, heap: oldSpaceLimit() };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toPrecision(bytes < 2 ** 30 ? 1 : 2)} GB`;
}
