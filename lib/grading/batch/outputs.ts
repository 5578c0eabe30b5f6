/** The files of a finished batch: which there are, and how they get into the folder. */

import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { feedbackPage } from "./feedback.js";
import type { Timing } from "./grade.js";
import { gradesCsv, type Roster, timingsCsv } from "./grades.js";
import { gradescopeResults } from "./gradescope.js";
import { unfinished } from "./journal.js";
import { junit } from "./junit.js";
import type { Outcome } from "./outcome.js";
import { folderNames } from "./safe-name.js";

export const formats = ["json", "csv", "junit", "gradescope", "html"] as const;
export type Format = (typeof formats)[number];

/** Path inside the folder → content. Everything but `timings.csv` is the same for the same outcomes. */
export function outputFiles(
  outcomes: readonly Outcome[],
  timings: readonly Timing[],
  { wanted, roster }: { readonly wanted: readonly Format[]; readonly roster: Roster },
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  if (wanted.includes("json")) files.set("report.json", json({ version: 1, outcomes }));
  if (wanted.includes("csv")) files.set("grades.csv", gradesCsv(outcomes, roster));
  if (wanted.includes("junit")) files.set("junit.xml", junit(outcomes));
  for (const [student, folder] of folderNames(outcomes.map(({ student }) => student))) {
    const own = outcomes.filter((outcome) => outcome.student === student);
    if (wanted.includes("gradescope")) files.set(`${folder}/results.json`, json(gradescopeResults(own)));
    if (wanted.includes("html"))
      files.set(`${folder}/feedback.html`, feedbackPage(fullName(student, roster), own));
  }
  files.set("timings.csv", timingsCsv(timings));
  return files;
}

/**
 * Writes each file whole, and removes those that an earlier batch wrote here and this one did not. Waits for no disk:
 * should the power fail, the same command makes them again out of the journal.
 */
export function writeOutputs(out: string, files: ReadonlyMap<string, string>): void {
  const journal = path.join(out, ".journal");
  const list = path.join(journal, "files");
  mkdirSync(journal, { recursive: true });
  const write = (file: string, content: string) => {
    const temporary = path.join(journal, `${unfinished}${process.pid}`);
    writeFileSync(temporary, content);
    mkdirSync(path.dirname(file), { recursive: true });
    renameSync(temporary, file);
  };
  const earlier = readList(list);
  // Both, in case the batch is killed half way.
  write(list, JSON.stringify([...new Set([...earlier, ...files.keys()])]));
  for (const [file, content] of files) write(path.join(out, file), content);
  for (const file of earlier.filter((file) => !files.has(file))) remove(out, file);
  write(list, JSON.stringify([...files.keys()]));
}

/** @throws Error, one sentence long, where there is no report of a batch. */
export function readOutcomes(out: string): readonly Outcome[] {
  const file = path.join(out, "report.json");
  let report: { readonly version?: unknown; readonly outcomes?: unknown };
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new Error(`${file}: expected the report of an earlier batch (--format json writes it)`);
  }
  if (report.version !== 1 || !Array.isArray(report.outcomes)) {
    throw new Error(`${file}: expected a report of version 1, got ${JSON.stringify(report.version)}`);
  }
  return report.outcomes as Outcome[];
}

function fullName(student: string, roster: Roster): string {
  const { firstName = "", lastName = "" } = roster.get(student) ?? {};
  const name = `${firstName} ${lastName}`.trim();
  return name === "" ? student : name;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readList(file: string): string[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as string[];
  } catch {
    return [];
  }
}

function remove(out: string, file: string): void {
  rmSync(path.join(out, file), { force: true });
  try {
    if (path.dirname(file) !== ".") rmdirSync(path.join(out, path.dirname(file)));
  } catch {
    // Somebody put something else there.
  }
}
