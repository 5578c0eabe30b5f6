/** Measures everything, each case in a process of its own, and asks PyTorch in between. */

import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { GpuInfo } from "../../adapter.js";
import type { Case } from "./benchmark.js";
import type { Ceilings } from "./ceilings.js";
import { converse, Ended } from "./child.js";
import type { Missing, Timed } from "./measure.js";
import { type Row, rowsOf } from "./rows.js";
import { effortOn, type FromWorker, PREPARING, type Task } from "./worker.js";
import type { TorchTimed, Yardstick } from "./yardstick.js";

export interface Options {
  /** What to fork for a worker: a script that calls `work`, and its arguments. */
  readonly worker: readonly [script: string, ...args: string[]];
  readonly yardstick?: Yardstick;
  /** Hears of what comes next, for people who wait. */
  readonly progress?: (text: string) => void;
  /** Longest that one measurement may take. */
  readonly seconds: number;
}

export interface Everything {
  readonly rows: readonly Row[];
  readonly missing: readonly (Missing & { readonly case: string })[];
}

/** @throws Error where there is no GPU. */
export async function measureGpu(
  options: Options,
): Promise<{ readonly gpu: GpuInfo; readonly ceilings: Ceilings; readonly clock: string }> {
  let found: Extract<FromWorker, { kind: "ceilings" }> | undefined;
  await ask({ kind: "ceilings" }, options, (message) => {
    if (message.kind === "ceilings") found = message;
  });
  return found!;
}

/** Every case of those kernels. A failure costs its own row and no other. */
export async function measureCases(
  cases: readonly { readonly kernel: string; readonly index: number; readonly one: Case }[],
  ceilings: Ceilings,
  software: boolean,
  options: Options,
): Promise<Everything> {
  const [rows, missing]: [Row[], (Missing & { case: string })[]] = [[], []];
  const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-bench-"));
  try {
    for (const { kernel, index, one } of cases) {
      const own = path.join(folder, `${kernel}-${index}`);
      mkdirSync(own);
      const result = await measureCase({ kernel, index, one }, software, own, options);
      rows.push(...rowsOf(one, ceilings, result.timed, result.torch));
      missing.push(...result.missing.map((each) => ({ ...each, case: one.label })));
      rmSync(own, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { rows, missing };
}

interface CaseResult {
  readonly timed: readonly Timed[];
  readonly missing: readonly Missing[];
  readonly torch: readonly TorchTimed[];
}

async function measureCase(
  { kernel, index, one }: { readonly kernel: string; readonly index: number; readonly one: Case },
  software: boolean,
  folder: string,
  options: Options,
): Promise<CaseResult> {
  const { yardstick, progress } = options;
  const wanted = yardstick === undefined || one.torch === undefined ? undefined : folder;
  const [timed, missing]: [Timed[], Missing[]] = [[], []];
  let files: Extract<FromWorker, { kind: "files" }> | undefined;
  for (let over = false; !over; ) {
    let doing = PREPARING;
    const skip = [...timed, ...missing].map(({ rung }) => rung);
    try {
      await ask({ kind: "case", kernel, index, skip, folder: wanted }, options, (message) => {
        if (message.kind === "starting") {
          doing = message.what;
          progress?.(`${one.label}, ${doing}`);
        }
        if (message.kind === "timed") timed.push(message.timed);
        if (message.kind === "missing") missing.push(message.missing);
        if (message.kind === "files") files = message;
      });
      over = true;
    } catch (error) {
      missing.push({ rung: doing, reason: (error as Error).message, wrong: false });
      // What has no inputs has no rungs either.
      over = !(error instanceof Ended) || !(doing in one.rungs);
    }
  }
  if (files === undefined || wanted === undefined) return { timed, missing, torch: [] };
  progress?.(`${one.label}, PyTorch`);
  const { inputs, outputs } = files;
  const torch = await yardstick!.measure(one, { inputs, outputs, folder, ...effortOn(software) });
  return { timed, missing: [...missing, ...torch.missing], torch: torch.timed };
}

/** Starts a worker for the task. @throws Ended, or Error with what the worker could not do. */
async function ask(
  task: Task,
  { worker: [script, ...args], seconds }: Options,
  listen: (message: FromWorker) => void,
): Promise<void> {
  const child = fork(script, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: [],
    serialization: "advanced",
  });
  const done = converse<FromWorker, { failure?: string }>(child, child, seconds, (message) => {
    if (message.kind === "done") return {};
    if (message.kind === "failed") return { failure: message.message };
    listen(message);
    return undefined;
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    child.send(task);
    const { failure } = await done;
    if (failure !== undefined) throw new Error(failure);
  } finally {
    // Its memory on the GPU is free when it is really gone.
    child.kill("SIGKILL");
    await gone;
  }
}
