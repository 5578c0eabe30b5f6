/**
 * Runs notebooks headless, several at a time, with nbclient's semantics: empty cells and those tagged
 * `skip-execution` are skipped, a cell tagged `raises-exception` must raise, the first failure ends its notebook.
 */

import path from "node:path";
import { CellRunner, hasTag, lateError } from "./cell.js";
import { type Graces, type KernelClient, KernelError, startKernel } from "./client.js";
import type { KernelSpec } from "./kernelspec.js";
import { type CodeCell, type Notebook, text } from "./notebook.js";

/** A notebook to run; running it fills in its outputs. */
export interface Job {
  readonly file: string;
  readonly notebook: Notebook;
  readonly kernel: KernelSpec;
}

export interface RunOptions {
  /** Seconds that one cell may take. */
  readonly timeout: number;
  /** Added to the kernels' environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly graces?: Partial<Graces>;
  readonly onEvent?: (event: RunEvent) => void;
}

/** A notebook has come to its `cell`th cell of `total` (0: its kernel is starting), or is done. */
export type RunEvent =
  | { readonly job: Job; readonly cell: number; readonly total: number }
  | { readonly job: Job; readonly report: Report };

export interface CellTime {
  /** The cell's place in the notebook, from 1, text cells counted. */
  readonly cell: number;
  readonly seconds: number;
}

export interface Report {
  readonly notebook: string;
  readonly kernel: string;
  readonly ok: boolean;
  /** Code cells that ran, one that failed included. */
  readonly cells: number;
  /** Wall time, the kernel's start and end included. */
  readonly seconds: number;
  /** Until the kernel was ready. */
  readonly startSeconds: number;
  readonly slowest?: CellTime;
  readonly failure?: Failure;
}

export interface Failure {
  /** As in `CellTime`; absent when the kernel never got ready. */
  readonly cell?: number;
  /** The cell's first line. */
  readonly line?: string;
  readonly message: string;
}

/** Runs all jobs, at most `parallel` at a time; reports come in the order of the jobs. */
export async function runNotebooks(
  jobs: readonly Job[],
  { parallel, ...options }: RunOptions & { readonly parallel: number },
): Promise<Report[]> {
  const reports: Report[] = [];
  const waiting = [...jobs.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [i, job] = next;
      const report = await runNotebook(job, options);
      reports[i] = report;
      options.onEvent?.({ job, report });
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return reports;
}

/** Runs one notebook in its own folder and in a kernel of its own. What goes wrong there is in the report. */
export async function runNotebook(job: Job, options: RunOptions): Promise<Report> {
  const { file, kernel } = job;
  const { env, graces, onEvent } = options;
  const cells = prepare(job.notebook);
  const started = performance.now();
  const times: CellTime[] = [];
  let startSeconds = 0;
  let failure: Failure | undefined;
  let client: KernelClient | undefined;
  onEvent?.({ job, cell: 0, total: cells.length });
  try {
    client = await startKernel(kernel, { cwd: path.dirname(path.resolve(file)), env, graces });
    startSeconds = since(started);
    failure = await runCells(job, cells, client, options, times);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    failure = { message: error.message };
  } finally {
    await client?.shutdown();
  }
  return {
    notebook: file,
    kernel: kernel.name,
    ok: failure === undefined,
    cells: times.length,
    seconds: since(started),
    startSeconds,
    slowest: times.toSorted((a, b) => b.seconds - a.seconds)[0],
    failure,
  };
}

async function runCells(
  job: Job,
  cells: readonly PlacedCell[],
  client: KernelClient,
  { timeout, onEvent }: RunOptions,
  times: CellTime[],
): Promise<Failure | undefined> {
  const { metadata } = job.notebook;
  metadata.language_info = client.info.language_info ?? metadata.language_info;
  const runner = new CellRunner(client, timeout * 1000);
  for (const [i, { cell, number }] of cells.entries()) {
    onEvent?.({ job, cell: i + 1, total: cells.length });
    const begun = performance.now();
    const message = await runner.run(cell);
    times.push({ cell: number, seconds: since(begun) });
    if (message !== undefined) return { cell: number, line: firstLine(cell), message };
  }
  for (const { cell, number } of cells) {
    const message = lateError(cell);
    if (message !== undefined) return { cell: number, line: firstLine(cell), message };
  }
  return undefined;
}

interface PlacedCell {
  readonly cell: CodeCell;
  /** As in `CellTime`. */
  readonly number: number;
}

/** The cells to run, all of them cleared first: what an earlier run left must not look like this run's. */
function prepare(notebook: Notebook): PlacedCell[] {
  const cells: PlacedCell[] = [];
  for (const [i, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== "code" || hasTag(cell, "skip-execution")) continue;
    cell.outputs = [];
    cell.execution_count = null;
    if (text(cell.source).trim() !== "") cells.push({ cell, number: i + 1 });
  }
  return cells;
}

function firstLine(cell: CodeCell): string {
  return text(cell.source).trim().split("\n")[0]!;
}

function since(start: number): number {
  return (performance.now() - start) / 1000;
}
