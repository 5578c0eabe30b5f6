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
import { fromPlain, type Plain, PlainTensor } from "../../values.js";
import { decode } from "../decode.js";
import { encode } from "../encode.js";
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
  warmUp(modules);
  if (startupSnapshot.isBuildingSnapshot()) {
    startupSnapshot.setDeserializeMainFunction(() => void serve(modules));
  } else if (process.argv[2] !== "cache") {
    void serve(modules);
  }
}

async function serve(modules: Modules): Promise<void> {
  // How its memory is taken is all that stands there.
  for (const name of Object.keys(process.env)) delete process.env[name];
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

/**
 * Makes the backend ready, and rehearses a submission: what is compiled by then need not be compiled again in each
 * process.
 */
function warmUp(modules: Modules): void {
  // With its first tensor the backend advertises another package on the console, unless it believes to be tested.
  tf.env().set("IS_TEST", true);
  const loaded = load(rehearsal, requireFrom(modules, []));
  if (!("answers" in loaded)) throw loaded.threw;
  const x = new PlainTensor([2, 2], "float32", Float32Array.of(1, 2, 3, 4));
  for (const exercise of ["weights", "count", "none"]) {
    const request = decode(encode({ id: 1, kind: "call", exercise, args: [x, 2] })) as unknown as Request;
    const reply = replyTo(request.id, handle(loaded.answers, request));
    decode(encode(reply as unknown as Plain));
  }
  tf.env().set("IS_TEST", false);
}

const rehearsal = `
  const tf = require("@tensorflow/tfjs");
  exports.weights = (x) => tf.tidy(() => {
    const scores = tf.mul(tf.matMul(x, tf.transpose(x)), 0.5);
    const powers = tf.exp(tf.sub(scores, tf.max(scores, 1, true)));
    return tf.add(tf.softmax(scores), tf.div(powers, tf.sum(powers, 1, true)));
  });
  exports.count = (x, n) => (n * (n + 1)) / 2;
  exports.none = () => { throw new Error("none"); };
`;
