/** Answers in a process without rights, as the judge sees them: the same `Subject` as in its own process. */

import { AssertionError } from "chai";
import { AnswerError, type Cost, type Subject } from "../subject.js";
import { Todo } from "../todo.js";
import type { Plain } from "../values.js";
import { defaultLimits, type Limits } from "./limits.js";
import type { Reply } from "./messages.js";
import { overtime, type Question, Stopped, WalledProcess } from "./process.js";

export interface IsolatedSubject extends Subject {
  /**
   * Evaluates the submission, unless that has been done.
   *
   * @throws AnswerError when it throws or does not end; every call throws the same then.
   */
  load(): Promise<void>;
  /** Ends its process. All that it printed has been passed on when this resolves. */
  close(): Promise<void>;
}

export interface IsolatedOptions {
  readonly limits?: Partial<Limits>;
  /** What this submission must not import: "workbook/attention". */
  readonly withheld?: readonly string[];
  /**
   * Turns an error, whose stack names the submission's lines `submission.js:LINE:COLUMN`, into a place in what was
   * handed in.
   */
  readonly locate?: (error: Error) => string | undefined;
  readonly onOutput?: (text: string) => void;
}

/**
 * Starts no process before the first call. One that crashes, sends nonsense or takes too long is killed, and the next
 * call gets another. An exercise that has used up its seconds gets no more.
 *
 * @param code the submission as one CommonJS module.
 */
export function isolated(code: string, options: IsolatedOptions = {}): IsolatedSubject {
  const { withheld = [], locate = () => undefined, onOutput = () => {} } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const spent = new Map<string, number>();
  let running: WalledProcess | undefined;
  let unloadable: AnswerError | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  };

  /** A living process that has the submission loaded. */
  const started = async (): Promise<WalledProcess> => {
    if (unloadable !== undefined) throw unloadable;
    if (running?.isAlive) return running;
    await running?.close();
    running = new WalledProcess(limits, onOutput);
    await running.started();
    const { valueBytes, seconds } = limits;
    try {
      settle("the file", await running.ask({ kind: "load", code, withheld, valueBytes }, seconds));
    } catch (error) {
      unloadable = error instanceof Stopped ? stopped("the file", error) : (error as AnswerError);
      throw unloadable;
    }
    return running;
  };

  const settle = (who: string, reply: Reply): Plain => {
    if ("value" in reply) return reply.value;
    if ("todo" in reply) throw new Todo(reply.todo);
    if ("broke" in reply) throw new AssertionError(reply.broke);
    const at = locate(Object.assign(new Error(reply.threw), { stack: reply.stack }));
    throw new AnswerError(`${who} threw ${reply.threw}${at === undefined ? "" : ` (${at})`}`);
  };

  const ask = async (exercise: string, question: Question): Promise<Plain> => {
    const used = spent.get(exercise) ?? 0;
    if (used >= limits.seconds) throw new AnswerError(overtime(limits));
    const process = await started();
    const start = performance.now();
    try {
      return settle(exercise, await process.ask(question, limits.seconds - used));
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      throw stopped(exercise, error);
    } finally {
      spent.set(exercise, used + (performance.now() - start) / 1000);
    }
  };

  return {
    load: () =>
      inTurn(async () => {
        await started();
      }),
    read: (exercise) => inTurn(() => ask(exercise, { kind: "read", exercise })),
    call: (exercise, args) => inTurn(() => ask(exercise, { kind: "call", exercise, args })),
    cost: () => Promise.reject(new Error("not yet")) as Promise<{ value: Plain; cost: Cost }>,
    close: () =>
      inTurn(async () => {
        await running?.close();
      }),
  };
}

function stopped(who: string, { message, isLate }: Stopped): AnswerError {
  return new AnswerError(isLate ? message : `${who} ${message}`);
}
