/** Memory of a process and of everything that it started, from /proc. */

import { readdirSync, readFileSync } from "node:fs";

/**
 * Proportional set size in MB (2²⁰ bytes): a page that several of the processes share counts once.
 *
 * @returns undefined where there is no /proc.
 */
export function treeMegabytes(pid: number): number | undefined {
  try {
    const kilobytes = [...tree(pid)].map((each) =>
      Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, "utf8"))?.[1] ?? 0),
    );
    return kilobytes.reduce((a, b) => a + b, 0) / 1024;
  } catch {
    return undefined;
  }
}

function tree(pid: number): Set<number> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = parentOf(entry);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = new Set([pid]);
  for (const each of found) for (const child of children.get(each) ?? []) found.add(child);
  return found;
}

/** Undefined for a process that has ended meanwhile. */
function parentOf(pid: string): number | undefined {
  try {
    // The command's name, in parentheses, may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
