/** Writes `exercises/<slug>.ts`, or says that it has drifted from what its solution releases. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../root.js";
import { shortDiff } from "./difference.js";
import { handedOut } from "./handout.js";
import { exerciseFiles } from "./lessons.js";
import { releaseText } from "./release.js";

/**
 * Writes one exercise. What stood there may be somebody's answers, so it is kept whatever asked for the release.
 *
 * @param folder the repository, or what looks like it.
 * @returns undefined when the exercise was current, else where the replaced text is kept (if there was any).
 * @throws ReleaseError when the solution's marks do not fit together.
 */
export function writeExercise(slug: string, folder: string = root): { readonly aside?: string } | undefined {
  const { old, text, exercise } = compare(slug, folder);
  if (old === text) return undefined;
  mkdirSync(path.dirname(exercise), { recursive: true });
  if (old === undefined) {
    writeFileSync(exercise, text);
    return {};
  }
  const hash = createHash("sha256").update(old).digest("hex").slice(0, 8);
  const aside = `.cache/replaced/${slug}.${hash}.ts`;
  mkdirSync(path.join(folder, path.dirname(aside)), { recursive: true });
  writeFileSync(path.join(folder, aside), old);
  writeFileSync(exercise, text);
  return { aside };
}

/**
 * What is wrong with an exercise, with a short diff; undefined when it is what its solution releases.
 *
 * @throws ReleaseError when the solution's marks do not fit together.
 */
export function drift(slug: string, folder: string = root): string | undefined {
  const { old, text } = compare(slug, folder);
  if (old === text) return undefined;
  const files = exerciseFiles(slug);
  const repair = `\`npx workbook release ${slug}\` writes it\n`;
  if (old === undefined) return `${files.exercise} is missing; ${repair}`;
  return `${files.exercise} differs from what ${files.solution} releases; ${repair}${shortDiff(old, text)}`;
}

function compare(slug: string, folder: string) {
  const files = exerciseFiles(slug);
  const exercise = path.join(folder, files.exercise);
  const text = releasedText(slug, folder);
  return { exercise, text, old: existsSync(exercise) ? readFileSync(exercise, "utf8") : undefined };
}

/** The exercise as it is released: by the solution, or in a hand-out by the copy that came with it. */
function releasedText(slug: string, folder: string): string {
  const solution = path.join(folder, exerciseFiles(slug).solution);
  if (existsSync(solution)) return releaseText(slug, readFileSync(solution, "utf8")).text;
  return readFileSync(path.join(folder, handedOut(slug)), "utf8");
}
