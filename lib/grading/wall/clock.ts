/**
 * How long a process has worked, and how long it kept others waiting, as Linux tells it: what else the machine does
 * counts against nobody.
 */

import { readFileSync } from "node:fs";

/** Seconds since some moment. */
export interface Spent {
  /** Processor time of the process's main thread: what helps it, the garbage collector say, differs from run to run. */
  readonly working: number;
  /** Time by the clock, without that in which the main thread was ready to run and no core was free. */
  readonly elapsed: number;
}

export type Clock = () => Spent;

/** Where nobody tells more: all the time is work. */
export const wallClock: Clock = () => {
  const now = performance.now() / 1000;
  return { working: now, elapsed: now };
};

/** The clock of a running process. It stands still, but for `elapsed`, once the process is gone. */
export function clockOf(pid: number): Clock {
  if (readTimes(pid) === undefined) return wallClock;
  let [working, waiting] = [0, 0];
  return () => {
    const now = performance.now() / 1000;
    const times = readTimes(pid);
    // Never backwards: the number may belong to another process by now.
    working = Math.max(working, times?.working ?? 0);
    waiting = Math.max(waiting, times?.waiting ?? 0);
    return { working, elapsed: now - waiting };
  };
}

/**
 * Processor time of a whole process, in seconds, with all its threads: for programs whose work wanders between them.
 * Undefined where nobody tells, or the process is gone.
 */
export function processorSeconds(pid: number): number | undefined {
  return fromStat(read(`/proc/${pid}/stat`))?.working;
}

interface Times {
  readonly working: number;
  readonly waiting: number;
}

function readTimes(pid: number): Times | undefined {
  return fromSchedstat(read(`/proc/${pid}/schedstat`)) ?? fromStat(read(`/proc/${pid}/task/${pid}/stat`));
}

/** Nanoseconds at work and nanoseconds waiting for a core; zeros where the kernel does not count. */
export function fromSchedstat(text: string): Times | undefined {
  const [working = 0, waiting = 0] = text.split(" ").map((nanoseconds) => Number(nanoseconds) / 1e9);
  return working > 0 ? { working, waiting } : undefined;
}

/** `USER_HZ`, a constant of Linux's interface. */
const TICKS_A_SECOND = 100;

/** User and system time are the 14th and 15th of the fields; the second, a name in brackets, may hold anything. */
export function fromStat(text: string): Times | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isNaN(ticks) ? undefined : { working: ticks / TICKS_A_SECOND, waiting: 0 };
}

/**
 * The process at the end of a chain of first children, as bubblewrap and `unshare` make them; undefined where the
 * machine does not tell who is whose child.
 */
export function innermost(pid: number): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`;
  let children: string;
  try {
    children = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  const first = Number.parseInt(children, 10);
  return Number.isNaN(first) ? pid : innermost(first);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
