/**
 * Graded complexity: what the backend executed over growing sizes, fitted; never a clock.
 *
 * In this process only tensor operations are seen: an answer that reads its tensors, works in plain JavaScript loops and
 * hands the result to one cheap operation looks cheap. The isolated grader does see that (README.md, "The wall").
 */

import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { fitExponent } from "../measure/fit.js";
import { type Random, random } from "../random.js";
import type { CostHandle, GradedTest } from "./graded.js";

// biome-ignore lint/suspicious/noExplicitAny: the one type that every function is assignable to
type AnyFunction = (...args: any[]) => unknown;

export interface ComplexityOptions<A extends AnyFunction> {
  readonly sentence: string;
  readonly points?: number;
  readonly hint?: string;
  readonly hidden?: boolean;
  /** Growing sizes, three or more, large enough that the leading term leads. */
  readonly sizes: readonly number[];
  /** The call's arguments at one size. */
  readonly args: (size: number, random: Random) => Parameters<A>;
  readonly quantity: "flops" | "peakBytes";
  /** What quantity ∝ sizeᵉ must have for e. */
  readonly exponent: number;
  /** How far the fitted exponent may be from it; say in a comment which smaller terms make it deviate. */
  readonly tolerance: number;
  /**
   * The most that is allowed at a size. Without it, enough useless work of the right growth hides faster growth: give a
   * few times what the solution takes.
   */
  readonly atMost?: (size: number) => number;
  /** Throws unless the result is right, asked at every size: growing well is worth nothing where it is wrong. */
  readonly verify: (value: ReturnType<A>, ...args: Parameters<A>) => void;
}

const words = { flops: "floating-point operations", peakBytes: "peak bytes" } as const;

/** A test whose sentence is about growth: "doubling T doubles the operations". */
export function gradedComplexity<A extends AnyFunction>(options: ComplexityOptions<A>): GradedTest<A> {
  const { sentence, points, hint, hidden, sizes, args, quantity, exponent, tolerance, atMost, verify } =
    options;
  if (sizes.length < 3)
    throw new RangeError(`gradedComplexity: expected three sizes or more, got ${sizes.length}`);
  return {
    sentence,
    points,
    hint,
    hidden,
    run: async ({ cost, random: source }) => {
      // Every size gets its own numbers, whatever order they are measured in.
      const seed = source.uniform();
      const measured: number[] = [];
      for (const size of sizes) {
        const inputs = args(size, random(`${seed}/${size}`));
        const { value, again, ...counts } = await (cost as CostHandle<AnyFunction>)(...inputs);
        if (quantity === "flops") assertCounted(counts.uncounted);
        verify(value as ReturnType<A>, ...inputs);
        measured.push(counts[quantity]);
        if (again !== undefined) verify(again.value as ReturnType<A>, ...(again.args as Parameters<A>));
        tf.dispose([value, inputs, again?.value, again?.args] as tf.TensorContainer);
      }
      assertGrowth(sizes, measured, quantity, exponent, tolerance);
      if (atMost !== undefined) assertBudget(sizes, measured, quantity, atMost);
    },
  };
}

function assertCounted(uncounted: readonly string[]): void {
  if (uncounted.length === 0) return;
  throw new AssertionError(
    `the operations of ${uncounted.join(", ")} cannot be counted; use simpler tensor operations`,
  );
}

function assertBudget(
  sizes: readonly number[],
  measured: readonly number[],
  quantity: "flops" | "peakBytes",
  atMost: (size: number) => number,
): void {
  for (const [i, size] of sizes.entries()) {
    if (measured[i]! <= atMost(size)) continue;
    const [got, most] = [measured[i]!, atMost(size)].map((value) => value.toLocaleString("en"));
    throw new AssertionError(`at size ${size}: expected at most ${most} ${words[quantity]}, got ${got}`);
  }
}

function assertGrowth(
  sizes: readonly number[],
  measured: readonly number[],
  quantity: "flops" | "peakBytes",
  exponent: number,
  tolerance: number,
): void {
  const table = sizes.map((size, i) => `${size}: ${measured[i]!.toLocaleString("en")}`).join(", ");
  const fail = (message: string) => {
    throw new AssertionError(`${message}; ${words[quantity]} at each size: ${table}`);
  };
  if (measured.some((value) => value === 0)) {
    fail("nothing was counted: compute with tensor operations (tf.…)");
  }
  const fitted = fitExponent(sizes, measured).exponent;
  if (!(Math.abs(fitted - exponent) <= tolerance)) {
    fail(`${words[quantity]} grow with exponent ${fitted.toFixed(2)}, expected ${exponent} ± ${tolerance}`);
  }
}
