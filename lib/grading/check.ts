/** `await check("start-here")`: judges a lesson's exercises in the notebook and shows what came out. */

import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { display } from "../display.js";
import { root } from "../root.js";
import { answerFingerprints, fileFingerprints, fingerprint } from "./fingerprint.js";
import type { Graded } from "./graded.js";
import { handout } from "./handout.js";
import { judge } from "./judge.js";
import { judgeFile } from "./judge-submission.js";
import { exerciseFiles, loadGraded, unknownSlug } from "./lessons.js";
import { capped } from "./output.js";
import type { Report } from "./report.js";
import { reportBundle } from "./report-view.js";
import { studentReport } from "./student-report.js";
import { inProcess } from "./subject.js";
import { atThisTry, recordTries, type Submitted } from "./tries.js";
import { readTries, writeTries } from "./tries-file.js";

export interface CheckOptions {
  /** Draws the tests' inputs; the same every time unless given, so that two checks can be compared. */
  readonly seed?: string | number;
  /** The folder that remembers earlier checks, absolute; the workbook's own unless given. */
  readonly memory?: string;
}

/**
 * Judges `exercises/<slug>.ts`, behind the wall, or the functions and constants given, in this process, and shows the
 * report. It returns nothing, so that a kernel that prints a cell's last value adds nothing to the report; `judged`
 * returns it. What the file's answers print appears under the cell, the beginning of it.
 *
 * An answer that is wrong, throws or is missing is part of the report, and so is a file that does not compile:
 * none of them throws. Await it: tensors that other code makes while tests run are freed with the tests' own.
 *
 * In a hand-out, where there are no graded tests, it says what can be told without them.
 *
 * @param answers exercise name → answer; only these exercises are judged then.
 * @throws Error for a slug or an exercise that does not exist, with those that do.
 */
export async function check(
  slug: string,
  answers?: Record<string, unknown>,
  options: CheckOptions = {},
): Promise<void> {
  rejectUnknown(slug);
  const handedOut = handout()?.lessons[slug];
  if (handedOut === undefined) return void display(reportBundle(await judged(slug, answers, options)));
  const { handoutCheck } = await import("./handout-check.js");
  const { handoutBundle } = await import("./handout-view.js");
  display(handoutBundle(await handoutCheck(slug, handedOut, answers)));
}

/** The report that `check` shows: the student's, with the hints that are due at this try. The try is remembered. */
export async function judged(
  slug: string,
  answers?: Record<string, unknown>,
  { seed = 1, memory = path.join(root, ".cache/checks") }: CheckOptions = {},
): Promise<Report> {
  rejectUnknown(slug);
  const graded = await loadGraded(slug);
  const options = { seed: String(seed) };
  const print = capped((text) => process.stdout.write(text));
  const { exercise } = exerciseFiles(slug);
  const submitted =
    answers === undefined ? fromFile(graded, exercise) : { answers: answerFingerprints(answers) };
  const report = studentReport(
    answers === undefined
      ? { ...(await judgeFile(graded, exercise, { ...options, onOutput: print })), file: exercise }
      : await judgeAnswers(graded, answers, options.seed),
  );
  const before = readTries(memory, slug);
  writeTries(memory, slug, recordTries(before, report, submitted));
  return atThisTry(report, submitted, before, answers === undefined ? lastSaved(exercise) : undefined);
}

function rejectUnknown(slug: string): void {
  const unknown = unknownSlug(slug);
  if (unknown !== undefined) throw new Error(`check: ${unknown}`);
}

function fromFile(graded: Graded, file: string): Submitted {
  const absolute = path.join(root, file);
  const text = existsSync(absolute) ? readFileSync(absolute, "utf8") : "";
  const names = graded.exercises.map(({ name }) => name);
  return { file: fingerprint(text), answers: fileFingerprints(text, names) };
}

/** "12 minutes ago", which unlike a time of day does not depend on where the kernel runs. */
function lastSaved(file: string): string | undefined {
  const stats = statSync(path.join(root, file), { throwIfNoEntry: false });
  return stats === undefined ? undefined : ago(Date.now() - stats.mtimeMs);
}

export function ago(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return "less than a minute ago";
  const units = [
    ["day", Math.floor(minutes / 1440)],
    ["hour", Math.floor(minutes / 60)],
    ["minute", minutes],
  ] as const;
  const [unit, count] = units.find(([, n]) => n >= 1)!;
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

function judgeAnswers(graded: Graded, answers: Record<string, unknown>, seed: string): Promise<Report> {
  const names = graded.exercises.map(({ name }) => name);
  const only = Object.keys(answers);
  const strangers = only.filter((name) => !names.includes(name));
  if (strangers.length > 0 || only.length === 0) {
    const got = only.length === 0 ? "nothing" : strangers.join(", ");
    throw new Error(`check: expected answers among ${names.join(", ")} ("${graded.slug}"), got ${got}`);
  }
  return judge(graded, inProcess(answers), { seed, only });
}
