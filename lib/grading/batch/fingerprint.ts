/** What a judgement depends on, as one hash: when any of it changes, the submission is graded anew. */

import { createHash, type Hash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { root } from "../../root.js";
import { exerciseFiles } from "../lessons.js";
import type { Task } from "./outcome.js";

/** Beyond this, size and time stand for the content: such a file will be refused as too large anyway. */
const LARGEST = 64 * 2 ** 20;

/** @param grader from `graderFingerprint`. */
export function fingerprint(task: Task, grader: string): string {
  const { student, path: file, slug, seed, timeout } = task;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([grader, student, file, slug ?? null, seed, timeout ?? null]));
  addEntry(hash, file, "");
  return hash.digest("hex");
}

/** The compiled library, the locked packages, and the tests and signatures that judge. */
export function graderFingerprint(slug: string | undefined): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([process.version, process.env.WORKBOOK_BACKEND ?? ""]));
  const judging = slug === undefined ? ["test/graded", "solutions"] : filesOf(slug);
  for (const entry of ["lib/dist/lib", "package-lock.json", ...judging]) {
    addEntry(hash, path.join(root, entry), "");
  }
  return hash.digest("hex");
}

function filesOf(slug: string): string[] {
  const { graded, solution } = exerciseFiles(slug);
  return [graded, solution];
}

/** Name, kind and content of everything below; links are not followed, pipes and devices not opened. */
function addEntry(hash: Hash, entry: string, name: string): void {
  const stat = lstatSync(entry, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isSymbolicLink()) {
    hash.update(JSON.stringify([name, "link", readlinkSync(entry)]));
  } else if (stat.isDirectory()) {
    hash.update(JSON.stringify([name, "folder"]));
    for (const child of readdirSync(entry).sort()) {
      addEntry(hash, path.join(entry, child), `${name}/${child}`);
    }
  } else if (stat.isFile()) {
    const isHuge = stat.size > LARGEST;
    hash.update(JSON.stringify([name, "file", stat.size, isHuge ? stat.mtimeMs : null]));
    if (!isHuge) addContent(hash, entry);
  } else {
    hash.update(JSON.stringify([name, "special"]));
  }
}

function addContent(hash: Hash, file: string): void {
  const handle = openSync(file, "r");
  try {
    const chunk = Buffer.allocUnsafe(2 ** 20);
    for (;;) {
      const count = readSync(handle, chunk);
      if (count === 0) return;
      hash.update(chunk.subarray(0, count));
    }
  } finally {
    closeSync(handle);
  }
}
