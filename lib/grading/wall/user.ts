/** Users that nobody is: a process of such a user may neither signal nor look into the process of anybody else. */

import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";

/** Above the ids that are given to people and services, below `nobody`. */
const FIRST = 60_000;
const COUNT = 4_000;

/** Graders that work side by side begin at different ones. */
let next = randomInt(COUNT);

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** An id under which no process runs, and of which no account is known. */
export function unusedUser(): number {
  const taken = new Set([...accounts(), ...usersOfProcesses()]);
  for (let i = 0; i < COUNT; i++) {
    const user = FIRST + (next++ % COUNT);
    if (!taken.has(user)) return user;
  }
  throw new Error(`wall: expected a free user id from ${FIRST} on, but all ${COUNT} are in use`);
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

/** None where there is no /proc. */
function usersOfProcesses(): number[] {
  let names: string[] = [];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const user = statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid;
    return user === undefined ? [] : [user];
  });
}
