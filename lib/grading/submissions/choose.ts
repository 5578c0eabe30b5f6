/** Of all the files of one student, the one that answers an exercise. */

import { type Candidate, readCandidate, weights } from "./candidate.js";
import { type Entry, extensionOf, isSource } from "./entries.js";
import { type Lesson, lesson, slugOfName } from "./exercise.js";
import { stackExhausted } from "./parse.js";
import { isRefusal, limits, printable, type Refusal, refusal, type Submission } from "./submission.js";

export interface Chosen {
  readonly entry: Entry;
  readonly submission: Submission;
}

/** All source files of a student, read once. */
export interface Pile {
  /** Shown to people: whose files these are. */
  readonly shown: string;
  readonly candidates: readonly Candidate[];
  readonly refused: readonly { readonly entry: Entry; readonly refusal: Refusal }[];
}

export async function readPile(entries: readonly Entry[], shown: string): Promise<Pile | Refusal> {
  const sources = entries.filter(({ name }) => isSource(name));
  if (sources.length === 0)
    return refusal("missing", `${shown}: expected a .ts or .ipynb file, got ${listed(entries)}`);
  // Somebody who hands in the whole workbook means the files that are named for exercises.
  const wanted =
    sources.length <= limits.sources
      ? sources
      : sources.filter(({ name }) => slugOfName(name) !== undefined).slice(0, limits.sources);
  const candidates: Candidate[] = [];
  const refused: { entry: Entry; refusal: Refusal }[] = [];
  for (const entry of wanted) {
    const candidate = await readCandidate(entry).catch((error) => stackExhausted(error, entry.shown));
    if (isRefusal(candidate)) refused.push({ entry, refusal: candidate });
    else candidates.push(candidate);
  }
  return { shown, candidates, refused };
}

/** The exercises that these files are for. */
export function slugsOf({ candidates, refused }: Pile): string[] {
  const named = refused.map(({ entry }) => slugOfName(entry.name));
  const answered = candidates.map(({ slug }) => slug);
  return [...new Set([...answered, ...named])].filter((slug) => slug !== undefined).sort();
}

/** @param slug the exercise that is graded; the one that the files are for unless given. */
export function choose(pile: Pile, slug?: string): Chosen | Refusal {
  const { shown, candidates, refused } = pile;
  const slugs = slugsOf(pile);
  const wanted = slug ?? (slugs.length === 1 ? slugs[0] : undefined);
  if (wanted === undefined) {
    const [only] = refused;
    if (candidates.length === 0 && only !== undefined) return only.refusal;
    return unknown(shown, candidates, slugs);
  }
  const about = lesson(wanted);
  const named = candidates.filter((candidate) => candidate.slug === wanted);
  const nameless = candidates.filter((candidate) => candidate.slug === undefined);
  // A nameless file counts when nothing else does: --slug says what it is. A single file counts whatever its name.
  const possible = named.length > 0 ? named : nameless;
  const fitting = refused.filter(({ entry }) => (slugOfName(entry.name) ?? wanted) === wanted);
  if (possible.length === 0) {
    const [first] = fitting;
    if (first !== undefined) return first.refusal;
    const others = candidates.map(({ entry, slug: other }) => `${entry.shown} (for "${other}")`);
    return refusal("missing", `${shown}: expected an answer to "${wanted}", got ${few(others)}`);
  }
  return heaviest(
    possible,
    about,
    refused.map((each) => each.refusal),
  );
}

/** A single file is what the caller says it is. */
export function chooseOnly(pile: Pile, slug: string | undefined): Chosen | Refusal {
  const [candidate] = pile.candidates;
  if (candidate === undefined || slug === undefined) return choose(pile, slug);
  return heaviest([candidate], lesson(slug), []);
}

function heaviest(
  possible: readonly Candidate[],
  about: Lesson,
  refused: readonly Refusal[],
): Chosen | Refusal {
  const weighed = possible.map((candidate) => ({ candidate, weight: candidate.weight(about) }));
  const most = Math.max(...weighed.map(({ weight }) => weight));
  const best = weighed.filter(({ weight }) => weight === most).map(({ candidate }) => candidate);
  let made: Submission[];
  try {
    made = best.map((candidate) => candidate.submission(about));
  } catch (error) {
    return stackExhausted(error, best[0]!.entry.shown);
  }
  const first = made[0]!;
  const names = best.map(({ entry }) => entry.shown);
  if (made.some(({ text }) => text !== first.text)) {
    const all = names.length > 2 ? "all" : "both";
    return refusal("duplicate", `${few(names)} are ${all} answers to "${about.slug}"; expected one of them`);
  }
  const others = weighed
    .filter(({ weight }) => weight < most && weight > weights.nothing)
    .map(({ candidate }) => candidate.entry.shown);
  const notes = [
    ...first.notes,
    ...(best.length > 1 ? [`${few(names)} hold the same; the first was graded`] : []),
    ...others.map((name) => `${name} was set aside: ${first.file} holds more of the answers`),
    ...refused.map(({ message }) => `set aside: ${message}`),
  ];
  return { entry: best[0]!.entry, submission: { ...first, notes } };
}

function unknown(shown: string, candidates: readonly Candidate[], slugs: readonly string[]): Refusal {
  if (slugs.length > 1) {
    const which = `${slugs.slice(0, -1).join(", ")} and ${slugs.at(-1)}`;
    return refusal("unknown exercise", `${shown}: holds answers to ${which}; say with --slug which to grade`);
  }
  const names = few(candidates.map(({ entry }) => entry.shown));
  return refusal(
    "unknown exercise",
    `${names}: neither name, first lines nor exports tell the exercise; name the file like the exercise ` +
      "(transformer.ts) or say with --slug which it is",
  );
}

function listed(entries: readonly Entry[]): string {
  if (entries.length === 0) return "nothing";
  const zips = entries.filter(({ name }) => extensionOf(name) === ".zip");
  if (zips.length > 0)
    return `a zip inside (${few(zips.map(({ name }) => printable(name)))}); unpack it first`;
  return few(entries.map(({ name }) => printable(name)));
}

/** "a", "a and b", "a, b and 3 more" */
function few(names: readonly string[]): string {
  if (names.length > 4) return `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
