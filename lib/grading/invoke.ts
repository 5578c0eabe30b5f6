/** Calls one answer with plain values and says what came of it, as data: the same beside the judge and behind the wall. */

import { isTodo } from "./todo.js";
import { describePlain, isThenable, Odd, type Plain, tensorsIn, toPlain } from "./values.js";

export type Outcome =
  | { readonly value: Plain }
  /** Nobody answered the exercise of that name yet. */
  | { readonly todo: string }
  | { readonly threw: unknown }
  /** The answer broke a rule of answers; one sentence. */
  | { readonly broke: string };

export type Answers = Readonly<Record<string, unknown>>;

/** What a constant is. */
export function readAnswer(answers: Answers, exercise: string): Outcome {
  return caught(() => {
    const answer = find(answers, exercise);
    return "found" in answer ? { value: toPlain(answer.found) } : answer;
  });
}

/** What a function returns; its tensors belong to the current scope. */
export function callAnswer(answers: Answers, exercise: string, args: readonly unknown[]): Outcome {
  return caught(() => {
    const answer = find(answers, exercise);
    if (!("found" in answer)) return answer;
    if (typeof answer.found !== "function") {
      return { broke: `${exercise} is ${describePlain(toPlain(answer.found))}; expected a function` };
    }
    const result: unknown = answer.found(...args);
    if (isThenable(result)) {
      // Nobody will wait for it: its failure must not surface later as an unhandled rejection.
      result.then(undefined, () => {});
      return { value: new Odd("a Promise") };
    }
    const value = toPlain(result);
    const disposed = args.findIndex((arg) => tensorsIn(arg).some((tensor) => tensor.isDisposed));
    return disposed < 0
      ? { value }
      : {
          broke: `${exercise} disposed its argument ${disposed + 1}; leave what is given to you alive (tf.tidy frees what you made)`,
        };
  });
}

function find(answers: Answers, exercise: string): Exclude<Outcome, { value: Plain }> | { found: unknown } {
  const answer = answers[exercise];
  if (isTodo(answer)) return { todo: answer.exercise };
  if (answer === undefined) return { broke: `there is no ${exercise}: nothing of that name is exported` };
  return { found: answer };
}

function caught(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    return isTodo(error) ? { todo: error.exercise } : { threw: error };
  }
}

/** One line for a thrown value: "RangeError: no such n". */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `a value that is no Error: ${String(error)}`;
  // The tensorflow backend spreads its messages over several lines.
  return `${error.name}: ${error.message.trim().replace(/\s*\n\s*/g, " ")}`;
}
