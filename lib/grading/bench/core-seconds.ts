/** Processor time of a program and of all that it started, as Linux counts it for a control group. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const groups = "/sys/fs/cgroup";

/**
 * Runs a program inside a control group of its own. Processes that are killed behind a namespace's back are counted too,
 * which the times of waited-for children are not.
 *
 * @returns the exit code, seconds by the clock, and core-seconds where this user may make a group.
 */
export function measured(argv: readonly string[]): {
  readonly status: number | null;
  readonly seconds: number;
  readonly coreSeconds?: number;
} {
  const group = makeGroup();
  const enter = group === undefined ? "" : `echo $$ > ${group}/cgroup.procs; `;
  const start = performance.now();
  const { status } = spawnSync("sh", ["-c", `${enter}exec "$@"`, "sh", ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const seconds = (performance.now() - start) / 1000;
  if (group === undefined) return { status, seconds };
  const coreSeconds = usage(group);
  rmdirSync(group);
  return { status, seconds, coreSeconds };
}

function makeGroup(): string | undefined {
  const parent = [path.join(groups, "cpuacct"), groups].find((folder) =>
    existsSync(path.join(folder, "cgroup.procs")),
  );
  if (parent === undefined) return undefined;
  const group = path.join(parent, `workbook-bench-${process.pid}`);
  try {
    mkdirSync(group);
    return group;
  } catch {
    return undefined;
  }
}

function usage(group: string): number {
  const first = path.join(group, "cpuacct.usage");
  if (existsSync(first)) return Number(readFileSync(first, "utf8")) / 1e9;
  const second = readFileSync(path.join(group, "cpu.stat"), "utf8");
  return Number(/^usage_usec (\d+)$/m.exec(second)![1]) / 1e6;
}
