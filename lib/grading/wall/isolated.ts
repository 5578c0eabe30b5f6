/** Answers in a process without rights, as the judge sees them: the same `Subject` as in its own process. */

import { AssertionError } from "chai";
import { random } from "../../random.js";
import { AnswerError, OutOfTimeError, type Subject } from "../subject.js";
import { Todo } from "../todo.js";
import type { Plain } from "../values.js";
import { Allowance } from "./allowance.js";
import { costOf } from "./cost.js";
import type { Command } from "./jail.js";
import { defaultLimits, type Limits } from "./limits.js";
import type { Reply } from "./messages.js";
import { overtime, type Question, Stopped, WalledProcess } from "./process.js";
import { WireError } from "./wire.js";

/** The grader's own fault: no judgement of the submission. */
export class WallError extends Error {
  override readonly name = "WallError";
}

export interface IsolatedSubject extends Subject {
  /**
   * Evaluates the submission, unless that has been done.
   *
   * @throws AnswerError when it throws or does not end; every call throws the same then. WallError, as every call
   * may, when the fault is not the submission's.
   */
  load(): Promise<void>;
  /**
   * Ends its processes. All that they printed has been passed on when this resolves.
   *
   * @throws WallError when one could not be started meanwhile: a judgement made with it is void.
   */
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
  readonly locate?: Locate;
  readonly onOutput?: (text: string) => void;
  /** Draws the numbers on which costed calls are made again. A submission that knew it could foresee them. */
  readonly seed?: string;
  /** How processes are started: behind all walls that this machine has, unless a test takes one away. */
  readonly command?: (folder: string, limits: Limits) => Command;
}

/**
 * Starts no process before the first call. One that crashes, sends nonsense or takes too long is killed, and the next
 * call gets another. An exercise that has used up its seconds gets no more.
 *
 * @param code the submission as one CommonJS module.
 */
export function isolated(code: string, options: IsolatedOptions = {}): IsolatedSubject {
  const { withheld = [], locate = () => undefined, onOutput = () => {} } = options;
  const { seed = crypto.randomUUID(), command } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const allowances = new Map<string, Allowance>();
  let unloadable: AnswerError | undefined;
  let fault: WallError | undefined;
  const inTurn = turns();

  // All loading together has an exercise's time: a file that is slow to load may not die at every call.
  const loading = new Allowance(limits);
  const load = async (process: WalledProcess): Promise<void> => {
    if (unloadable !== undefined) throw unloadable;
    const { valueBytes } = limits;
    try {
      const question = { kind: "load", code, withheld, valueBytes } as const;
      const reply = await process.ask(question, loading);
      if ("threw" in reply) unloadable = thrown("the file", reply, locate);
      else if (!("value" in reply)) unloadable = new AnswerError("the file did not load");
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      unloadable = stopped("the file", error);
    }
    if (unloadable !== undefined) throw unloadable;
  };
  const onFault = (error: WallError) => {
    fault = error;
    return error;
  };
  const quiet = () => new WalledProcess(limits, () => {}, command);
  const answering = replaceable(() => new WalledProcess(limits, onOutput, command), load, onFault);
  const elsewhere = replaceable(quiet, load, onFault);
  const meter = replaceable(quiet, async () => {}, onFault);

  /** Asks at the expense of an exercise. */
  const ask = async (who: Replaceable, exercise: string, question: Question): Promise<Plain> => {
    const own = allowances.get(exercise) ?? new Allowance(limits);
    allowances.set(exercise, own);
    if (own.isUsedUp) throw new OutOfTimeError(overtime(limits));
    const process = await who.living();
    try {
      return settle(exercise, await process.ask(question, own), locate);
    } catch (error) {
      throw error instanceof Stopped ? stopped(exercise, error) : error;
    }
  };

  const cost: Subject["cost"] = async (exercise, args) => {
    try {
      return await costOf(
        exercise,
        args,
        {
          trace: () => ask(answering, exercise, { kind: "trace", exercise, args }),
          replay: (program, args) => ask(meter, exercise, { kind: "replay", program, args }),
          callElsewhere: (_, args) => ask(elsewhere, exercise, { kind: "call", exercise, args }),
        },
        random(`${seed}/${exercise}`),
      );
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      throw new AnswerError(`${exercise} sent its judge ${error.message}`);
    }
  };

  return {
    load: () => inTurn(() => answering.living().then(() => {})),
    read: (exercise) => inTurn(() => ask(answering, exercise, { kind: "read", exercise })),
    call: (exercise, args) => inTurn(() => ask(answering, exercise, { kind: "call", exercise, args })),
    cost: (exercise, args) => inTurn(() => cost(exercise, args)),
    close: () =>
      inTurn(async () => {
        await Promise.all([answering, elsewhere, meter].map((process) => process.close()));
        if (fault !== undefined) throw fault;
      }),
  };
}

/** Runs work one after the other, whatever comes of it. */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}

interface Replaceable {
  /** The running process, or a new one that has been prepared. */
  living(): Promise<WalledProcess>;
  close(): Promise<void>;
}

function replaceable(
  start: () => WalledProcess,
  prepare: (process: WalledProcess) => Promise<void>,
  onFault: (error: WallError) => WallError,
): Replaceable {
  let process: WalledProcess | undefined;
  const close = async () => {
    await process?.close();
    process = undefined;
  };
  return {
    close,
    living: async () => {
      if (process?.isAlive) return process;
      await close();
      process = start();
      try {
        await process.started();
      } catch (error) {
        const { message, isLate } = error as Stopped;
        const why = isLate ? "it takes too long" : `it ${message}`;
        throw onFault(new WallError(`the process without rights does not start: ${why}`));
      }
      try {
        await prepare(process);
      } catch (error) {
        await close();
        throw error;
      }
      return process;
    },
  };
}

function settle(who: string, reply: Reply, locate: Locate): Plain {
  if ("value" in reply) return reply.value;
  if ("todo" in reply) throw new Todo(reply.todo);
  if ("broke" in reply) throw new AssertionError(reply.broke);
  throw thrown(who, reply, locate);
}

type Locate = (error: Error) => string | undefined;

function thrown(
  who: string,
  { threw, stack }: Extract<Reply, { threw: string }>,
  locate: Locate,
): AnswerError {
  const at = locate(Object.assign(new Error(threw), { stack }));
  return new AnswerError(`${who} threw ${threw}${at === undefined ? "" : ` (${at})`}`);
}

function stopped(who: string, { message, isLate }: Stopped): AnswerError {
  return isLate ? new OutOfTimeError(message) : new AnswerError(`${who} ${message}`);
}
