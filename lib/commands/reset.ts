/** `workbook reset`: an exercise as it was released; the learner's version is kept. */

import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli.js";
import { exerciseFiles, unknownSlug } from "../grading/lessons.js";
import { writeExercise } from "../grading/release-file.js";
import { forgetTries } from "../grading/tries-file.js";
import { root } from "../root.js";

export const command: Command = {
  summary: "start an exercise anew; your version is kept aside",
  usage: "npx workbook reset SLUG...",
  async main(args) {
    const { positionals } = parseArgs({ args, allowPositionals: true, options: {} });
    if (positionals.length === 0)
      throw new UsageError("expected an exercise to reset (transformer, say), got none");
    const unknown = positionals.map(unknownSlug).find((message) => message !== undefined);
    if (unknown !== undefined) throw new UsageError(unknown);
    for (const slug of positionals) process.stdout.write(`${reset(slug, root)}\n`);
    return 0;
  },
};

/** Resets one exercise and says so in a sentence. */
export function reset(slug: string, folder: string): string {
  const { exercise } = exerciseFiles(slug);
  const written = writeExercise(slug, folder);
  forgetTries(path.join(folder, ".cache/checks"), slug);
  if (written === undefined) return `${exercise} is as it was released; nothing was changed.`;
  if (written.aside === undefined) return `${exercise} is written as it was released.`;
  return `${exercise} is as it was released again; your version is in ${written.aside}.`;
}
