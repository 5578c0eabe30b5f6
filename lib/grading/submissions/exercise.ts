/** Which exercise a file answers: by its name, by the header of the released file, or by what it exports. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../root.js";
import { exerciseFiles, solvedSlugs } from "../lessons.js";
import { releaseText } from "../release.js";

/** A lesson's exercises as learners get them. */
export interface Lesson {
  readonly slug: string;
  /** The exported names that wait for an answer. */
  readonly names: readonly string[];
  /** The released file. */
  readonly text: string;
}

const known = new Map<string, Lesson>();

/** All lessons with exercises; derived from the solutions, since `exercises/` may hold somebody's answers. */
export function lessons(): readonly Lesson[] {
  return solvedSlugs().map(lesson);
}

export function lesson(slug: string): Lesson {
  const found = known.get(slug);
  if (found !== undefined) return found;
  const solution = readFileSync(path.join(root, exerciseFiles(slug).solution), "utf8");
  const made = { slug, ...releaseText(slug, solution) };
  known.set(slug, made);
  return made;
}

/** `transformer.ts`, `2017-transformer.ipynb`, `transformer (1).ts`; else the folder that it lies in, as nbgrader has it. */
export function slugOfName(name: string): string | undefined {
  const parts = name.toLowerCase().split("/");
  const stem = parts.pop()!.replace(/\.[a-z]+$/, "");
  return [stem, ...parts.reverse()].map(slugOfStem).find((slug) => slug !== undefined);
}

function slugOfStem(stem: string): string | undefined {
  const plain = stem.replace(/^\d+-/, "").replace(/(?: ?\(\d+\)| copy)$/, "");
  return solvedSlugs().find((slug) => slug === plain || slug === stem);
}

/** The line that a release begins with. */
export function slugOfHeader(text: string): string | undefined {
  const slug = /^\/\/ Generated from solutions\/([\w-]+)\.ts by /m.exec(text)?.[1];
  return solvedSlugs().find((each) => each === slug);
}

/** The one lesson that most of these names belong to. */
export function slugOfNames(names: ReadonlySet<string>): string | undefined {
  const ranked = lessons()
    .map(({ slug, names: wanted }) => ({ slug, hits: wanted.filter((name) => names.has(name)).length }))
    .sort((a, b) => b.hits - a.hits);
  const [first, second] = ranked;
  if (first === undefined || first.hits === 0 || first.hits === second?.hits) return undefined;
  return first.slug;
}
