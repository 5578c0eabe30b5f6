/**
 * What a call costs, without believing a word of its process.
 *
 * The process sends the program of the call: kernels, constants, disposals. A meter, a second process that runs no
 * submission, executes it on tfjs's own kernels; it must give the same result, and its counts are the cost. Constants
 * could hold a result that was computed in plain JavaScript. So the program runs once more on other numbers, and must give
 * what the answer gives for these in a third process, which has seen nothing of the first call. That answer must be right
 * too (`Costed.again`, which the test verifies): a program may know the first numbers when it sees them.
 */

import { AssertionError } from "chai";
import type { Random } from "../../random.js";
import type { Costed } from "../subject.js";
import { type Plain, PlainTensor } from "../values.js";
import { encode } from "./encode.js";
import { readReplayed, readTraced } from "./messages.js";

/** Who does what; each throws what a test may see. */
export interface Parties {
  trace(exercise: string, args: readonly Plain[]): Promise<Plain>;
  replay(program: Plain, args: readonly Plain[]): Promise<Plain>;
  /** The answer in a process that only ever sees such numbers. */
  callElsewhere(exercise: string, args: readonly Plain[]): Promise<Plain>;
}

/** @throws AssertionError when the program does not give the answer's results. */
export async function costOf(
  exercise: string,
  args: readonly Plain[],
  { trace, replay, callElsewhere }: Parties,
  random: Random,
): Promise<Costed> {
  const { result, program } = readTraced(await trace(exercise, args));
  const replayed = readReplayed(await replay(program, args));
  const complaint = `${exercise}: the operations that were counted do not give its result`;
  if (!isSame(tensorsOf(result), replayed.outputs)) throw new AssertionError(complaint);
  const others = args.map((arg) => withOtherNumbers(arg, random));
  const elsewhere = await callElsewhere(exercise, others);
  const repeated = readReplayed(await replay(program, others));
  if (!isSame(tensorsOf(elsewhere), repeated.outputs) || !isSame(numbersOf(elsewhere), numbersOf(result))) {
    throw new AssertionError(
      `${complaint} for other numbers of the same shape; compute with tensor operations (tf.…) on the arguments`,
    );
  }
  const { flops, peakBytes, uncounted } = replayed;
  const again = { args: others, value: elsewhere };
  return { value: result, cost: { flops, peakBytes, uncounted }, again };
}

/**
 * The same value with other numbers in each float tensor, drawn from those that stand in it, so that they stay in its
 * range. The largest and the smallest are left out: a sum changes with the draw, an extreme must change too.
 */
function withOtherNumbers(value: Plain, random: Random): Plain {
  if (value instanceof PlainTensor) {
    if (value.dtype !== "float32") return value;
    return new PlainTensor(value.shape, value.dtype, otherNumbers(value.data as Float32Array, random));
  }
  if (Array.isArray(value)) return value.map((item: Plain) => withOtherNumbers(item, random));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withOtherNumbers(item as Plain, random)]),
  );
}

function otherNumbers(data: Float32Array, random: Random): Float32Array {
  const sorted = Float32Array.from(data).sort();
  const inner = sorted.filter((number) => number > sorted[0]! && number < sorted.at(-1)!);
  // Two values or fewer, a mask perhaps: another order is all there is.
  if (inner.length === 0) return Float32Array.from(random.shuffle([...data]));
  return data.map(() => inner[random.integer(inner.length)]!);
}

/** In the order in which `tensorsIn` finds them. */
function tensorsOf(value: Plain): PlainTensor[] {
  if (value instanceof PlainTensor) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((item) => tensorsOf(item as Plain));
}

/** Everything but the tensors. */
function numbersOf(value: Plain): Plain {
  if (value instanceof PlainTensor) return null;
  if (Array.isArray(value)) return value.map(numbersOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, numbersOf(item as Plain)]));
}

/** To the last bit: the same kernels ran on the same numbers. */
function isSame(a: Plain, b: Plain): boolean {
  const [left, right] = [encode(a), encode(b)];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
