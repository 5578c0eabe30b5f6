/** A made-up class for the benchmark: one lesson, handed in right, wrong, untouched, broken and hanging. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../root.js";
import { exerciseFiles } from "../lessons.js";
import { releaseText } from "../release.js";

export const kinds = ["right", "wrong", "stub", "type error", "syntax error", "hanging"] as const;
export type Kind = (typeof kinds)[number];

/** Of 200 submissions, so many of each kind. */
export const mix: Readonly<Record<Kind, number>> = {
  right: 112,
  wrong: 40,
  stub: 20,
  "type error": 14,
  "syntax error": 10,
  hanging: 4,
};

export const slug = "start-here";

/** `[kind, student]` of a class of that size, the kinds spread evenly. */
export function makeClass(counts: Readonly<Record<Kind, number>>): (readonly [Kind, string])[] {
  const all = kinds.flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, i) => ({ kind, place: (i + 0.5) / counts[kind] })),
  );
  all.sort((a, b) => a.place - b.place);
  return all.map(({ kind }, i) => [kind, `student-${String(i + 1).padStart(3, "0")}`]);
}

/** Writes one file for each student. */
export function writeClass(folder: string, students: readonly (readonly [Kind, string])[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [kind, student] of students) {
    // Nobody hands in the same bytes as somebody else.
    writeFileSync(path.join(folder, `${student}.ts`), `${textOf(kind)}\n// ${student}\n`);
  }
}

function textOf(kind: Kind): string {
  const solution = readFileSync(path.join(root, exerciseFiles(slug).solution), "utf8");
  const stub = releaseText(slug, solution).text;
  const answers: Readonly<Record<Kind, string>> = {
    right: solution,
    wrong: changed(
      changed(solution, "tf.max(scores, 1, true)", "tf.max(scores)"),
      "(T * (T + 1)) / 2",
      "T * T",
    ),
    stub,
    "type error": changed(solution, "(T * (T + 1)) / 2", "String((T * (T + 1)) / 2)"),
    "syntax error": changed(solution, "tf.exp(shifted);", "tf.exp(shifted;"),
    hanging: changed(solution, "return (T * (T + 1)) / 2;", "for (;;) T++;"),
  };
  return answers[kind];
}

function changed(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`bench: solutions/${slug}.ts holds no "${from}"`);
  return text.replace(from, to);
}
