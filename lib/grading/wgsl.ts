/**
 * Graded tests of answers that are WGSL: the judge runs the text in the playground's process and compares with float64.
 *
 * The exercise is a text, or a function that returns one:
 *
 *     export const softmaxWgsl: string = ...            // is: "text"
 *     export function attentionWgsl(D: number): string  // returns: "text"
 */

import type * as tf from "@tensorflow/tfjs";
import type { Numbers, Workgroups } from "../kernels/playground/job.js";
import type { Random } from "../random.js";
import type { GradedTest } from "./graded.js";

// biome-ignore lint/suspicious/noExplicitAny: the one type that every function is assignable to
type WgslAnswer = string | ((...args: any[]) => string);

/** One run of the answer, and what must come out. */
export interface WgslLaunch {
  /** Bindings 0, 1, …: tensors or numbers. */
  readonly inputs: readonly (tf.Tensor | Numbers)[];
  /** Shape of the output, float32; the binding after the inputs. */
  readonly output: readonly number[];
  /** u32 numbers of the uniform struct; the binding after the output. */
  readonly sizes?: readonly number[];
  /** Values of the `override` constants. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly workgroups: Workgroups;
  /** What must come out, in float64, flat: as many numbers as `output` holds. */
  readonly expected: ArrayLike<number>;
}

export interface GradedWgslOptions<A extends WgslAnswer, V> extends Omit<GradedTest<A>, "run"> {
  /** One run for each: `[{ T: 1 }, { T: 63 }, { T: 65 }]`. Round sizes alone prove nothing. */
  readonly sizes: readonly V[];
  /** Arguments with which the answer is called at a size, where it is a function. */
  readonly args?: (size: V) => A extends (...args: infer P) => string ? P : [];
  readonly launch: (size: V, random: Random) => WgslLaunch;
  /** Largest |actual − expected| / max(1, |expected|) allowed, and why this much. */
  readonly tolerance: number;
  readonly because: string;
  /** Compiling, and each run, may take this long; 10 unless given. */
  readonly seconds?: number;
}

/**
 * A test that passes when, at every size, the kernel compiles, writes every number of its output (which holds NaN before),
 * gives the expected numbers, the same ones in a second run, and stays inside its buffers.
 *
 * Fails with chai's AssertionError, which names the size; where there is neither a GPU nor software Vulkan the test is
 * skipped and counts neither way.
 */
export function gradedWgsl<A extends WgslAnswer, V extends Readonly<Record<string, unknown>>>(
  options: GradedWgslOptions<A, V>,
): GradedTest<A> {
  throw new Error(`gradedWgsl: "${options.sentence}" cannot be judged yet`);
}
