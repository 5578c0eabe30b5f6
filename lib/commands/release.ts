/** `workbook release`: writes exercises/ from solutions/, or tells where the two have drifted apart. */

import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli.js";
import { exerciseFiles, loadGraded, solvedSlugs, unknownSlug } from "../grading/lessons.js";
import { ReleaseError } from "../grading/release.js";
import { drift, writeExercise } from "../grading/release-file.js";

export const command: Command = {
  summary: "write exercises/ from solutions/, or a hand-out for students; --check fails on drift",
  usage: "npx workbook release [SLUG...] [--check] | --out DIR --student [SLUG...] | --gradescope DIR SLUG",
  async main(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        check: { type: "boolean", default: false },
        out: { type: "string" },
        student: { type: "boolean", default: false },
        gradescope: { type: "string" },
      },
    });
    if (values.student !== (values.out !== undefined) || (values.student && values.check)) {
      throw new UsageError("expected --student together with --out DIR, and without --check");
    }
    const unknown = positionals.map(unknownSlug).find((message) => message !== undefined);
    if (unknown !== undefined) throw new UsageError(unknown);
    const slugs = positionals.length > 0 ? positionals : solvedSlugs();
    if (values.gradescope !== undefined) {
      if (values.student || values.check) throw new UsageError("expected --gradescope DIR by itself");
      return autograder(values.gradescope, positionals);
    }
    if (values.out !== undefined) return handOut(values.out, slugs);
    const failed = slugs.filter(
      (slug) => !withoutReleaseError(() => (values.check ? check(slug) : write(slug))),
    );
    return failed.length === 0 ? 0 : 1;
  },
};

/** Its modules load tfjs, which a plain release does without. */
async function handOut(out: string, slugs: readonly string[]): Promise<number> {
  const { HandoutError, handoutSlugs, writeHandout } = await import("../grading/handout-write.js");
  const lessons = await Promise.all(handoutSlugs(slugs).map(loadGraded));
  try {
    writeHandout(out, lessons);
  } catch (error) {
    if (!(error instanceof HandoutError || error instanceof ReleaseError)) throw error;
    process.stderr.write(`workbook release: ${error.message}\n`);
    return error instanceof HandoutError ? 2 : 1;
  }
  const names = lessons.map(({ slug }) => slug).join(", ");
  process.stdout.write(`${out}: a hand-out with ${names}; \`npm start\` in it opens the workbook\n`);
  return 0;
}

/** The folder that becomes Gradescope's zip; `lib/grading/gradescope/README.md` tells how to use it. */
async function autograder(folder: string, slugs: readonly string[]): Promise<number> {
  const [slug] = slugs;
  if (slug === undefined || slugs.length > 1) {
    throw new UsageError(`--gradescope: expected one lesson, got ${slugs.length}`);
  }
  const { writeAutograder } = await import("../grading/batch/autograder.js");
  try {
    writeAutograder(folder, slug);
  } catch (error) {
    throw new UsageError(`--gradescope: ${(error as Error).message}`);
  }
  process.stdout.write(
    `${folder}: zip what is in it for Gradescope; it holds solutions, so not for students\n`,
  );
  return 0;
}

function write(slug: string): boolean {
  const written = writeExercise(slug);
  const kept = written?.aside === undefined ? "" : ` (what stood there is in ${written.aside})`;
  const what = written === undefined ? "up to date" : `written${kept}`;
  process.stdout.write(`${exerciseFiles(slug).exercise}: ${what}\n`);
  return true;
}

function check(slug: string): boolean {
  const message = drift(slug);
  if (message !== undefined) process.stderr.write(message);
  return message === undefined;
}

/** Marks that do not fit together fail one lesson, not the run. */
function withoutReleaseError(run: () => boolean): boolean {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}
