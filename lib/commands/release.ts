/** `workbook release`: writes exercises/ from solutions/, or tells where the two have drifted apart. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli.js";
import { shortDiff } from "../grading/difference.js";
import { exerciseFiles, solvedSlugs, unknownSlug } from "../grading/lessons.js";
import { ReleaseError, releaseText } from "../grading/release.js";
import { root } from "../root.js";

export const command: Command = {
  summary: "write exercises/ from solutions/; --check fails on drift",
  usage: "npx workbook release [SLUG...] [--check]",
  async main(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { check: { type: "boolean", default: false } },
    });
    const unknown = positionals.map(unknownSlug).find((message) => message !== undefined);
    if (unknown !== undefined) throw new UsageError(unknown);
    const slugs = positionals.length > 0 ? positionals : solvedSlugs();
    const failed = slugs.filter((slug) => !(values.check ? isCurrent(slug) : release(slug)));
    return failed.length === 0 ? 0 : 1;
  },
};

function release(slug: string): boolean {
  const text = released(slug);
  if (text === undefined) return false;
  const { exercise } = exerciseFiles(slug);
  const old = readIfThere(exercise);
  if (old === text) {
    process.stdout.write(`${exercise}: up to date\n`);
    return true;
  }
  // What stands there may be somebody's answers: they are kept, whatever asked for the release.
  const aside = old === undefined ? undefined : setAside(slug, old);
  writeFileSync(path.join(root, exercise), text);
  process.stdout.write(
    `${exercise}: written${aside === undefined ? "" : ` (what stood there is in ${aside})`}\n`,
  );
  return true;
}

function isCurrent(slug: string): boolean {
  const text = released(slug);
  if (text === undefined) return false;
  const { exercise, solution } = exerciseFiles(slug);
  const old = readIfThere(exercise);
  if (old === text) return true;
  const what = old === undefined ? "is missing" : `differs from what ${solution} releases`;
  process.stderr.write(`${exercise} ${what}; \`npx workbook release ${slug}\` writes it\n`);
  if (old !== undefined) process.stderr.write(shortDiff(old, text));
  return false;
}

function released(slug: string): string | undefined {
  try {
    return releaseText(slug, readFileSync(path.join(root, exerciseFiles(slug).solution), "utf8")).text;
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

function setAside(slug: string, text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const aside = `.cache/replaced/${slug}.${hash}.ts`;
  mkdirSync(path.join(root, path.dirname(aside)), { recursive: true });
  writeFileSync(path.join(root, aside), text);
  return aside;
}

function readIfThere(file: string): string | undefined {
  const absolute = path.join(root, file);
  return existsSync(absolute) ? readFileSync(absolute, "utf8") : undefined;
}
