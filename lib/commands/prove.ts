/** `workbook prove`: solutions pass, stubs say Todo, mutants are caught; a table of it. */

import process from "node:process";
import { parseArgs } from "node:util";
import { useBackend } from "../backend.js";
import { type Command, UsageError } from "../cli.js";
import { solvedSlugs, unknownSlug } from "../grading/lessons.js";
import { LoadError } from "../grading/load.js";
import { type Proof, proofMaterial, prove } from "../grading/prove.js";
import { ReleaseError } from "../grading/release.js";
import { closeTypes } from "../grading/submissions/types.js";

export const command: Command = {
  summary: "prove the graded tests: solutions pass, stubs and mutants do not",
  usage: "npx workbook prove [SLUG...] [--seeds N]",
  async main(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { seeds: { type: "string", default: "20" } },
    });
    const count = Number(values.seeds);
    if (!Number.isInteger(count) || count < 1 || count > 1000) {
      throw new UsageError(`expected --seeds from 1 to 1000, got "${values.seeds}"`);
    }
    const unknown = positionals.map(unknownSlug).find((message) => message !== undefined);
    if (unknown !== undefined) throw new UsageError(unknown);
    const slugs = positionals.length > 0 ? positionals : solvedSlugs();
    const seeds = Array.from({ length: count }, (_, i) => String(i + 1));
    await useBackend();
    let proven = true;
    for (const slug of slugs) proven = (await proveSlug(slug, seeds)) && proven;
    await closeTypes();
    return proven ? 0 : 1;
  },
};

async function proveSlug(slug: string, seeds: readonly string[]): Promise<boolean> {
  const start = performance.now();
  try {
    const proofs = await prove(await proofMaterial(slug), seeds, (name) => progress(`${slug}: ${name} …`));
    progress("");
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const inputs = seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`;
    process.stdout.write(`${slug}: ${inputs}, ${seconds} s\n${table(proofs)}`);
    const isGpuRequired = process.env.REQUIRE_GPU === "1";
    return proofs.every(
      ({ violations, skipped }) => violations.length === 0 && !(isGpuRequired && skipped !== undefined),
    );
  } catch (error) {
    if (!(error instanceof LoadError || error instanceof ReleaseError)) throw error;
    process.stdout.write(`${slug}: could not be proven\n${error.message}\n`);
    return false;
  }
}

/** One line that changes, where somebody watches. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`);
}

function table(proofs: readonly Proof[]): string {
  const head = ["exercise", "points", "tests", "mutants", "proven"];
  const rows = proofs.map(({ exercise, points, tests, mutants, skipped, violations }) => [
    exercise,
    String(points),
    String(tests),
    String(mutants),
    violations.length > 0 ? "NO" : skipped === undefined ? "yes" : "SKIPPED",
  ]);
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]!.length), title.length),
  );
  const line = (row: readonly string[]) =>
    `  ${row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd()}\n`;
  const why = proofs.flatMap(({ exercise, skipped, violations }) =>
    [...violations, ...(skipped === undefined ? [] : [`tests were skipped: ${skipped}`])].map(
      (text) => `  ${exercise}: ${text}\n`,
    ),
  );
  return [head, ...rows].map(line).join("") + why.join("");
}
