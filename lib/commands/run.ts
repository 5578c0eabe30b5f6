/** `workbook run`: run notebooks without a browser over the Jupyter protocol. */

import { mkdirSync, realpathSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli.js";
import { findKernel, KernelSpecError } from "../jupyter/kernelspec.js";
import { NotebookError, readNotebook, writeNotebook } from "../jupyter/notebook.js";
import { formatFailure, formatTable, Progress } from "../jupyter/report.js";
import { type Job, type Report, runNotebooks } from "../jupyter/run.js";

const defaultKernel = "workbook";
const defaultTimeout = 120;

export const command: Command = {
  summary: "run notebooks without a browser",
  usage:
    "workbook run NOTEBOOK... [--kernel NAME] [--out DIR] [--jobs N] [--timeout SECONDS] [--backend NAME] [--json]",
  async main(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        kernel: { type: "string" },
        out: { type: "string" },
        jobs: { type: "string" },
        timeout: { type: "string" },
        backend: { type: "string" },
        json: { type: "boolean" },
      },
    });
    const parallel = positiveNumber("--jobs", values.jobs, defaultJobs());
    if (!Number.isInteger(parallel)) throw new UsageError(`--jobs: expected a whole number, got ${parallel}`);
    const timeout = positiveNumber("--timeout", values.timeout, defaultTimeout);
    const env = await backendEnvironment(values.backend);
    const jobs = findJobs(positionals, values.kernel);
    if (values.out !== undefined) prepareOut(values.out, jobs);

    const started = performance.now();
    const reports = await interruptibly(async () => {
      const progress = new Progress(process.stderr);
      try {
        return await runNotebooks(jobs, {
          parallel,
          timeout,
          env,
          onEvent: (event) => {
            progress.on(event);
            if ("report" in event && values.out !== undefined) writeCopy(values.out, event.job);
          },
        });
      } finally {
        progress.close();
      }
    });
    const seconds = (performance.now() - started) / 1000;
    process.stdout.write(values.json === true ? json(reports, seconds) : prose(reports, seconds));
    return reports.every(({ ok }) => ok) ? 0 : 1;
  },
};

// Half of the cores: a lesson's arithmetic has several threads of its own, and its timings should mean something.
function defaultJobs(): number {
  return Math.max(1, Math.floor(os.availableParallelism() / 2));
}

function positiveNumber(option: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${option}: expected a number above zero, got "${given}"`);
}

async function backendEnvironment(backend: string | undefined): Promise<Record<string, string>> {
  if (backend === undefined) return {};
  // Loaded only here: it brings all of tfjs along.
  const { backendNames } = await import("../backend.js");
  if (backendNames.some((name) => name === backend)) return { WORKBOOK_BACKEND: backend };
  throw new UsageError(`--backend: expected one of ${backendNames.join(", ")}, got "${backend}"`);
}

function findJobs(files: readonly string[], kernelName: string | undefined): Job[] {
  if (files.length === 0) throw new UsageError("expected at least one notebook, got none");
  try {
    const unique = [...new Set(files.map((file) => path.normalize(file)))];
    const notebooks = unique.map((file) => ({ file, notebook: readNotebook(file) }));
    return notebooks.map(({ file, notebook }) => {
      const kernel = findKernel(kernelName ?? notebook.metadata.kernelspec?.name ?? defaultKernel);
      return { file, notebook, kernel };
    });
  } catch (error) {
    if (error instanceof NotebookError || error instanceof KernelSpecError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/** Makes the folder for executed copies; refuses to overwrite a notebook, or one copy with another. */
function prepareOut(out: string, jobs: readonly Job[]): void {
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    throw new UsageError(`--out: ${(error as Error).message}`);
  }
  const folder = realpathSync(out);
  const copies = new Map<string, string>();
  for (const { file } of jobs) {
    const name = path.basename(file);
    const other = copies.get(name);
    if (other !== undefined) throw new UsageError(`--out: ${other} and ${file} would become the same file`);
    if (realpathSync(path.dirname(file)) === folder) {
      throw new UsageError(`--out: ${out} would overwrite ${file} itself`);
    }
    copies.set(name, file);
  }
}

function writeCopy(out: string, { file, notebook }: Job): void {
  writeNotebook(path.join(out, path.basename(file)), notebook);
}

/** Ctrl-C ends this process at once; its kernels end with it. */
async function interruptibly<T>(work: () => Promise<T>): Promise<T> {
  const onInterrupt = () => process.exit(130);
  const onTerminate = () => process.exit(143);
  process.once("SIGINT", onInterrupt).once("SIGTERM", onTerminate);
  try {
    return await work();
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
  }
}

function prose(reports: readonly Report[], seconds: number): string {
  const failures = reports.filter(({ ok }) => !ok).map((report) => `${formatFailure(report)}\n\n`);
  return `${failures.join("")}${formatTable(reports, seconds)}\n`;
}

function json(notebooks: readonly Report[], seconds: number): string {
  return `${JSON.stringify({ ok: notebooks.every(({ ok }) => ok), seconds, notebooks }, null, 2)}\n`;
}
