/**
 * `npm run bench:gpu [-- KERNEL...] [--python PATH] [--seconds N] [--json FILE]`: every rung of the GPU kernels on this adapter, beside
 * tfjs's operations, the adapter's ceilings, and PyTorch's own kernels where a Python that has it is named.
 *
 * `npm run bench:gpu -- --pack FOLDER [--with-node]` makes a folder that does the same, and the kernels' tests, on a machine without npm.
 */

import { writeFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { casesOf, kernelNames } from "./frame/kernels.js";
import { measureCases, measureGpu, type Options } from "./frame/parent.js";
import { type Results, report, type Setting } from "./frame/table.js";
import { judge } from "./frame/verdict.js";
import { versions } from "./frame/versions.js";
import { work } from "./frame/worker.js";
import { type TorchInfo, Yardstick } from "./frame/yardstick.js";

const WORKER = "--worker";

/** Longest that one measurement may take, in seconds, unless told. */
const SECONDS = 60;

if (process.argv[2] === WORKER) await work();
else await main();

async function main(): Promise<void> {
  const { values, positionals } = parsed();
  if (values.pack !== undefined) {
    const { pack } = await import("./frame/pack.js");
    process.stdout.write(`${await pack(values.pack, { withNode: values["with-node"] === true })}\n`);
    return;
  }
  const unknown = positionals.find((name) => !kernelNames.includes(name));
  if (unknown !== undefined) misused(`no kernel "${unknown}"; expected ${kernelNames.join(", ")}`);
  const seconds = Number(values.seconds ?? SECONDS);
  if (!(seconds > 0)) misused(`expected --seconds to be a positive number, got ${values.seconds}`);
  try {
    const results = await measured(
      positionals.length > 0 ? positionals : kernelNames,
      seconds,
      values.python,
    );
    process.stdout.write(`${report(results)}\n`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
    // Times decide nothing; numbers do.
    process.exitCode = results.missing.some(({ wrong }) => wrong) ? 1 : 0;
  } catch (error) {
    process.stderr.write(`bench:gpu: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

function parsed() {
  const text = { type: "string" } as const;
  const options = {
    json: text,
    python: text,
    seconds: text,
    pack: text,
    "with-node": { type: "boolean" },
  } as const;
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return misused((error as Error).message);
  }
}

function misused(why: string): never {
  process.stderr.write(`bench:gpu: ${why}\n`);
  process.exit(2);
}

async function measured(kernels: readonly string[], seconds: number, python?: string): Promise<Results> {
  const progress = (text: string) => process.stderr.write(`${text} …\n`);
  const worker = [fileURLToPath(import.meta.url), WORKER] as const;
  const options: Options = { worker, seconds, progress };
  progress("ceilings");
  const { gpu, ceilings, clock } = await measureGpu(options);
  const each = kernels.map(async (kernel) =>
    (await casesOf(kernel, gpu)).map((one, index) => ({ kernel, index, one })),
  );
  const cases = (await Promise.all(each)).flat();
  if (python !== undefined) progress("PyTorch");
  const yardstick = python === undefined ? undefined : new Yardstick(python, seconds);
  try {
    const torch = await yardstick?.start();
    const { rows, missing } = await measureCases(cases, ceilings, gpu.software, { ...options, yardstick });
    const setting: Setting = {
      machine: `${os.cpus()[0]?.model ?? "unknown processor"}, ${os.cpus().length} cores, ${os.type()} ${os.release()}`,
      adapter: gpu.description,
      software: gpu.software,
      clock,
      date: new Date().toISOString(),
      versions: { ...versions(), ...torch?.versions },
      pytorch:
        torch === undefined ? "not asked (--python PATH names a Python that has it)" : described(torch),
    };
    const verdict = judge(
      cases.map(({ one }) => one),
      rows,
      gpu.software,
    );
    return { setting, gpu, ceilings, rows, missing, verdict };
  } finally {
    yardstick?.stop();
  }
}

function described({ device, absent }: TorchInfo): string {
  const reasons = Object.entries(absent).map(([name, reason]) => `; without ${name}: ${reason}`);
  return `on ${device}${reasons.join("")}`;
}
