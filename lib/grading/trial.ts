/** Turns a subject into what one test works with: handles whose results are copied, checked and alive. */

import { random } from "../random.js";
import type { GradedEntry, Trial } from "./graded.js";
import { assertKind } from "./kinds.js";
import type { Subject } from "./subject.js";
import { fromPlain, Odd, type Plain, toPlain } from "./values.js";

// biome-ignore lint/suspicious/noExplicitAny: tests of every answer's type pass through here
export type AnyTrial = Trial<any>;

/**
 * @param seed of this test alone.
 * @param isOver true once the test has ended: what it left behind must not reach into the next one.
 */
export function trial(
  exercise: GradedEntry,
  subject: Subject,
  seed: string,
  isOver: () => boolean,
): AnyTrial {
  const { name, is, returns } = exercise;
  const receive = (value: Plain): unknown => {
    if (isOver()) throw new Error(`the test of ${name} is over`);
    if (is !== undefined) assertKind(`${name} is`, value, is);
    if (returns !== undefined) assertKind(`${name} returned`, value, returns);
    return fromPlain(value);
  };
  return {
    answer: async (...args: unknown[]) =>
      receive(
        is === undefined ? await subject.call(name, plainArguments(name, args)) : await subject.read(name),
      ),
    cost: async (...args: unknown[]) => {
      const { value, cost, again } = await subject.cost(name, plainArguments(name, args));
      const received = { ...cost, value: receive(value) };
      if (again === undefined) return received;
      return { ...received, again: { args: again.args.map(fromPlain), value: receive(again.value) } };
    },
    random: random(seed),
  };
}

/** Arguments cross to the answer's side, so they are data: a function among them is the test author's mistake. */
function plainArguments(name: string, args: readonly unknown[]): Plain[] {
  return args.map((arg, i) => {
    const plain = toPlain(arg);
    const odd = firstOdd(plain);
    if (odd !== undefined) throw new TypeError(`graded test of ${name}: argument ${i + 1} holds ${odd.what}`);
    return plain;
  });
}

function firstOdd(plain: Plain): Odd | undefined {
  if (plain instanceof Odd) return plain;
  if (typeof plain !== "object" || plain === null || ArrayBuffer.isView(plain)) return undefined;
  return Object.values(plain)
    .map(firstOdd)
    .find((odd) => odd !== undefined);
}
