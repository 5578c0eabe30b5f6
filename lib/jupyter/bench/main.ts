/** `npm run bench:kernel [-- KERNEL...] [--json FILE]`: this kernel beside others, on this machine, one after the other. */

import { writeFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { contestants } from "./kernels.js";
import { type Figures, measure } from "./measure.js";

const effort = { starts: 7, lines: 1_000_000 };

const rows: readonly [title: string, figure: keyof Figures, digits: number][] = [
  ["start to first result, ms", "start", 0],
  ["small cell, p50 ms", "p50", 1],
  ["small cell, p95 ms", "p95", 1],
  ["small cell after 450 others, p50 ms", "p50At500", 1],
  ["small cell with tfjs's types, p50 ms", "tfjs", 1],
  ["memory after 150 cells, MB", "memory150", 0],
  ["memory after 500 cells, MB", "memory500", 0],
  ["a million lines, ms", "lines", 0],
  ["of these in order", "inOrder", 0],
  ["messages that they came in", "messages", 0],
];

const { values, positionals } = parseArgs({
  options: { json: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !contestants.some((each) => each.name === name));
if (unknown !== undefined) {
  const known = contestants.map(({ name }) => name).join(", ");
  process.stderr.write(`bench:kernel: no kernel "${unknown}"; expected ${known}\n`);
  process.exit(2);
}

const results = new Map<string, Figures>();
for (const contestant of contestants) {
  if (positionals.length > 0 && !positionals.includes(contestant.name)) continue;
  try {
    process.stderr.write(`${contestant.name} …\n`);
    results.set(contestant.name, await measure(contestant, effort));
  } catch (error) {
    process.stderr.write(`${contestant.name}: not measured: ${(error as Error).message}\n`);
  }
}

const names = [...results.keys()];
const table = [
  `| | ${names.join(" | ")} |`,
  `| --- |${" ---: |".repeat(names.length)}`,
  ...rows.map(([title, figure, digits]) => {
    const cells = [...results.values()].map((each) => each[figure]?.toFixed(digits) ?? "–");
    return `| ${title} | ${cells.join(" | ")} |`;
  }),
];
const machine = `Node ${process.versions.node}, ${os.cpus().length} × ${os.cpus()[0]?.model}`;
process.stdout.write(`${machine}\n\n${table.join("\n")}\n`);
if (values.json !== undefined) {
  const text = JSON.stringify({ machine, effort, results: Object.fromEntries(results) }, undefined, 2);
  writeFileSync(values.json, `${text}\n`);
}
