/** What the witness of a crash and the reader of its note share. */

import { readFileSync } from "node:fs";
import path from "node:path";

/** The note lies beside the connection file, which the kernel that is started again has as well. */
export function noteOf(connectionFile: string): string {
  return `${path.resolve(connectionFile)}.crashed`;
}

/** How many processes the system has killed for want of memory since it started; 0 where it does not tell. */
export function memoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
