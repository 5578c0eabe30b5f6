/** From what the command was given to what is to be judged, and which rows come out of it. */

import { statSync } from "node:fs";
import path from "node:path";
import { findSubmissions } from "../submissions/read.js";
import type { Roster } from "./grades.js";
import { compare, type Outcome, type Task, ungraded } from "./outcome.js";

export interface PlanOptions {
  readonly slug: string | undefined;
  readonly seed: string;
  readonly timeout: number | undefined;
  /** Every path is this one student's, instead of a folder of students. */
  readonly student: string | undefined;
}

/**
 * A task for each submission, in the order of students.
 *
 * @param paths folders of submissions named by student, or single files named by student; they are there.
 */
export async function planTasks(paths: readonly string[], options: PlanOptions): Promise<Task[]> {
  const found = await Promise.all(paths.map((given) => findBelow(given, options)));
  return found.flat().sort((a, b) => compare(a.student, b.student) || compare(a.path, b.path));
}

async function findBelow(given: string, { slug, seed, timeout, student }: PlanOptions): Promise<Task[]> {
  const stat = statSync(given);
  const known = slug === undefined ? {} : { slug };
  const found =
    student === undefined && stat.isDirectory()
      ? await findSubmissions(given, known)
      : [{ student: student ?? path.parse(given).name, path: given, modified: stat.mtime, ...known }];
  return found.map(({ modified, ...rest }) => ({
    ...rest,
    submitted: modified.toISOString(),
    seed: `${seed}/${rest.student}`,
    ...(timeout === undefined ? {} : { timeout }),
  }));
}

/** The `index`-th of `count` parts of a class (from 1); a student's submissions stay together. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Every `count`-th student of all that are known, so that each machine gets as many as the others. */
export function shardOf(students: Iterable<string>, { index, count }: Shard): ReadonlySet<string> {
  const sorted = [...new Set(students)].sort(compare);
  return new Set(sorted.filter((_, i) => i % count === index - 1));
}

/** A row for each student of the list who handed nothing in, for each lesson that others handed in. */
export function absent(
  outcomes: readonly Outcome[],
  roster: Roster,
  { slug, seed }: { readonly slug: string | undefined; readonly seed: string },
): Outcome[] {
  const seen = outcomes.map((outcome) => outcome.slug).filter((name) => name !== "");
  const slugs = slug === undefined ? [...new Set(seen)].sort(compare) : [slug];
  return [...roster.keys()].flatMap((student) => {
    const own = outcomes.filter((outcome) => outcome.student === student);
    // A submission whose lesson nobody knows may be any of them.
    if (own.some((outcome) => outcome.slug === "")) return [];
    return (slugs.length === 0 ? [""] : slugs)
      .filter((name) => !own.some((outcome) => outcome.slug === name))
      .map((name) => {
        const task = { student, slug: name, submitted: "", seed: `${seed}/${student}` };
        return ungraded(task, "missing", "nothing was handed in");
      });
  });
}

/** Two submissions of one student for one lesson: nobody can say which one counts, so neither does. */
export function withoutDuplicates(outcomes: readonly Outcome[]): Outcome[] {
  return [...byRow(outcomes).values()].map((rows) => {
    const [first] = rows;
    if (rows.length === 1) return first!;
    // In whatever order they were judged.
    const files = rows.map(({ report }) => report.file ?? "?").sort(compare);
    const submitted = rows
      .map((row) => row.submitted)
      .sort(compare)
      .at(-1)!;
    const task = { ...first!, seed: first!.report.seed, submitted };
    return ungraded(
      task,
      "duplicate",
      `expected one file for ${first!.slug}, got ${rows.length}: ${files.join(", ")}`,
    );
  });
}

function byRow(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const { student, slug, report } = outcome;
    // A file whose lesson nobody knows is no second try at another.
    const key = JSON.stringify([student, slug, ...(slug === "" ? [report.file, report.message] : [])]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return groups;
}
