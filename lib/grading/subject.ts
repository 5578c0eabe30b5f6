/**
 * The side where answers live. The judge only sees `Subject`: named calls with plain values in and out, all
 * asynchronous, so that an answer may live in this process (here) or in another one without rights.
 */

import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { count } from "../measure/count.js";
import { isTodo, Todo } from "./todo.js";
import { describePlain, fromPlain, isThenable, Odd, type Plain, tensorsIn, toPlain } from "./values.js";

/** What the backend really executed in one call. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Most bytes alive at once beyond the arguments. */
  readonly peakBytes: number;
  /** Kernels that ran and whose operations nobody knows how to count: missing from `flops`. */
  readonly uncounted: readonly string[];
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
  cost(exercise: string, args: readonly Plain[]): Promise<{ readonly value: Plain; readonly cost: Cost }>;
  /** Reads the constant of that name. @throws Todo when nobody answered yet. */
  read(exercise: string): Promise<Plain>;
}

/** The answer itself threw. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/**
 * Answers in this process: a loaded module's exports, or functions given in a notebook's cell.
 *
 * @param locate turns a thrown error into `file:line:column` of the answer's source, where that is known.
 */
export function inProcess(
  answers: Readonly<Record<string, unknown>>,
  locate: (error: unknown) => string | undefined = () => undefined,
): Subject {
  const thrown = (exercise: string, error: unknown) => {
    if (isTodo(error)) return new Todo(error.exercise);
    const at = locate(error);
    return new AnswerError(`${exercise} threw ${describeError(error)}${at === undefined ? "" : ` (${at})`}`);
  };
  const find = (exercise: string): unknown => {
    const answer = answers[exercise];
    if (isTodo(answer)) throw new Todo(answer.exercise);
    if (answer === undefined)
      throw new AssertionError(`there is no ${exercise}: nothing of that name is exported`);
    return answer;
  };
  const invoke = (exercise: string, args: readonly unknown[]): Plain => {
    const answer = find(exercise);
    if (typeof answer !== "function") {
      throw new AssertionError(`${exercise} is ${describePlain(toPlain(answer))}; expected a function`);
    }
    let result: unknown;
    try {
      result = answer(...args);
    } catch (error) {
      throw thrown(exercise, error);
    }
    if (isThenable(result)) {
      // Nobody will wait for it: its failure must not surface later as an unhandled rejection.
      result.then(undefined, () => {});
      return new Odd("a Promise");
    }
    const value = toPlain(result);
    args.forEach((arg, i) => {
      if (!tensorsIn(arg).some((tensor) => tensor.isDisposed)) return;
      throw new AssertionError(
        `${exercise} disposed its argument ${i + 1}; leave what is given to you alive (tf.tidy frees what you made)`,
      );
    });
    return value;
  };
  return {
    async read(exercise) {
      return toPlain(find(exercise));
    },
    async call(exercise, args) {
      let value: Plain;
      tf.tidy(() => {
        value = invoke(exercise, args.map(fromPlain));
      });
      return value;
    },
    async cost(exercise, args) {
      let value: Plain;
      const inputs = args.map(fromPlain);
      try {
        const { flops, peakBytes, uncounted } = await count(() => {
          value = invoke(exercise, inputs);
        });
        return { value, cost: { flops, peakBytes, uncounted } };
      } finally {
        tf.dispose(inputs.flatMap(tensorsIn));
      }
    },
  };
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `a value that is no Error: ${String(error)}`;
  // The tensorflow backend spreads its messages over several lines.
  return `${error.name}: ${error.message.trim().replace(/\s*\n\s*/g, " ")}`;
}
