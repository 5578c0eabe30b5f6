/** Puts the folders of several machines together, as if one had graded the whole class. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "csv-parse/sync";
import type { Batch, Timing } from "./grade.js";
import { byStudent } from "./outcome.js";
import { readOutcomes } from "./outputs.js";

/** @throws Error, one sentence long, where a folder holds no report, or two folders the same student's lesson. */
export function mergeBatches(folders: readonly string[]): Batch {
  const seen = new Map<string, string>();
  const outcomes = folders.flatMap((folder) => {
    const rows = readOutcomes(folder);
    for (const { student, slug } of rows) {
      const key = JSON.stringify([student, slug]);
      const other = seen.get(key);
      if (other !== undefined && other !== folder) {
        throw new Error(
          `expected each student in one folder, got ${student} (${slug}) in ${other} and ${folder}`,
        );
      }
      seen.set(key, folder);
    }
    return rows;
  });
  return { outcomes: outcomes.sort(byStudent), timings: folders.flatMap(readTimings).sort(byStudent) };
}

function readTimings(folder: string): Timing[] {
  const file = path.join(folder, "timings.csv");
  const rows = parse(readFileSync(file), { columns: true }) as Record<string, string>[];
  const timings = new Map<
    string,
    { student: string; slug: string; seconds: Record<string, number>; total: number }
  >();
  for (const { student_id: student = "", assignment: slug = "", exercise = "", seconds = "" } of rows) {
    const key = JSON.stringify([student, slug]);
    const timing = timings.get(key) ?? { student, slug, seconds: {}, total: 0 };
    if (exercise === "(all)") timing.total = Number(seconds);
    else timing.seconds[exercise] = Number(seconds);
    timings.set(key, timing);
  }
  return [...timings.values()];
}
