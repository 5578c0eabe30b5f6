/** `workbook bench`: measured times, operations and memory per paper, outside a notebook. */

import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { useBackend } from "../backend.js";
import { catalog } from "../catalog.js";
import { type Command, UsageError } from "../cli.js";
import { fitExponent } from "../measure/fit.js";
import { type Benchmark, curveOf, type ScalingCurve, scalingCurve } from "../measure/scaling.js";

/** More runs than a lesson can afford: these are the figures that people quote. */
const timing = { warmup: 3, runs: 15, minSeconds: 1 };

export const command: Command = {
  summary: "measure the implementations: time, operations and memory against T",
  usage: "workbook bench [SLUG...] [--json FILE]",
  async main(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { json: { type: "string" } },
      allowPositionals: true,
    });
    const slugs = chosen(positionals);
    const folder = path.dirname(path.resolve(values.json ?? "."));
    if (!existsSync(folder)) throw new UsageError(`no folder ${folder} to write ${values.json} into`);
    const backend = await useBackend();
    process.stdout.write(`${backend.description} (${backend.name})\n`);
    if (backend.fallbackReason !== undefined) process.stderr.write(`${backend.fallbackReason}\n`);
    const results: Record<string, ScalingCurve[]> = {};
    for (const slug of slugs) {
      results[slug] = [];
      for (const benchmark of await load(slug)) {
        const curve = await scalingCurve({ ...benchmark, budgetSeconds: 60, timing });
        results[slug].push(curve);
        process.stdout.write(`\n${slug}: ${formatCurve(curve)}\n`);
      }
    }
    if (values.json !== undefined) {
      writeFileSync(values.json, `${JSON.stringify({ backend, results }, undefined, 2)}\n`);
    }
    return 0;
  },
};

/** Slugs to measure: those named, or every paper that has benchmarks. */
function chosen(named: readonly string[]): readonly string[] {
  const known = catalog.map(({ slug }) => slug).filter((slug) => existsSync(benchFile(slug)));
  const unknown = named.find((slug) => !known.includes(slug));
  if (unknown !== undefined) {
    throw new UsageError(`no benchmarks for "${unknown}"; expected ${known.join(", ")}`);
  }
  return named.length > 0 ? named : known;
}

/** One file per paper, `lib/bench/<slug>.ts`. */
function benchFile(slug: string): URL {
  return new URL(`../bench/${slug}.js`, import.meta.url);
}

async function load(slug: string): Promise<readonly Benchmark[]> {
  const module = (await import(benchFile(slug).href)) as { benchmarks: readonly Benchmark[] };
  return module.benchmarks;
}

/** A curve as an aligned table, and how each quantity grows. */
export function formatCurve(curve: ScalingCurve): string {
  const rows = curve.rows.map(({ T, ms, iqr, flops, peakBytes }) => [
    String(T),
    ms.toFixed(2),
    iqr.toFixed(2),
    (flops / (ms * 1e6)).toFixed(1),
    (peakBytes / 2 ** 20).toFixed(2),
  ]);
  const table = [["T", "median ms", "IQR ms", "GFLOP/s", "peak MiB"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join("  "));
  if (curve.rows.length >= 2) lines.push(growth(curve));
  if (curve.stopped !== undefined) lines.push(curve.stopped);
  return [curve.label, ...lines].join("\n  ");
}

function growth(curve: ScalingCurve): string {
  const exponent = (quantity: "ms" | "flops" | "peakBytes") => {
    const { xs, ys } = curveOf(curve, quantity);
    return ys.every((y) => y > 0) ? `T^${fitExponent(xs, ys).exponent.toFixed(2)}` : "none";
  };
  return `grows as: time ${exponent("ms")}, operations ${exponent("flops")}, peak memory ${exponent("peakBytes")}`;
}
