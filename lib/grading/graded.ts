/**
 * How graded tests are written: data, typed on the module that is judged. `lib/grading/README.md` shows one.
 *
 * A test never holds the answer itself, only an asynchronous handle to it: what it awaits has been copied and
 * checked, wherever the answer runs.
 */

import type { Random } from "../random.js";
import type { Kind, KindOf } from "./kinds.js";
import { isDecimal } from "./points.js";
import type { Cost } from "./subject.js";

// biome-ignore lint/suspicious/noExplicitAny: the one type that every function is assignable to
type AnyFunction = (...args: any[]) => unknown;

/** `await answer(x)` calls the learner's function; `await answer()` reads a constant. */
export type Handle<A> = A extends (...args: infer P) => infer R
  ? (...args: P) => Promise<R>
  : () => Promise<A>;

/** `await cost(x)` calls it too, and says what the backend executed. */
export type CostHandle<A> = A extends (...args: infer P) => infer R
  ? (...args: P) => Promise<
      Cost & {
        readonly value: R;
        /** Where it is there, verify it like `value`: the isolated grader cannot do without. */
        readonly again?: { readonly args: P; readonly value: R };
      }
    >
  : never;

/** What a test works with. */
export interface Trial<A> {
  /** Results are the judge's own copies, of the declared kind and without NaN; anything else fails the test. */
  readonly answer: Handle<A>;
  readonly cost: CostHandle<A>;
  /** Seeded for this test alone: adding a test does not change another's inputs. */
  readonly random: Random;
}

export interface GradedTest<A> {
  /** One sentence of mathematics that must hold: "each row sums to one". Unique within the exercise. */
  readonly sentence: string;
  /** 1 unless given; at most three decimals. All of them or none. */
  readonly points?: number;
  /** Shown when this test fails. */
  readonly hint?: string;
  /** Students learn that there is a hidden test, its points and whether it passed; sentence, message and hint stay out. */
  readonly hidden?: boolean;
  /** Returns when the sentence holds; throws chai's AssertionError when it does not. */
  readonly run: (trial: Trial<A>) => Promise<void>;
}

interface ExerciseText {
  readonly title: string;
  /** Shown once when any test of the exercise fails. */
  readonly hint?: string;
}

/** A function is judged by what it returns, a constant by what it is. */
export type GradedExercise<A> = ExerciseText & {
  readonly tests: readonly GradedTest<A>[];
} & (A extends AnyFunction
    ? { readonly returns: KindOf<ReturnType<A>>; readonly is?: undefined }
    : { readonly is: KindOf<A>; readonly returns?: undefined });

/** One exercise per export of the solution's module. */
export type GradedExercises<M> = { readonly [K in keyof M]: GradedExercise<M[K]> };

/** The same without the module's types: what judge, report and proof work with. */
export interface Graded {
  readonly slug: string;
  readonly exercises: readonly GradedEntry[];
  /** Modules that an answer may not import, because it is to be what they hold: "workbook/attention". */
  readonly withheld?: readonly string[];
  /** What `workbook grade` judges with; the fastest for large tensors unless given. */
  readonly backend?: "cpu";
}

export interface GradedEntry extends ExerciseText {
  /** The exported name. */
  readonly name: string;
  readonly returns?: Kind;
  readonly is?: Kind;
  readonly tests: readonly GradedTest<AnyFunction>[];
}

export interface GradedOptions {
  /** Modules that a file of answers may not import. Answers given in a cell cannot be searched for imports. */
  readonly withheld?: readonly string[];
  /**
   * "cpu" where the tests' tensors are small: a batch need not load TensorFlow's library then, which takes every worker
   * a second.
   */
  readonly backend?: "cpu";
}

/**
 * Declares the graded tests of `exercises/<slug>.ts`, as the default export of `test/graded/<slug>.ts`.
 *
 * @throws when an exercise has no tests, two of its tests share a sentence, or points are no decimals above zero.
 */
export function graded<M>(
  slug: string,
  exercises: GradedExercises<M>,
  { withheld, backend }: GradedOptions = {},
): Graded {
  const entries = Object.entries(exercises).map(([name, exercise]) => ({
    ...(exercise as Omit<GradedEntry, "name">),
    name,
  }));
  for (const { name, tests } of entries) {
    if (tests.length === 0) throw new Error(`graded ${slug}: ${name} has no tests`);
    const seen = new Set<string>();
    for (const test of tests) {
      if (seen.has(test.sentence)) {
        throw new Error(`graded ${slug}: ${name} has two tests named "${test.sentence}"`);
      }
      seen.add(test.sentence);
      const points = pointsOf(test);
      if (!(points > 0 && isDecimal(points))) {
        throw new Error(
          `graded ${slug}: "${test.sentence}" needs points above zero with at most three decimals, got ${points}`,
        );
      }
    }
  }
  return { slug, exercises: entries, ...(withheld && { withheld }), ...(backend && { backend }) };
}

export function pointsOf({ points = 1 }: { readonly points?: number }): number {
  return points;
}
