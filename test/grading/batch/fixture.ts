/** A folder of made-up submissions, and the batch over it with the judge that stands in. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { BatchEvent } from "workbook/grading/batch/grade";
import type { Task } from "workbook/grading/batch/outcome";
import { formats } from "workbook/grading/batch/outputs";
import { runSession, type SessionOptions } from "workbook/grading/batch/session";

export interface Fixture {
  readonly folder: string;
  readonly out: string;
  /** Writes a submission whose text says how the judge takes it. */
  write(student: string, text: string): void;
  tasks(): Task[];
  /** Runs the batch; `events` tells what happened. */
  run(options?: Partial<SessionOptions>): Promise<{ readonly events: readonly BatchEvent[] }>;
  /** Every file of the result but `timings.csv` and the journal, by path. */
  files(out?: string): Record<string, string>;
  remove(): void;
}

export const standIn: string = fileURLToPath(new URL("./stand-in.js", import.meta.url));

export function fixture(): Fixture {
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-batch-"));
  const [submissions, out] = [path.join(folder, "submissions"), path.join(folder, "out")];
  mkdirSync(submissions);
  return {
    folder,
    out,
    write: (student, text) => writeFileSync(path.join(submissions, `${student}.ts`), text),
    tasks: () => tasksIn(submissions),
    async run(options = {}) {
      const events: BatchEvent[] = [];
      await runSession(tasksIn(submissions), {
        ...sessionOptions(out),
        onEvent: (event) => events.push(event),
        ...options,
      });
      return { events };
    },
    files: (from = out) => filesIn(from),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function sessionOptions(out: string): SessionOptions {
  const roster = new Map();
  return {
    ...{ out, slug: undefined, seed: "1", jobs: 2, wanted: formats, expected: roster, roster },
    ...{ patience: 60_000, onEvent: () => {}, judge: standIn },
  };
}

export function tasksIn(submissions: string): Task[] {
  return readdirSync(submissions)
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => {
      const [file, student] = [path.join(submissions, name), path.parse(name).name];
      return { student, path: file, submitted: statSync(file).mtime.toISOString(), seed: `1/${student}` };
    });
}

function filesIn(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).sort();
  const kept = names.filter((name) => !name.startsWith(".journal") && name !== "timings.csv");
  const files = kept.filter((name) => statSync(path.join(out, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(path.join(out, name), "utf8")]));
}
