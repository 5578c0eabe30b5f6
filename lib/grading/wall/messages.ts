/** What is said over the channel. Requests come from the judge and are right; replies come from anybody. */

import type { Outcome } from "../invoke.js";
import { line } from "../line.js";
import type { Plain } from "../values.js";
import { WireError } from "./wire.js";

/** How the submission's own lines read in a stack: `submission.js:12:5`. */
export const submissionFile = "submission.js";

export type Request = { readonly id: number } & (
  | {
      readonly kind: "load";
      readonly code: string;
      readonly withheld: readonly string[];
      readonly valueBytes: number;
    }
  | { readonly kind: "read"; readonly exercise: string }
  | { readonly kind: "call"; readonly exercise: string; readonly args: readonly Plain[] }
  /** A call, and what it did with tensors: the value is a `Traced`. */
  | { readonly kind: "trace"; readonly exercise: string; readonly args: readonly Plain[] }
  /** A program run again: the value is a `Replayed`. */
  | { readonly kind: "replay"; readonly program: Plain; readonly args: readonly Plain[] }
  /** Answered at once, with nothing: whatever else came before that answer was not asked for. */
  | { readonly kind: "confirm" }
);

/** An outcome whose error has become text. */
export type Reply = { readonly id: number } & (
  | Exclude<Outcome, { threw: unknown }>
  | { readonly threw: string; readonly stack: string }
);

/** One step of what a call did. Tensors have numbers: the arguments' come first, in order. */
export type TraceEvent =
  /** A tensor came from JavaScript. */
  | readonly ["make", id: number, tensor: Plain]
  /** A kernel ran: its inputs' numbers, by name or in an array, its attributes, its outputs' numbers. */
  | readonly ["run", kernel: string, inputs: Plain, attrs: Plain, outputs: readonly number[]]
  /** A tensor was disposed of. */
  | readonly ["free", id: number];

/** What a call did, and the numbers of the tensors in its result, in order. */
export interface Program {
  readonly events: readonly TraceEvent[];
  readonly tensors: readonly number[];
}

/** As much of a stack as its first frames need. */
const STACK = 10_000;

/** @throws WireError for anything that is no reply. */
export function readReply(message: Plain): Reply {
  if (typeof message !== "object" || message === null) throw new WireError("no reply");
  const { id, value, todo, broke, threw, stack } = message as Readonly<Record<string, Plain>>;
  if (typeof id !== "number") throw new WireError("a reply to nothing");
  if (Object.hasOwn(message, "value")) return { id, value };
  if (typeof todo === "string") return { id, todo: line(todo) };
  if (typeof broke === "string") return { id, broke: line(broke) };
  if (typeof threw === "string" && typeof stack === "string")
    return { id, threw: line(threw), stack: stack.slice(0, STACK) };
  throw new WireError("a reply of no known kind");
}

type Fields = Readonly<Record<string, Plain>>;

/** The fields of a record; of anything else, none. */
function fieldsOf(value: Plain): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** The value of a traced call: its result, and its program for the meter alone to look into. @throws WireError */
export function readTraced(value: Plain): { readonly result: Plain; readonly program: Plain } {
  const { result, program } = fieldsOf(value);
  if (program === undefined) throw new WireError("a result without its trace");
  return { result, program };
}

/** @throws WireError */
export function readProgram(program: Plain): Program {
  const { events, tensors } = fieldsOf(program);
  if (!isArray(events) || !events.every(isEvent) || !isIds(tensors)) throw new WireError("it is no program");
  return { events: events as unknown as readonly TraceEvent[], tensors };
}

function isEvent(event: Plain): boolean {
  if (!isArray(event)) return false;
  const [kind, first, second, , fourth] = event;
  if (kind === "run") return typeof first === "string" && isInputs(second) && isIds(fourth);
  return (kind === "make" || kind === "free") && typeof first === "number";
}

function isInputs(inputs: Plain): boolean {
  return typeof inputs === "object" && inputs !== null;
}

function isIds(ids: Plain): ids is readonly number[] {
  return isArray(ids) && ids.every((id) => typeof id === "number");
}

function isArray(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

/** What the meter counted, and the result's tensors as it computed them. */
export interface Replayed {
  readonly flops: number;
  readonly peakBytes: number;
  readonly uncounted: readonly string[];
  readonly outputs: readonly Plain[];
}

/** @throws WireError */
export function readReplayed(value: Plain): Replayed {
  const { flops, peakBytes, uncounted, outputs } = fieldsOf(value);
  if (!isCount(flops) || !isCount(peakBytes) || !isArray(uncounted) || !isArray(outputs)) {
    throw new WireError("no counts");
  }
  return { flops, peakBytes, uncounted: uncounted.map((name) => line(String(name))), outputs };
}

function isCount(value: Plain): value is number {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY;
}
