/** Remembers checks between kernels: one small JSON file per lesson. Losing it costs a learner one wait for a hint. */

import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { noTries, type Tries } from "./tries.js";

/** What is remembered of a lesson; nothing where the file is missing or damaged. */
export function readTries(folder: string, slug: string): Tries {
  try {
    const read: unknown = JSON.parse(readFileSync(at(folder, slug), "utf8"));
    return isTries(read) ? read : noTries;
  } catch {
    return noTries;
  }
}

/**
 * Remembers a lesson's tries. Of two checks at the same moment one is forgotten; neither reads half a file. A folder that
 * cannot be written to (a read-only disk) is no reason to fail a check.
 */
export function writeTries(folder: string, slug: string, tries: Tries): void {
  const file = at(folder, slug);
  const temporary = `${file}.${randomUUID()}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(tries)}\n`);
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** Forgets a lesson's tries: its exercises start anew. */
export function forgetTries(folder: string, slug: string): void {
  rmSync(at(folder, slug), { force: true });
}

function at(folder: string, slug: string): string {
  return path.join(folder, `${slug}.json`);
}

function isTries(value: unknown): value is Tries {
  if (!isRecord(value) || !isRecord(value.exercises)) return false;
  if (value.file !== undefined && typeof value.file !== "string") return false;
  return Object.values(value.exercises).every(
    (each) => isRecord(each) && typeof each.answer === "string" && Number.isSafeInteger(each.failures),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
