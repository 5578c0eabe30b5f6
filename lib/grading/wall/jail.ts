/**
 * How the process without rights is started, and which walls stand around it on this machine.
 *
 * Three kinds, each behind the one before: Node's permission model (no files but the bundle, no processes, no
 * threads, no addons), limits on memory and processor time, and namespaces of its own (no network, no other process to
 * see or signal; with bubblewrap also a root folder that holds nothing but Node and the bundle). Root, where it may make no
 * namespaces, gives each process a user of its own instead (no other process to signal or to look into).
 */

import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { type Limits, MOST_THREADS } from "./limits.js";
import { find } from "./programs.js";
import { isRoot, unusedUser } from "./user.js";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Empty unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Also the id of its only group; the parent's user unless given. */
  readonly user?: number;
  /** Nothing but the parent's eye keeps its memory in bounds. */
  readonly isMemoryUnlimited?: boolean;
}

/** What parts it from the rest of the machine. */
export type Separation = "bubblewrap" | "unshare" | "user" | "none";

/** Options of `spawn` for a command's user. */
export function identity(user: number | undefined): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user, gid: user };
}

const node = realpathSync(process.execPath);

/** Where the bundle lies as the process sees it inside bubblewrap. */
const INSIDE = "/wall";

/** What Node maps for itself before any program runs: code, stacks of its threads, the heap's first pages. */
export const NODES_OWN_MB = 512;

/** Processor time, in seconds, after which the kernel ends a process that nobody stopped. */
const LAST_RESORT_SECONDS = 600;

/**
 * Starts the bundle in that folder, from its snapshot where it has one for these limits.
 *
 * @param separation the strongest that this machine has, unless given.
 * @throws Error where `REQUIRE_WALLS=1` and a wall is missing.
 */
export function command(bundle: string, limits: Limits, separation = findWalls().separation): Command {
  const folder = separation === "bubblewrap" ? INSIDE : bundle;
  const snapshot = snapshotName(limits);
  const start = existsSync(path.join(bundle, snapshot))
    ? ["--snapshot-blob", path.join(folder, snapshot)]
    : [path.join(folder, "boot.cjs")];
  const program = [node, ...nodeFlags(folder, limits), ...start];
  const [file, ...args] = [...limiting(limits, separation), ...separating(separation, bundle), ...program];
  return {
    ...{ file: file!, args, isMemoryUnlimited: find("prlimit") === undefined },
    ...(separation !== "bubblewrap" && { env: allocation }),
    ...(separation === "user" && { user: unusedUser() }),
  };
}

/** The start-up snapshot for processes under those limits, if there is one. */
export function snapshotName({ memoryMB }: Limits): string {
  return `child.${memoryMB}.blob`;
}

/**
 * V8 takes a code cache or a snapshot only where it is started with the flags that it was made with.
 *
 * Without hashing every name of the snapshot anew a start is 5 ms shorter. That is there against inputs which make hash
 * tables slow, and a submission could slow down nobody but itself.
 */
export function heapFlags({ memoryMB }: Limits): string[] {
  return [`--max-old-space-size=${memoryMB}`, "--no-rehash-snapshot"];
}

/**
 * How glibc is to take memory for Node: in few and large pages, since what a start costs is half page faults. One arena:
 * each thread's own would take as much, and count against the limit. Other C libraries do not read this.
 */
const allocation = {
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=16777216:glibc.malloc.arena_max=1",
};

function nodeFlags(folder: string, limits: Limits): string[] {
  return [
    process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission",
    `--allow-fs-read=${folder}/*`,
    ...heapFlags(limits),
    "--no-warnings",
  ];
}

function limiting({ memoryMB }: Limits, separation: Separation): string[] {
  const prlimit = find("prlimit");
  if (prlimit === undefined) return [];
  const bytes = (memoryMB + NODES_OWN_MB) * 2 ** 20;
  // Counts all threads of a user: with the parent's own user, those of everything else would be among them. The parent,
  // who says more clearly what happened, comes first mostly.
  const few = separation === "user" ? [`--nproc=${2 * MOST_THREADS}`] : [];
  return [prlimit, "--core=0", "--fsize=0", `--data=${bytes}`, `--cpu=${LAST_RESORT_SECONDS}`, ...few, "--"];
}

function separating(separation: Separation, bundle: string): string[] {
  const setpriv = find("setpriv");
  const tied = setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
  if (separation === "none" || separation === "user") return tied;
  if (separation === "unshare") return [...tied, find("unshare")!, ...unshareFlags];
  const bound = [node, ...sharedLibraries()].flatMap((file) => ["--ro-bind", file, file]);
  const placed = ["--ro-bind", bundle, INSIDE, "--chdir", "/", "--remount-ro", "/"];
  return [find("bwrap")!, ...bubblewrapFlags, ...bound, ...placed, "--"];
}

const bubblewrapFlags = [
  "--unshare-all",
  "--die-with-parent",
  "--new-session",
  "--cap-drop",
  "ALL",
  ...Object.entries(allocation).flatMap((variable) => ["--setenv", ...variable]),
  "--ro-bind-try",
  "/etc/ld.so.cache",
  "/etc/ld.so.cache",
];
const unshareFlags = ["--user", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--"];

let libraries: readonly string[] | undefined;

/** The shared libraries that Node is linked with, and the loader, as absolute paths. */
function sharedLibraries(): readonly string[] {
  if (libraries !== undefined) return libraries;
  // No text where there is no ldd: Node does not start in bubblewrap then, which is noticed.
  const text = spawnSync("ldd", [node], { encoding: "utf8" }).stdout ?? "";
  libraries = [...text.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file!);
  return libraries;
}

interface Found {
  readonly separation: Separation;
  /** Why bubblewrap does not serve; undefined where it does. */
  readonly why?: string;
}

let found: Found | undefined;

/** Tries the strongest first, once a process: what is installed may still be forbidden, as in some containers. */
function findWalls(): Found {
  const isFirst = found === undefined;
  found ??= tryWalls();
  const missing = missingWalls(found);
  if (isFirst && missing.length > 0) console.warn(`workbook: on this machine ${missing.join("; ")}`);
  if (process.env.REQUIRE_WALLS === "1" && missing.length > 0) {
    throw new Error(`REQUIRE_WALLS=1, and on this machine ${missing.join("; ")}`);
  }
  return found;
}

function tryWalls(): Found {
  const reasons: string[] = [];
  for (const [separation, program] of [
    ["bubblewrap", "bwrap"],
    ["unshare", "unshare"],
    ["user", undefined],
  ] as const) {
    if (program !== undefined && find(program) === undefined) {
      reasons.push(`${program} is not installed`);
      continue;
    }
    if (separation === "user" && !isRoot()) continue;
    const [file, ...args] = [...separating(separation, path.dirname(node)), node, "--version"];
    const { status, stderr, error } = spawnSync(file!, args, {
      ...{ env: {}, cwd: "/", encoding: "utf8", timeout: 20_000 },
      ...identity(separation === "user" ? unusedUser() : undefined),
    });
    const why = reasons.length === 0 ? {} : { why: reasons.join(", ") };
    if (status === 0) return { separation, ...why };
    const message = error?.message ?? stderr.trim().split("\n").at(-1) ?? "no message";
    reasons.push(`${program ?? "another user for it"} does not work here (${message})`);
  }
  return { separation: "none", why: reasons.join(", ") };
}

/**
 * Which walls stand on this machine, and which are missing, a sentence's part each, with the reason.
 *
 * @throws Error where `REQUIRE_WALLS=1` and one of them is missing.
 */
export function describeWalls(): { readonly walls: readonly string[]; readonly missing: readonly string[] } {
  const found = findWalls();
  const { separation } = found;
  const walls = ["Node's permission model"];
  if (find("prlimit") !== undefined) walls.push("limits on memory and processor time");
  if (separation === "user") walls.push("a user of its own, who can signal nobody else's process");
  if (hasNamespaces(separation)) walls.push("no network, and no other process in sight");
  if (separation === "bubblewrap") walls.push("a file system of its own (bubblewrap)");
  return { walls, missing: missingWalls(found) };
}

function missingWalls({ separation, why }: Found): string[] {
  const missing: string[] = [];
  if (find("prlimit") === undefined)
    missing.push("memory outside of the heap is watched, not limited (no prlimit)");
  if (separation === "none")
    missing.push(`a submission can reach the network and signal other processes (${why})`);
  if (separation === "user") missing.push(`a submission can reach the network (${why})`);
  if (separation === "unshare")
    missing.push(`only the permission model keeps a submission from reading files (${why})`);
  return missing;
}

function hasNamespaces(separation: Separation): boolean {
  return separation === "bubblewrap" || separation === "unshare";
}

/** Whether processes are started as somebody who can read only what everybody can. */
export function needsOpenFiles(): boolean {
  return findWalls().separation === "user";
}
