/** From what people handed in, a `.ts` file, a notebook, a zip or a folder, to one module or a refusal. */

import { readdir } from "node:fs/promises";
import path from "node:path";
import { unknownSlug } from "../lessons.js";
import { choose, chooseOnly, type Pile, slugsOf } from "./choose.js";
import { describe, extensionOf, isJunk, isSource } from "./entries.js";
import { slugOfName } from "./exercise.js";
import { type PathPile, pileOf, pileOfFile } from "./pile.js";
import { isRefusal, printable, type Refusal, refusal, type Submission } from "./submission.js";

export interface ReadOptions {
  /** The exercise; found out unless given. */
  readonly slug?: string;
}

/** Never throws, whatever stands at the path. */
export async function readSubmission(
  file: string,
  { slug }: ReadOptions = {},
): Promise<Submission | Refusal> {
  const pile = await pileOf(file);
  if (isRefusal(pile)) return pile;
  return readFrom(pile, slug);
}

/** The same for one file's bytes under a name, without a disk. */
export async function readBytes(
  name: string,
  bytes: Buffer,
  { slug }: ReadOptions = {},
): Promise<Submission | Refusal> {
  const shown = printable(name);
  const read = async () => bytes;
  const pile = await pileOfFile({ name, shown, path: name, modified: new Date(0), read });
  if (isRefusal(pile)) return pile;
  return readFrom(pile, slug);
}

function readFrom(pile: PathPile, slug: string | undefined): Submission | Refusal {
  const problem = slug === undefined ? undefined : unknownSlug(slug);
  if (problem !== undefined) return refusal("unknown exercise", `${pile.shown}: ${problem}`);
  const chosen = pile.isFile ? chooseOnly(pile, slug) : choose(pile, slug);
  return isRefusal(chosen) ? chosen : chosen.submission;
}

export interface Found {
  readonly student: string;
  /** For `readSubmission`, together with `slug`. */
  readonly path: string;
  /** The exercise; absent where it cannot be told. */
  readonly slug?: string;
  /** When the graded file (or the zip around it) was last written. */
  readonly modified: Date;
  /** Why there is nothing to grade, where that is known already. */
  readonly refusal?: Refusal;
}

/**
 * Entries of a class folder are named by student: `alice.ts`, `alice.ipynb`, `alice.zip`, `alice/…`; nbgrader's course
 * folder (`submitted/<student>/<assignment>/<file>`) is one too. A folder that holds files named for exercises is
 * taken for the folder of one student. Hidden files and what cannot be an answer are left out, links are not followed.
 *
 * @returns in the order of students, one entry for each exercise that a student answers; at least one a student.
 */
export async function findSubmissions(dir: string, { slug }: ReadOptions = {}): Promise<readonly Found[]> {
  const children = (await readdir(dir, { withFileTypes: true })).filter(({ name }) => !isJunk(name));
  if (children.some((child) => child.isDirectory() && child.name === "submitted")) {
    return findSubmissions(path.join(dir, "submitted"), { slug });
  }
  if (
    children.some((child) => child.isFile() && isSource(child.name) && slugOfName(child.name) !== undefined)
  ) {
    return findOf(path.basename(path.resolve(dir)), [dir], slug);
  }
  const students = new Map<string, string[]>();
  for (const child of children) {
    const isFolder = child.isDirectory();
    if (!isFolder && !handedIn.test(extensionOf(child.name))) continue;
    const student = isFolder ? child.name : path.basename(child.name, path.extname(child.name));
    students.set(student, [...(students.get(student) ?? []), path.join(dir, child.name)]);
  }
  const found: Found[] = [];
  for (const student of [...students.keys()].sort()) {
    found.push(...(await findOf(student, students.get(student)!.sort(), slug)));
  }
  return found;
}

/** What can be an answer, and what people hand in by mistake: that is said, rather than passed over. */
const handedIn =
  /^\.(ts|tsx|mts|cts|js|mjs|cjs|jsx|py|ipynb|zip|7z|rar|tar|tar\..*|tgz|gz|txt|html|pdf|docx?|odt|rtf)$/;

async function findOf(student: string, paths: readonly string[], slug: string | undefined): Promise<Found[]> {
  const piles = await Promise.all(paths.map(async (file) => ({ file, pile: await pileOf(file) })));
  const read = piles.flatMap(({ file, pile }) => (isRefusal(pile) ? [] : [{ file, pile }]));
  if (read.length === 0) {
    const { file, pile } = piles[0]!;
    const { modified } = await describe(file);
    return [{ student, path: file, ...(slug && { slug }), modified, refusal: pile as Refusal }];
  }
  const whole: Pile = {
    shown: student,
    candidates: read.flatMap(({ pile }) => pile.candidates),
    refused: read.flatMap(({ pile }) => pile.refused),
  };
  const slugs = slug === undefined ? slugsOf(whole) : [slug];
  const wanted = slugs.length === 0 ? [undefined] : slugs;
  return Promise.all(
    wanted.map(async (each): Promise<Found> => {
      const chosen = choose(whole, each);
      const file = isRefusal(chosen)
        ? read[0]!.file
        : read.find(({ pile }) => pile.candidates.some(({ entry }) => entry === chosen.entry))!.file;
      const modified = isRefusal(chosen) ? (await describe(file)).modified : chosen.entry.modified;
      const rest = isRefusal(chosen) ? { refusal: chosen } : {};
      return { student, path: file, ...(each && { slug: each }), modified, ...rest };
    }),
  );
}
