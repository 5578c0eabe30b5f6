/** Proof of graded tests: solutions pass, stubs say Todo, mutants are caught where they should be. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../root.js";
import type { Graded, GradedEntry } from "./graded.js";
import { judge } from "./judge.js";
import { judgeFile } from "./judge-submission.js";
import { exerciseFiles, loadDefault, loadGraded } from "./lessons.js";
import { loadTypeScript } from "./load.js";
import type { Mutant, Mutants } from "./mutants.js";
import { releaseText } from "./release.js";
import type { Report, TestReport } from "./report.js";
import { inProcess, type Subject } from "./subject.js";

/** Wrong answers that an exercise must have: one alone may be caught by luck. */
const FEWEST_MUTANTS = 2;

/** One exercise's line in the table. */
export interface Proof {
  readonly exercise: string;
  readonly points: number;
  readonly tests: number;
  readonly mutants: number;
  /** Why tests could not be run here, and prove nothing; undefined when all were. */
  readonly skipped?: string;
  /** What does not hold, a sentence each; empty when the exercise is proven. */
  readonly violations: readonly string[];
}

/** Everything a proof needs, loaded; tests build their own. */
export interface Material {
  readonly graded: Graded;
  readonly solution: Subject;
  readonly stub: Subject;
  /** Names that the release left to be answered. */
  readonly released: readonly string[];
  /** The solution with one exercise answered otherwise. */
  readonly withAnswer: (name: string, answer: unknown) => Subject;
  readonly mutants: Mutants<Readonly<Record<string, unknown>>>;
  /** The solution as the grader judges a file. */
  readonly graderSays: (seed: string) => Promise<Report>;
}

/** Loads a lesson's solution, the stub that it releases (not the file that a learner may have edited) and mutants. */
export async function proofMaterial(slug: string): Promise<Material> {
  const files = exerciseFiles(slug);
  const { text, names } = releaseText(slug, readFileSync(path.join(root, files.solution), "utf8"));
  const solution = await loadTypeScript(files.solution);
  const stub = await loadTypeScript(files.exercise, text);
  return {
    graded: await loadGraded(slug),
    solution: inProcess(solution.exports, solution.locate),
    stub: inProcess(stub.exports, stub.locate),
    released: names,
    withAnswer: (name, answer) => inProcess({ ...solution.exports, [name]: answer }, solution.locate),
    mutants: (await loadDefault(files.mutants)) as Material["mutants"],
    graderSays: async (seed) => judgeFile(await loadGraded(slug), files.solution, { seed }),
  };
}

/**
 * Proves every exercise of a lesson on each seed.
 *
 * @param onExercise called before each, with its name.
 */
export async function prove(
  material: Material,
  seeds: readonly string[],
  onExercise: (name: string) => void = () => {},
): Promise<Proof[]> {
  const { graded, released, mutants } = material;
  const names = graded.exercises.map(({ name }) => name);
  onExercise("the grader");
  const grader = await material.graderSays(seeds[0]!);
  const proofs: Proof[] = [];
  for (const exercise of graded.exercises) {
    onExercise(exercise.name);
    const proof = await proveExercise(material, exercise, seeds);
    proofs.push({ ...proof, violations: [...proof.violations, ...disagreements(grader, exercise.name)] });
  }
  const strangers = [
    ...(grader.state === "graded" ? [] : [[graded.slug, `could not be graded: ${grader.message}`]]),
    ...released
      .filter((name) => !names.includes(name))
      .map((name) => [name, "is released, and nothing grades it"]),
    ...Object.keys(mutants)
      .filter((name) => !names.includes(name))
      .map((name) => [name, "has mutants, and nothing grades it"]),
  ] as const;
  return [
    ...proofs,
    ...strangers.map(([exercise, why]) => ({
      exercise: exercise!,
      points: 0,
      tests: 0,
      mutants: 0,
      violations: [`${exercise} ${why}`],
    })),
  ];
}

/** Where the grader takes something from the solution of an exercise. */
function disagreements({ exercises }: Report, name: string): string[] {
  const tests = exercises.filter((exercise) => exercise.name === name).flatMap((exercise) => exercise.tests);
  return tests
    .filter(({ state }) => state !== "passed" && state !== "skipped")
    .map((test) => `the solution, handed to the grader, ${describe(test)}`);
}

async function proveExercise(
  material: Material,
  exercise: GradedEntry,
  seeds: readonly string[],
): Promise<Proof> {
  const { graded, solution, stub, released, withAnswer } = material;
  const { name } = exercise;
  const list: readonly Mutant<unknown>[] = material.mutants[name] ?? [];
  const violations = new Set<string>();
  const onSeeds: OnSeed[] = [];
  const judged = async (subject: Subject, seed: string) => {
    const { exercises } = await judge(graded, subject, { seed, only: [name] });
    return exercises[0]!;
  };
  if (!released.includes(name)) violations.add("the release leaves nothing of it to answer");
  if (list.length < FEWEST_MUTANTS)
    violations.add(`it has ${list.length} mutants, expected ${FEWEST_MUTANTS} or more`);
  for (const violation of list.flatMap((mutant) => checkMutant(mutant, exercise))) violations.add(violation);
  // Once is enough: a Todo does not look at its inputs.
  const untouched = (await judged(stub, seeds[0]!)).tests;
  const skipped = untouched.find(({ state }) => state === "skipped")?.message;
  for (const test of untouched) {
    if (test.state === "skipped") continue;
    const own = `${name} is not answered yet`;
    if (test.state !== "todo" || test.message !== own)
      violations.add(`the stub ${describe(test)}, not its own Todo`);
  }
  let points = 0;
  for (const seed of seeds) {
    const right = await judged(solution, seed);
    points = right.maxPoints;
    for (const test of right.tests) {
      const text = `the solution ${describe(test)}`;
      if (test.state !== "passed" && test.state !== "skipped")
        onSeeds.push({ seed, key: test.sentence, text });
    }
    for (const mutant of list) {
      const { tests } = await judged(withAnswer(name, mutant.answer), seed);
      onSeeds.push(...missed(mutant, tests).map((each) => ({ seed, ...each })));
    }
  }
  return {
    exercise: name,
    points,
    tests: exercise.tests.length,
    mutants: list.length,
    ...(skipped !== undefined && { skipped }),
    violations: [...violations, ...merged(onSeeds)],
  };
}

interface OnSeed {
  readonly seed: string;
  /** The same for what goes wrong in the same way, whatever the numbers are. */
  readonly key: string;
  readonly text: string;
}

/** One sentence for what goes wrong on several seeds: as it went on the first, and on how many more. */
function merged(found: readonly OnSeed[]): string[] {
  const keys = new Set(found.map(({ key }) => key));
  return [...keys].map((key) => {
    const [first, ...more] = found.filter((each) => each.key === key);
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    return `${first!.text} (seed ${first!.seed}${others})`;
  });
}

/** Mistakes in the mutant's own declaration. */
function checkMutant({ name, loses }: Mutant<unknown>, { tests }: GradedEntry): string[] {
  if (loses.length === 0) return [`mutant "${name}" names no test that it loses`];
  return loses
    .filter((sentence) => !tests.some((test) => test.sentence === sentence))
    .map((sentence) => `mutant "${name}" should lose "${sentence}", which is no test`);
}

function missed({ name, loses }: Mutant<unknown>, tests: readonly TestReport[]): Omit<OnSeed, "seed">[] {
  return tests.flatMap((test) => {
    const wanted = loses.includes(test.sentence) ? "failed" : "passed";
    if (test.state === wanted || test.state === "skipped") return [];
    const text = `mutant "${name}" should have ${wanted}, and ${describe(test)}`;
    return [{ key: `${name}/${test.state}/${test.sentence}`, text }];
  });
}

function describe({ state, sentence, message }: TestReport): string {
  const verbs = {
    passed: "passed",
    failed: "failed",
    error: "stopped at",
    todo: "left to do",
    skipped: "skipped",
  } as const;
  return `${verbs[state]} "${sentence}"${message === "" ? "" : `: ${message}`}`;
}
