// `npm run bench:grading`: submissions per minute, ours against nbgrader's on the same exercises, and where time goes.
import { rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { useBackend } from "../../backend.js";
import { root } from "../../root.js";
import { readOutcomes } from "../batch/outputs.js";
import { table } from "../batch/table.js";
import { bundle } from "../wall/bundle.js";
import { describeWalls } from "../wall/jail.js";
import { type Kind, kinds, makeClass, mix, slug, writeClass } from "./class.js";
import { measured } from "./core-seconds.js";
import { installNbgrader, timeNbgrader } from "./nbgrader.js";
import { type Measured, measureCheck, measureSteps } from "./phases.js";

/** Seconds that an exercise, or a cell of nbgrader's, may take. */
const TIMEOUT = 10;
const JOBS = 2;
/** The same mix but for who hangs; those are timed by themselves. */
const nbgraderClass: Readonly<Record<Kind, number>> = {
  ...{ right: 11, wrong: 4, stub: 2, "type error": 1, "syntax error": 1, hanging: 0 },
};

const folder = path.join(root, ".cache/bench-grading");
const print = (text: string) => process.stdout.write(`${text}\n`);

const { walls, missing } = describeWalls();
print(`${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores, Node ${process.version}`);
print(`walls: ${walls.join("; ")}`);
for (const wall of missing) print(`missing: ${wall}`);

const students = makeClass(mix);
const hanging = students.filter(([kind]) => kind === "hanging");
const others = students.filter(([kind]) => kind !== "hanging");
const mixture = kinds.map((kind) => `${mix[kind]} ${kind}`).join(", ");
print(`\n${students.length} submissions of "${slug}" (2 exercises, 5 tests): ${mixture}`);
print(`${TIMEOUT} s for an exercise of ours, or a cell of nbgrader's\n`);

rmSync(folder, { recursive: true, force: true });
const ours = timeOurs();
const theirs = timeTheirs();
const rate = (count: number, seconds: number) => ((60 * count) / seconds).toFixed(0);
const row = (what: string, count: number, mine: number, other: number) => [
  what,
  rate(count, mine),
  rate(count, other),
  (other / mine).toFixed(1),
];
print(
  table(
    [
      ["submissions a minute", `workbook grade --jobs ${JOBS}`, "nbgrader autograde", "ratio"],
      row("none hangs", others.length, ours.others, theirs.others),
      row("all", students.length, ours.others + ours.hanging, theirs.others + theirs.hanging),
    ],
    [1, 2, 3],
  ),
);

await useBackend();
const right = others.find(([kind]) => kind === "right")![1];
print("where the time of a right submission goes, in ms, one at a time:");
print(stepTable(await measureSteps(slug, path.join(folder, "class", `${right}.ts`), 20)));
print("check() in a notebook, in ms:");
print(stepTable(await measureCheck("transformer", 10)));
// The type checker's server would keep this process alive.
process.exit();

interface Seconds {
  /** For the class without who hangs. */
  readonly others: number;
  /** What the hanging ones add. */
  readonly hanging: number;
}

/** The class without who hangs; then the whole class from the start, since others go on while one hangs. */
function timeOurs(): Seconds {
  writeClass(path.join(folder, "class"), others);
  bundle();
  const most = grade("others");
  writeClass(path.join(folder, "class"), students);
  const all = grade("all");
  const cores = ({ seconds, coreSeconds }: Graded) =>
    `${seconds.toFixed(1)} s${coreSeconds === undefined ? "" : ` (${coreSeconds.toFixed(1)} core-seconds)`}`;
  print(`workbook grade: ${cores(most)}, and ${cores(all)} with the ${hanging.length} that hang`);
  return { others: most.seconds, hanging: all.seconds - most.seconds };
}

type Graded = ReturnType<typeof measured>;

function grade(name: string): Graded {
  const out = path.join(folder, name);
  const options = ["--slug", slug, "--out", out, "--jobs", String(JOBS), "--timeout", String(TIMEOUT)];
  const program = path.join(root, "lib/bin/workbook.mjs");
  const result = measured([process.execPath, program, "grade", path.join(folder, "class"), ...options]);
  // 1: the syntax errors could not be graded.
  if (result.status !== 1) throw new Error(`bench: workbook grade ended with ${result.status}`);
  verify(out);
  return result;
}

/** A grader that is fast and wrong is no match. */
function verify(out: string): void {
  const wanted: Readonly<Record<Kind, (score: number, reason: string) => boolean>> = {
    right: (score) => score === 5,
    wrong: (score) => score > 0 && score < 5,
    stub: (score, reason) => score === 0 && reason === "",
    "type error": (score) => score === 3,
    "syntax error": (_, reason) => reason === "unparsable",
    hanging: (score) => score === 3,
  };
  const outcomes = new Map(readOutcomes(out).map((outcome) => [outcome.student, outcome]));
  for (const [kind, student] of students) {
    const outcome = outcomes.get(student);
    if (outcome === undefined && kind === "hanging") continue;
    const { report, reason } = outcome!;
    if (!wanted[kind](report.score, reason)) {
      throw new Error(`bench: ${student} (${kind}) got ${report.score}, "${reason}"`);
    }
  }
}

/** The time of some of each kind, in one run as nbgrader works, and of one that hangs; weighted by the mix. */
function timeTheirs(): Seconds {
  installNbgrader();
  const some = makeClass(nbgraderClass);
  const time = (name: string, them: typeof some) => timeNbgrader(path.join(folder, name), them, TIMEOUT);
  const one = time("nbgrader-one", [["right", "student"]]);
  const all = time("nbgrader", some);
  const each = (all - one) / (some.length - 1);
  const start = one - each;
  const stuck = time("nbgrader-hanging", [["hanging", "student"]]) - start;
  print(
    `nbgrader: ${some.length} submissions in ${all.toFixed(1)} s, of which ${start.toFixed(1)} s to start; ` +
      `${stuck.toFixed(1)} s for one that hangs\n`,
  );
  return { others: start + each * others.length, hanging: stuck * hanging.length };
}

function stepTable({ first, median }: Measured): string {
  const sum = (steps: Measured["first"]) => Object.values(steps).reduce((a, b) => a + b, 0);
  const rows = Object.keys(first).map((step) => [step, first[step]!.toFixed(0), median[step]!.toFixed(1)]);
  const all = ["all", sum(first).toFixed(0), sum(median).toFixed(1)];
  return table([["step", "first", "then"], ...rows, all], [1, 2]);
}
