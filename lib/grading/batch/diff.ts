/** What changed between two batches: whose grades, and which tests made the difference. */

import { printable } from "../submissions/submission.js";
import { byStudent, compare, type Outcome, statusOf } from "./outcome.js";
import { table } from "./table.js";

export interface Difference {
  readonly students: readonly GradeChange[];
  readonly tests: readonly TestChange[];
}

export interface GradeChange {
  readonly student: string;
  readonly slug: string;
  /** In words: "7 of 8", "could not be graded: types", "not there". */
  readonly before: string;
  readonly after: string;
}

export interface TestChange {
  readonly slug: string;
  readonly exercise: string;
  readonly sentence: string;
  /** Submissions that the test gave more, or fewer, points than before; new and removed tests count as zero points. */
  readonly gained: number;
  readonly lost: number;
}

export function difference(before: readonly Outcome[], after: readonly Outcome[]): Difference {
  const [old, now] = [byKey(before), byKey(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  const pairs = keys.map((key) => ({ old: old.get(key), now: now.get(key) }));
  const students = pairs
    .map(({ old, now }) => {
      const { student, slug } = (now ?? old)!;
      return { student, slug, before: gradeOf(old), after: gradeOf(now) };
    })
    .filter((change) => change.before !== change.after)
    .sort(byStudent);
  return { students, tests: testChanges(pairs) };
}

function testChanges(
  pairs: readonly { readonly old: Outcome | undefined; readonly now: Outcome | undefined }[],
): TestChange[] {
  const changes = new Map<string, TestChange>();
  for (const { old, now } of pairs) {
    // A submission that is new, or was not graded before, says nothing about a test.
    if (old === undefined || now === undefined) continue;
    if (statusOf(old) !== "graded" || statusOf(now) !== "graded") continue;
    const [was, is] = [pointsByTest(old), pointsByTest(now)];
    for (const key of new Set([...was.keys(), ...is.keys()])) {
      const by = (is.get(key) ?? 0) - (was.get(key) ?? 0);
      if (by === 0) continue;
      const [slug, exercise, sentence] = JSON.parse(key) as [string, string, string];
      const { gained, lost } = changes.get(key) ?? { gained: 0, lost: 0 };
      const counted = { gained: gained + (by > 0 ? 1 : 0), lost: lost + (by < 0 ? 1 : 0) };
      changes.set(key, { slug, exercise, sentence, ...counted });
    }
  }
  return [...changes].sort(([a], [b]) => compare(a, b)).map(([, change]) => change);
}

export function formatDifference({ students, tests }: Difference): string {
  if (students.length === 0 && tests.length === 0) return "no grade changed\n";
  const grades = students.map(({ student, slug, before, after }) => [
    printable(student),
    slug,
    before,
    "→",
    after,
  ]);
  const rows = tests.map(({ slug, exercise, sentence, gained, lost }) => [
    `${slug}.${exercise}`,
    String(gained),
    String(lost),
    sentence,
  ]);
  return [
    `grades that changed: ${students.length}\n${table(grades, [])}`,
    ...(tests.length === 0
      ? []
      : [`tests that changed them:\n${table([["exercise", "gained", "lost", "test"], ...rows], [1, 2])}`]),
  ].join("\n");
}

function byKey(outcomes: readonly Outcome[]): ReadonlyMap<string, Outcome> {
  return new Map(outcomes.map((outcome) => [JSON.stringify([outcome.student, outcome.slug]), outcome]));
}

function gradeOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "not there";
  const { report, reason } = outcome;
  const status = statusOf(outcome);
  if (status === "graded") return `${report.score} of ${report.maxScore}`;
  return status === "missing" ? status : `${status}: ${reason}`;
}

function pointsByTest({ slug, report }: Outcome): ReadonlyMap<string, number> {
  return new Map(
    report.exercises.flatMap(({ name, tests }) =>
      tests.map(({ sentence, points }) => [JSON.stringify([slug, name, sentence]), points] as const),
    ),
  );
}
