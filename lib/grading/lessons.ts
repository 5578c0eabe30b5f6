/** Which lessons have exercises, and where their files lie. */

import { readdirSync } from "node:fs";
import path from "node:path";
import { catalog } from "../catalog.js";
import { root } from "../root.js";
import type { Graded } from "./graded.js";
import { handout } from "./handout.js";
import { LoadError, loadTypeScript } from "./load.js";

/** Slugs that have a solution, in order; these are the ones to release and to prove. */
export function solvedSlugs(folder: string = root): string[] {
  return readdirSync(path.join(folder, "solutions"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

/** Paths relative to the repository's root. */
export function exerciseFiles(slug: string) {
  return {
    exercise: `exercises/${slug}.ts`,
    solution: `solutions/${slug}.ts`,
    graded: `test/graded/${slug}.ts`,
    mutants: `test/mutants/${slug}.ts`,
  };
}

/** One sentence for a slug that has no exercises, or undefined. */
export function unknownSlug(slug: string): string | undefined {
  const handedOut = handout();
  const slugs = handedOut === undefined ? solvedSlugs() : Object.keys(handedOut.lessons).sort();
  if (slugs.includes(slug)) return undefined;
  const known = `known: ${slugs.join(", ")}`;
  return catalog.some((row) => row.slug === slug)
    ? `the lesson "${slug}" has no exercises yet; ${known}`
    : `there are no exercises named "${slug}"; ${known}`;
}

/** The graded tests of a lesson: the default export of `test/graded/<slug>.ts`. */
export async function loadGraded(slug: string): Promise<Graded> {
  return (await loadDefault(exerciseFiles(slug).graded)) as Graded;
}

/** @throws LoadError when the file cannot be loaded or has no default export. */
export async function loadDefault(file: string): Promise<unknown> {
  const { exports } = await loadTypeScript(file);
  if (exports.default === undefined) throw new LoadError(`${file}: expected a default export`);
  return exports.default;
}
