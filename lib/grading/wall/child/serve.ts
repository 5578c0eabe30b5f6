/**
 * What runs behind the wall: it loads one submission and answers one request after the other.
 *
 * It never returns to Node's event loop, so that what an answer leaves for later (timers, promises) does not
 * happen. Nothing here is trusted: a submission shares this realm and can change all of it.
 */

import process from "node:process";
import { startupSnapshot } from "node:v8";
import vm from "node:vm";
import * as tf from "@tensorflow/tfjs";
import { type Answers, callAnswer, describeError, type Outcome, readAnswer } from "../../invoke.js";
import { fromPlain, type Plain } from "../../values.js";
import { type Reply, type Request, submissionFile } from "../messages.js";
import { WireError } from "../wire.js";
import { receive, send } from "./channel.js";
import { replay } from "./replay.js";
import { traceAnswer } from "./trace.js";

/** What a submission may import: name → module, evaluated when somebody asks for it. */
export type Modules = Readonly<Record<string, () => unknown>>;

const { reallyExit } = process as unknown as { reallyExit(code: number): never };

interface Pipe {
  readonly _handle?: { setBlocking?(on: boolean): void };
}

/**
 * Warms up, then serves; where a start-up snapshot or the code cache is made, that is left to the process that
 * starts from it.
 */
export function start(modules: Modules): void {
  warmUp();
  if (startupSnapshot.isBuildingSnapshot()) {
    startupSnapshot.setDeserializeMainFunction(() => void serve(modules));
  } else if (process.argv[2] !== "cache") {
    void serve(modules);
  }
}

async function serve(modules: Modules): Promise<void> {
  // The event loop, which would write later what does not fit into the pipe now, never gets its turn.
  for (const { _handle } of [process.stdout, process.stderr] as unknown as Pipe[])
    _handle?.setBlocking?.(true);
  let answers: Answers = {};
  let limit = Number.POSITIVE_INFINITY;
  send({ id: 0, value: "ready" }, limit);
  for (;;) {
    const message = receive();
    if (message === "closed") reallyExit(0);
    const request = message as unknown as Request;
    const { id } = request;
    let reply: Reply;
    if (request.kind === "load") {
      limit = request.valueBytes;
      const loaded = load(request.code, requireFrom(modules, request.withheld));
      if ("answers" in loaded) answers = loaded.answers;
      reply = "answers" in loaded ? { id, value: "loaded" } : replyTo(id, loaded);
    } else {
      // Only the meter ever waits: where submissions run, nothing of theirs gets a turn between two requests.
      const repeated = request.kind === "replay" ? await replay(request.program, request.args) : undefined;
      reply = replyTo(id, repeated ?? handle(answers, request));
    }
    try {
      send(reply as unknown as Plain, limit);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      send({ id, broke: `the result is too large: ${error.message}` }, limit);
    }
  }
}

function handle(answers: Answers, request: Request): Outcome {
  switch (request.kind) {
    case "confirm":
      return { value: "confirmed" };
    case "read":
      return readAnswer(answers, request.exercise);
    case "call":
      return callInScope(answers, request.exercise, request.args);
    case "trace":
      return traceAnswer(answers, request.exercise, request.args);
    default:
      return { broke: "nothing to do" };
  }
}

function callInScope(answers: Answers, exercise: string, args: readonly Plain[]): Outcome {
  let outcome: Outcome | undefined;
  tf.tidy(() => {
    outcome = callAnswer(answers, exercise, args.map(fromPlain));
  });
  return outcome!;
}

function load(code: string, require: (name: string) => unknown): { answers: Answers } | { threw: unknown } {
  const module = { exports: {} as Answers };
  try {
    const run = vm.compileFunction(code, ["module", "exports", "require"], { filename: submissionFile });
    run(module, module.exports, require);
    return { answers: module.exports };
  } catch (threw) {
    return { threw };
  }
}

function requireFrom(modules: Modules, withheld: readonly string[]): (name: string) => unknown {
  return (name) => {
    if (withheld.includes(name)) throw new Error(`"${name}" is withheld from answers to these exercises`);
    if (!Object.hasOwn(modules, name)) throw new Error(`"${name}" cannot be imported by an answer`);
    return modules[name]!();
  };
}

function replyTo(id: number, outcome: Outcome): Reply {
  if (!("threw" in outcome)) return { id, ...outcome };
  try {
    const { threw } = outcome;
    const stack = threw instanceof Error ? String(threw.stack) : "";
    return { id, threw: describeError(threw), stack };
  } catch {
    return { id, threw: "a value that cannot be shown", stack: "" };
  }
}

/** Makes the backend ready, and compiles what nearly every answer uses (that is what the code cache remembers). */
function warmUp(): void {
  // With its first tensor the backend advertises another package on the console, unless it believes to be tested.
  tf.env().set("IS_TEST", true);
  tf.tidy(() => {
    const x = tf.ones([2, 2]);
    tf.softmax(tf.matMul(x, tf.transpose(x))).dataSync();
  });
  tf.env().set("IS_TEST", false);
}
