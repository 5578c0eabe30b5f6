/** `workbook grade`: submissions in, grades and feedback out. */

import { existsSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli.js";
import { difference, formatDifference } from "../grading/batch/diff.js";
import { parseRoster, type Roster } from "../grading/batch/grades.js";
import { LockedError } from "../grading/batch/lock.js";
import { mergeBatches } from "../grading/batch/merge.js";
import { byStudent, type Outcome, statusOf } from "../grading/batch/outcome.js";
import { type Format, formats, outputFiles, readOutcomes, writeOutputs } from "../grading/batch/outputs.js";
import { absent, planTasks, type Shard, shardOf } from "../grading/batch/plan.js";
import { BatchProgress } from "../grading/batch/progress.js";
import { BrokenGrader } from "../grading/batch/protocol.js";
import { locked, runSession } from "../grading/batch/session.js";
import { formatSummary } from "../grading/batch/summary.js";
import { unknownSlug } from "../grading/lessons.js";
import { describeWalls } from "../grading/wall/jail.js";
import { defaultLimits, longestSilence } from "../grading/wall/limits.js";

export const command: Command = {
  summary: "grade submissions: files, notebooks, zips, or a folder of them",
  usage: `npx workbook grade PATH... [--slug SLUG] [--out DIR] [--jobs N] [--seed SEED] [--timeout SECONDS]
         [--students FILE.csv] [--student ID] [--shard I/N] [--format ${formats.join(",")}] [--diff OLD]
       npx workbook grade --merge DIR... [--out DIR] [--students FILE.csv] [--format ...] [--diff OLD]
       npx workbook grade --diff OLD [--out DIR]`,
  async main(args) {
    const settings = readSettings(args);
    const { out, old, paths } = settings;
    let outcomes: readonly Outcome[];
    try {
      outcomes = await (settings.merge ? merge(settings) : paths.length > 0 ? grade(settings) : earlier(out));
    } catch (error) {
      if (!(error instanceof LockedError || error instanceof BrokenGrader)) throw error;
      process.stderr.write(`workbook grade: ${error.message}\n`);
      return error instanceof LockedError ? 2 : 1;
    }
    if (paths.length > 0) process.stdout.write(`${formatSummary(outcomes)}written to ${out}\n`);
    const isFailed = outcomes.some((outcome) => statusOf(outcome) === "could not be graded");
    if (old === undefined) return isFailed ? 1 : 0;
    const changes = difference(old, outcomes);
    process.stdout.write(`${paths.length > 0 ? "\n" : ""}${formatDifference(changes)}`);
    return isFailed || changes.students.length > 0 || changes.tests.length > 0 ? 1 : 0;
  },
};

type Settings = ReturnType<typeof readSettings>;

function readSettings(args: string[]) {
  const { values, positionals: paths } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      slug: { type: "string" },
      jobs: { type: "string" },
      out: { type: "string", default: "results" },
      format: { type: "string", default: formats.join(",") },
      seed: { type: "string", default: "1" },
      students: { type: "string" },
      student: { type: "string" },
      timeout: { type: "string" },
      shard: { type: "string" },
      merge: { type: "boolean", default: false },
      diff: { type: "string" },
    },
  });
  const { slug, out, seed, student, merge, diff } = values;
  if (paths.length === 0 && (merge || diff === undefined)) {
    throw new UsageError("expected at least one file or folder, got none");
  }
  if (student !== undefined && paths.length > 1) {
    throw new UsageError(`--student: expected one file or folder, got ${paths.length}`);
  }
  const unknown = slug === undefined ? undefined : unknownSlug(slug);
  if (unknown !== undefined) throw new UsageError(unknown);
  const strangers = paths.filter((given) => !existsSync(given));
  if (strangers.length > 0) throw new UsageError(`there is no ${strangers.join(", ")}`);
  if (existsSync(out) && !statSync(out).isDirectory()) throw new UsageError(`--out: ${out} is no folder`);
  return {
    ...{ paths, slug, out, seed, student, merge },
    jobs: values.jobs === undefined ? undefined : positive("--jobs", values.jobs, true),
    timeout: values.timeout === undefined ? undefined : positive("--timeout", values.timeout, false),
    wanted: formatsOf(values.format),
    roster: values.students === undefined ? new Map() : readRoster(values.students),
    shard: values.shard === undefined ? undefined : shardFrom(values.shard),
    // Read first: the new batch may be written into the same folder.
    old: diff === undefined ? undefined : orMisuse("--diff", () => readOutcomes(diff)),
  };
}

async function grade(settings: Settings): Promise<readonly Outcome[]> {
  const { paths, roster, shard, timeout } = settings;
  const found = await planTasks(paths, settings);
  const ours =
    shard === undefined
      ? undefined
      : shardOf([...found.map(({ student }) => student), ...roster.keys()], shard);
  const tasks = found.filter(({ student }) => ours?.has(student) ?? true);
  const expected = new Map([...roster].filter(([id]) => ours?.has(id) ?? true));
  if (tasks.length === 0 && found.length === 0) throw new UsageError(`no submissions in ${paths.join(", ")}`);
  const { walls, missing } = describeWalls();
  process.stderr.write(`walls around submissions: ${walls.join("; ")}\n`);
  for (const wall of missing) process.stderr.write(`a wall is missing: ${wall}\n`);
  const progress = new BatchProgress(process.stderr, tasks.length);
  const onInterrupt = () => {
    progress.close();
    process.stderr.write("\nstopped; the same command goes on where this one ended\n");
    process.exit(130);
  };
  process.once("SIGINT", onInterrupt);
  try {
    const { outcomes } = await runSession(tasks, {
      ...settings,
      expected,
      patience: 1000 * longestSilence({ seconds: timeout ?? defaultLimits.seconds }),
      onEvent: (event) => progress.on(event),
    });
    return outcomes;
  } finally {
    process.off("SIGINT", onInterrupt);
    progress.close();
  }
}

async function merge({ paths, out, roster, wanted, slug, seed }: Settings): Promise<readonly Outcome[]> {
  const { outcomes, timings } = orMisuse("--merge", () => mergeBatches(paths));
  const all = [...outcomes, ...absent(outcomes, roster, { slug, seed })].sort(byStudent);
  await locked(out, async () => writeOutputs(out, outputFiles(all, timings, { wanted, roster })));
  return all;
}

async function earlier(out: string): Promise<readonly Outcome[]> {
  return orMisuse("--out", () => readOutcomes(out));
}

function readRoster(file: string): Roster {
  return orMisuse(`--students ${file}`, () => parseRoster(readFileSync(file, "utf8")));
}

function formatsOf(text: string): Format[] {
  const names = text.split(",").map((name) => name.trim());
  const strangers = names.filter((name) => !(formats as readonly string[]).includes(name));
  if (strangers.length > 0) {
    throw new UsageError(`--format: expected some of ${formats.join(", ")}, got "${strangers.join(",")}"`);
  }
  return names as Format[];
}

function positive(option: string, text: string, whole: boolean): number {
  const value = Number(text);
  const isFine = whole
    ? Number.isInteger(value) && value >= 1 && value <= 1024
    : value > 0 && value <= 86_400;
  if (isFine) return value;
  throw new UsageError(
    `${option}: expected ${whole ? "a whole number from 1 to 1024" : "seconds above zero"}, got "${text}"`,
  );
}

function shardFrom(text: string): Shard {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new UsageError(`--shard: expected I/N with I from 1 to N, got "${text}"`);
  }
  return { index, count };
}

/** What the caller got wrong is one line and exit code 2. */
function orMisuse<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
}
