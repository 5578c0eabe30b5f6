/** A hand-out: the workbook as learners of a course get it, without solutions and graded tests. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../root.js";

/** Marks a hand-out, and says what is asked in it; at the root of the hand-out. */
export const HANDOUT_FILE = "handout.json";

/** What a hand-out knows of a lesson's graded tests: nothing but what they ask for. */
export interface HandoutLesson {
  readonly exercises: readonly { readonly name: string; readonly title: string; readonly points: number }[];
  /** Modules that an answer may not import. */
  readonly withheld: readonly string[];
}

export interface Handout {
  readonly lessons: Readonly<Record<string, HandoutLesson>>;
}

/** What this hand-out asks for; undefined in the workbook itself. */
export function handout(folder: string = root): Handout | undefined {
  const file = path.join(folder, HANDOUT_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Handout) : undefined;
}

/** An exercise as it was handed out, for `workbook reset`; relative to the root. */
export function handedOut(slug: string): string {
  return `exercises/.released/${slug}.ts`;
}
