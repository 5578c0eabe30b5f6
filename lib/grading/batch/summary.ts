/** What the terminal shows when a batch is done: a table of exercises, and each submission without a grade. */

import { printable } from "../submissions/submission.js";
import { compare, type Outcome, statusOf } from "./outcome.js";
import { table } from "./table.js";

export function formatSummary(outcomes: readonly Outcome[]): string {
  const graded = outcomes.filter((outcome) => statusOf(outcome) === "graded");
  const failed = outcomes.filter((outcome) => statusOf(outcome) === "could not be graded");
  const missing = outcomes.filter((outcome) => statusOf(outcome) === "missing");
  const slugs = [...new Set(graded.map(({ slug }) => slug))].sort(compare);
  const tables = slugs.map((slug) =>
    lessonTable(
      slug,
      graded.filter((outcome) => outcome.slug === slug),
    ),
  );
  return [
    ...tables,
    `${graded.length} graded, ${failed.length} could not be graded, ${missing.length} missing\n`,
    ...(failed.length === 0 ? [] : [`could not be graded (no zero: they have no score):\n${list(failed)}`]),
    ...(missing.length === 0 ? [] : [`missing: ${missing.map(nameOf).join(", ")}\n`]),
  ].join("\n");
}

function lessonTable(slug: string, outcomes: readonly Outcome[]): string {
  const names = outcomes[0]!.report.exercises.map(({ name }) => name);
  const row = (label: string, points: readonly number[], most: number) => [
    label,
    String(most),
    mean(points).toFixed(2),
    round(median(points)),
    // What was skipped is worth nothing here, and nobody got all or nothing of it.
    String(points.filter((value) => most > 0 && value === most).length),
    String(points.filter((value) => most > 0 && value === 0).length),
  ];
  const rows = names.map((name, i) => {
    const exercises = outcomes.map(({ report }) => report.exercises[i]!);
    return row(
      name,
      exercises.map(({ points }) => points),
      exercises[0]!.maxPoints,
    );
  });
  const all = row(
    "all",
    outcomes.map(({ report }) => report.score),
    outcomes[0]!.report.maxScore,
  );
  const header = ["exercise", "points", "mean", "median", "full", "zero"];
  return `${slug}: ${outcomes.length} graded\n${table([header, ...rows, all], [1, 2, 3, 4, 5])}`;
}

function list(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const [first = ""] = outcome.report.message.split("\n", 1);
    return [nameOf(outcome), printable(outcome.reason), printable(first)];
  });
  return table(rows, []);
}

function nameOf({ student, slug }: Outcome): string {
  return printable(slug === "" ? student : `${student} (${slug})`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
