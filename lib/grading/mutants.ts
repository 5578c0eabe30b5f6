/** Mutants: plausible wrong answers, and what each must lose. They prove that the graded tests see something. */

export interface Mutant<A> {
  /** The mistake, in words: "normalises columns instead of rows". */
  readonly name: string;
  /** The sentences of the tests that must fail, on every seed; all others of the exercise must pass. */
  readonly loses: readonly string[];
  readonly answer: A;
}

/** Mutants by the exercise's exported name. */
export type Mutants<M> = { readonly [K in keyof M]: readonly Mutant<M[K]>[] };

/** Declares the mutants of a lesson, as the default export of `test/mutants/<slug>.ts`. */
export function mutants<M>(byExercise: Mutants<M>): Mutants<M> {
  return byExercise;
}
