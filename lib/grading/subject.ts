/**
 * The side where answers live. The judge only sees `Subject`: named calls with plain values in and out, all
 * asynchronous, so that an answer may live in this process (here) or in another one without rights.
 */

import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { count } from "../measure/count.js";
import { type Answers, callAnswer, describeError, type Outcome, readAnswer } from "./invoke.js";
import { Todo } from "./todo.js";
import { fromPlain, type Plain, tensorsIn } from "./values.js";

/** What the backend really executed in one call. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Most bytes alive at once beyond the arguments. */
  readonly peakBytes: number;
  /** Kernels that ran and whose operations nobody knows how to count: missing from `flops`. */
  readonly uncounted: readonly string[];
}

export interface Costed {
  readonly value: Plain;
  readonly cost: Cost;
  /**
   * Where nothing is believed: the counted program on other arguments. It is worth its cost only if this value is right
   * too; else it may hold the first one ready.
   */
  readonly again?: { readonly args: readonly Plain[]; readonly value: Plain };
}

export interface Subject {
  /**
   * Calls the function of that name.
   *
   * @throws Todo when nobody answered yet, AnswerError when the answer threw, chai's AssertionError when it
   * broke the rules of an answer (no function, disposed its input).
   */
  call(exercise: string, args: readonly Plain[]): Promise<Plain>;
  /** Calls the function and says what that cost. */
  cost(exercise: string, args: readonly Plain[]): Promise<Costed>;
  /** Reads the constant of that name. @throws Todo when nobody answered yet. */
  read(exercise: string): Promise<Plain>;
}

/** The answer itself threw. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** The answer did not come in time, whatever its inputs were: the exercise's time is used up. */
export class OutOfTimeError extends AnswerError {}

/**
 * Answers in this process: a loaded module's exports, or functions given in a notebook's cell.
 *
 * @param locate turns a thrown error into `file:line:column` of the answer's source, where that is known.
 */
export function inProcess(
  answers: Answers,
  locate: (error: unknown) => string | undefined = () => undefined,
): Subject {
  const settled = (exercise: string, outcome: Outcome) => settle(exercise, outcome, locate);
  return {
    async read(exercise) {
      return settled(exercise, readAnswer(answers, exercise));
    },
    async call(exercise, args) {
      let value: Plain;
      tf.tidy(() => {
        value = settled(exercise, callAnswer(answers, exercise, args.map(fromPlain)));
      });
      return value;
    },
    async cost(exercise, args) {
      let value: Plain;
      const inputs = args.map(fromPlain);
      try {
        const { flops, peakBytes, uncounted } = await count(() => {
          value = settled(exercise, callAnswer(answers, exercise, inputs));
        });
        return { value, cost: { flops, peakBytes, uncounted } };
      } finally {
        tf.dispose(inputs.flatMap(tensorsIn));
      }
    },
  };
}

/** The value of an outcome. @throws Todo, AnswerError or AssertionError for the others. */
export function settle(
  exercise: string,
  outcome: Outcome,
  locate: (error: unknown) => string | undefined,
): Plain {
  if ("value" in outcome) return outcome.value;
  if ("todo" in outcome) throw new Todo(outcome.todo);
  if ("broke" in outcome) throw new AssertionError(outcome.broke);
  const at = locate(outcome.threw);
  const where = at === undefined ? "" : ` (${at})`;
  throw new AnswerError(`${exercise} threw ${describeError(outcome.threw)}${where}`);
}
