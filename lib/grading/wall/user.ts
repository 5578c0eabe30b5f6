/** Users that nobody is: a process of such a user may neither signal nor look into the process of anybody else. */

import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { LockedError, takeLock } from "../batch/lock.js";

/** Above the ids that are given to people and services, below `nobody`. */
const FIRST = 60_000;
const COUNT = 4_000;

/** What each grader has for itself: two that draw at the same moment must not draw the same id. */
const BLOCK = 20;
/** So often are processes looked for that start others while they are killed. */
const ROUNDS = 20;
const claims = "/run/workbook-users";

let next = 0;
let own: number | undefined;

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** An id under which no process runs, of which no account is known, and which no other grader is about to use. */
export function unusedUser(): number {
  own ??= claimBlock();
  const taken = new Set([...accounts(), ...usersOfProcesses()]);
  for (let i = 0; i < BLOCK; i++) {
    const user = own + (next++ % BLOCK);
    if (!taken.has(user)) return user;
  }
  for (let user = FIRST; user < FIRST + COUNT; user++) if (!taken.has(user)) return user;
  throw new Error(`wall: expected a free user id from ${FIRST} on, but all ${COUNT} are in use`);
}

/** The first id of a block that is this process's until it ends; of any block where none can be claimed. */
function claimBlock(): number {
  const blocks = COUNT / BLOCK;
  const start = randomInt(blocks);
  for (let i = 0; i < blocks; i++) {
    const block = (start + i) % blocks;
    try {
      process.once("exit", takeLock(path.join(claims, String(block))));
      return FIRST + block * BLOCK;
    } catch (error) {
      // Without a folder for claims, chance must do.
      if (!(error instanceof LockedError)) break;
    }
  }
  return FIRST + start * BLOCK;
}

/** Kills all processes of such a user, which may have started others since. */
export function endProcessesOf(user: number): void {
  for (let round = 0; round < ROUNDS; round++) {
    const left = processes().filter((pid) => userOf(pid) === user);
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

function accounts(): number[] {
  let text = "";
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch {
    // There is nobody but root then.
  }
  return [...text.matchAll(/^[^:]*:[^:]*:(\d+):/gm)].map(([, user]) => Number(user));
}

function usersOfProcesses(): number[] {
  return processes().flatMap((pid) => userOf(pid) ?? []);
}

function userOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** None where there is no /proc. */
function processes(): number[] {
  let names: string[] = [];
  try {
    names = readdirSync("/proc");
  } catch {
    // There is none.
  }
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}
