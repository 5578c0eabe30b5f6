/** Graded tests about every input of a kind: fast-check draws inputs and shrinks the one that an answer fails at. */

import { AssertionError } from "chai";
import * as fc from "fast-check";
import { type Random, random } from "../random.js";
import type { GradedTest, Handle } from "./graded.js";
import { AnswerError, OutOfTimeError } from "./subject.js";

/** Calls spent on making a counterexample smaller: each may cross to another process. */
const MOST_SHRINKS = 50;

export interface PropertyOptions<A, V> extends Omit<GradedTest<A>, "run"> {
  /** What to draw, by the name that a counterexample gives it: `({ integer }) => ({ T: integer({ min: 1, max: 60 }) })`. */
  readonly inputs: (arbitraries: typeof fc) => { readonly [K in keyof V]: fc.Arbitrary<V[K]> };
  /** How many inputs are tried; 20 unless given. */
  readonly runs?: number;
  /**
   * Throws chai's AssertionError for inputs at which the answer is wrong. `trial.random` is seeded by the inputs: the
   * same inputs meet the same tensors.
   */
  readonly holds: (
    trial: { readonly answer: Handle<A>; readonly random: Random },
    inputs: V,
  ) => Promise<void>;
}

/**
 * A test whose sentence holds for every input: "the formula equals counting pairs one by one, for every T".
 *
 * When it fails, the message starts with the smallest input that was found to fail: "for T = 3, D = 1: …". Same
 * seed, same inputs, same counterexample, however fast the answer is.
 */
export function property<A, V extends Readonly<Record<string, unknown>>>(
  options: PropertyOptions<A, V>,
): GradedTest<A> {
  const { inputs, runs = 20, holds, ...test } = options;
  return {
    ...test,
    run: async ({ answer, random: source }) => {
      const [seed, data] = [source.integer(2 ** 31), source.uniform()];
      let failure: unknown;
      let shrinks = 0;
      let ended: unknown;
      const predicate = async (drawn: V): Promise<void> => {
        if (ended !== undefined || (failure !== undefined && ++shrinks > MOST_SHRINKS)) return;
        try {
          await holds({ answer, random: random(`${data}/${JSON.stringify(drawn)}`) }, drawn);
        } catch (error) {
          // A Todo or the end of the time says nothing about these inputs: smaller ones would tell no more.
          if (!isAboutInputs(error)) ended = error;
          failure = at(drawn, error);
          throw failure;
        }
      };
      const drawn = fc.record<V>(inputs(fc) as { [K in keyof V]: fc.Arbitrary<V[K]> });
      await fc.check(fc.asyncProperty(drawn as fc.Arbitrary<V>, predicate), { seed, numRuns: runs });
      if (ended !== undefined) throw ended;
      if (failure !== undefined) throw failure;
    },
  };
}

function isAboutInputs(error: unknown): error is Error {
  return (
    error instanceof AssertionError || (error instanceof AnswerError && !(error instanceof OutOfTimeError))
  );
}

/** The same error, with the inputs in front of its message. */
function at(inputs: Readonly<Record<string, unknown>>, error: unknown): unknown {
  if (!isAboutInputs(error)) return error;
  const words = Object.entries(inputs).map(([name, value]) => `${name} = ${describe(value)}`);
  error.message = `for ${words.join(", ")}: ${error.message}`;
  return error;
}

function describe(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
}
