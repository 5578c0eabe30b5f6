/** One batch at a time in a folder. The lock of a batch that was killed is taken over. */

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";

/** Somebody else grades into that folder; the message says who. */
export class LockedError extends Error {
  override readonly name = "LockedError";
}

interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one with the same id; empty where the system does not say. */
  readonly started: string;
}

/**
 * Takes the lock `file`, and returns what gives it back.
 *
 * @throws LockedError when a process that is alive, or may be, holds it.
 */
export function takeLock(file: string): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  for (;;) {
    if (create(file)) return () => rmSync(file, { force: true });
    const text = read(file);
    // Given back, or taken over, this very moment.
    if (text === undefined) continue;
    const holder = parse(text);
    if (holder === undefined || mayLive(holder)) throw new LockedError(explain(file, holder));
    removeStale(file, text);
  }
}

function create(file: string): boolean {
  const own: Holder = { host: os.hostname(), pid: process.pid, started: startOf(process.pid) };
  const whole = `${file}.${process.pid}`;
  writeFileSync(whole, JSON.stringify(own));
  try {
    // Unlike opening the file itself, this never leaves an empty one behind.
    linkSync(whole, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(whole, { force: true });
  }
}

/** Of two that find the same stale lock, one moves it away; who catches the other's fresh one puts it back. */
function removeStale(file: string, stale: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) === stale) rmSync(aside, { force: true });
  else renameSync(aside, file);
}

function explain(file: string, holder: Holder | undefined): string {
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  const remedy = holder?.host === os.hostname() ? "wait for it to end" : `when it has ended, delete ${file}`;
  return `${who} is grading into this folder; ${remedy}`;
}

function mayLive({ host, pid, started }: Holder): boolean {
  if (host !== os.hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === startOf(pid);
}

/** Linux counts it in ticks since the machine started, the 22nd field, behind a name that may hold anything. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`) ?? "";
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
