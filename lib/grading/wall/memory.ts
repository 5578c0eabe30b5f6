/** What a process and those that it started hold: memory, threads; as Linux tells it. */

import { readdirSync, readFileSync } from "node:fs";

/** Bytes; zero for a process that is gone, and where there is no /proc. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean);
  return children.reduce((sum, child) => sum + residentBytes(Number(child)), Number(kilobytes ?? 0) * 1024);
}

/** Threads of a process and of those that it started, counted up to `most`; zero as above. */
export function threads(pid: number, most: number): number {
  let count = 0;
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined && count <= most; next = waiting.pop()) {
    const tasks = list(`/proc/${next}/task`);
    count += tasks.length;
    // Each thread has children of its own.
    if (count <= most) for (const task of tasks) waiting.push(...childrenOf(next, task));
  }
  return count;
}

function childrenOf(pid: number, task: string): number[] {
  return read(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
