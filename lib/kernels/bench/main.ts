/** `npm run bench:gpu [-- KERNEL...] [--json FILE]`: every rung of the GPU kernels, beside tfjs's operations, on this adapter. */

import { readdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { useBackend } from "../../backend.js";
import { root } from "../../root.js";
import { describeGpu } from "../device.js";
import type { Benchmark } from "./frame/benchmark.js";
import { measureCeilings } from "./frame/ceilings.js";
import { measureCase, type Row } from "./frame/measure.js";
import { benchTable, type Setting } from "./frame/table.js";

/** Every other file of this folder is a kernel's. */
const known = readdirSync(path.join(root, "lib/kernels/bench"))
  .flatMap((file) => (file.endsWith(".ts") ? [path.basename(file, ".ts")] : []))
  .filter((name) => name !== "main");

const { values, positionals } = parseArgs({
  options: { json: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`bench:gpu: no kernel "${unknown}"; expected ${known.join(", ")}\n`);
  process.exit(2);
}

try {
  await useBackend("webgpu");
} catch (error) {
  process.stderr.write(`bench:gpu: ${(error as Error).message}\n`);
  process.exit(1);
}
const gpu = describeGpu();
const effort = gpu.software ? { batches: 3, milliseconds: 1 } : { batches: 9, milliseconds: 100 };
const setting: Setting = {
  machine: `${os.cpus()[0]?.model ?? "unknown processor"}, ${os.cpus().length} cores, ${os.type()} ${os.release()}`,
  adapter: gpu.description,
  software: gpu.software,
  date: new Date().toISOString(),
};
const progress = (text: string) => process.stderr.write(`${text} …\n`);
progress("ceilings");
const ceilings = await measureCeilings(gpu, effort);
const rows: Row[] = [];
for (const name of positionals.length > 0 ? positionals : known) {
  const { benchmark } = (await import(`./${name}.js`)) as { benchmark: Benchmark };
  for (const one of benchmark(gpu)) {
    progress(one.label);
    rows.push(...(await measureCase(one, ceilings, effort)));
  }
}
process.stdout.write(`${benchTable(rows, ceilings, setting)}\n`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ setting, gpu, ceilings, rows }, undefined, 2)}\n`);
}
