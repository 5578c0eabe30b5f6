/** `grades.csv` in nbgrader's columns, `timings.csv`, and the list of students that fills names in. */

import { parse } from "csv-parse/sync";
import { csv } from "./csv.js";
import type { Timing } from "./grade.js";
import { maxScores, type Outcome, statusOf } from "./outcome.js";

export interface Student {
  readonly id: string;
  readonly lastName: string;
  readonly firstName: string;
  readonly email: string;
}

export type Roster = ReadonlyMap<string, Student>;

/** Nbgrader's columns, then ours. */
const header = [
  ...["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"],
  ...["raw_score", "late_submission_penalty", "score", "max_score", "status", "reason"],
];

/**
 * A row for each submission. What could not be graded has no score at all, and `status` and `reason` say why: a
 * spreadsheet's sum must not take it for a zero.
 */
export function gradesCsv(outcomes: readonly Outcome[], roster: Roster = new Map()): string {
  const most = maxScores(outcomes);
  const rows = outcomes.map((outcome) => {
    const { student, slug, submitted, report } = outcome;
    const { lastName = "", firstName = "", email = "" } = roster.get(student) ?? {};
    const status = statusOf(outcome);
    const isGraded = status === "graded";
    const score = isGraded ? report.score : undefined;
    const reason = isGraded ? "" : [outcome.reason, report.message].filter((text) => text !== "").join(": ");
    return [
      ...[slug, "", submitted, student, lastName, firstName, email],
      ...[score, isGraded ? 0 : undefined, score, most.get(slug), status, firstLine(reason)],
    ];
  });
  return csv(header, rows);
}

/** Seconds for each exercise, and for all of a submission: the only file that differs from run to run. */
export function timingsCsv(timings: readonly Timing[]): string {
  const rows = timings.flatMap(({ student, slug, seconds, total }) =>
    [...Object.entries(seconds), ["(all)", total] as const].map(([exercise, time]) => [
      ...[student, slug, exercise, time.toFixed(3)],
    ]),
  );
  return csv(["student_id", "assignment", "exercise", "seconds"], rows);
}

/** The list of students is not what it should be; the message says how. */
export class RosterError extends Error {
  override readonly name = "RosterError";
}

/**
 * @param text CSV with a header: `id`, and `last_name`, `first_name`, `email` where known.
 * @throws RosterError when it is no CSV, has no column `id`, an empty id or one that stands there twice.
 */
export function parseRoster(text: string): Roster {
  let rows: Record<string, string>[];
  try {
    rows = parse(text, { bom: true, columns: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    throw new RosterError(`expected CSV with a header; ${(error as Error).message}`);
  }
  const roster = new Map<string, Student>();
  for (const [i, row] of rows.entries()) {
    const { id = "", last_name: lastName = "", first_name: firstName = "", email = "" } = row;
    if (id === "") throw new RosterError(`expected an "id" in each row, got none in row ${i + 1}`);
    if (roster.has(id)) throw new RosterError(`expected each "id" once, got "${id}" twice`);
    roster.set(id, { id, lastName, firstName, email });
  }
  return roster;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
