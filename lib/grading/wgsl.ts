/**
 * Graded tests of answers that are WGSL: the judge runs the text in the playground's process and compares with float64.
 *
 * The exercise is a text, or a function that returns one:
 *
 *     export const softmaxWgsl: string = ...            // is: "text"
 *     export function attentionWgsl(D: number): string  // returns: "text"
 */

import { AssertionError } from "chai";
import { assertClose } from "../assert-close.js";
import { KernelError } from "../kernels/playground/failure.js";
import { wordFindings } from "../kernels/playground/findings.js";
import type { Job, Ran } from "../kernels/playground/job.js";
import { findPlayground, runWgsl } from "../kernels/playground/run.js";
import { type LaunchOptions, toJob } from "../kernels/playground/to-job.js";
import { type Random, random } from "../random.js";
import type { GradedTest } from "./graded.js";
import { Skip } from "./skip.js";

// biome-ignore lint/suspicious/noExplicitAny: the one type that every function is assignable to
type WgslAnswer = string | ((...args: any[]) => string);

/** One run of the answer, and what must come out. */
export interface WgslLaunch extends Omit<LaunchOptions, "wgsl"> {
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
  const { sizes, args = () => [], launch, tolerance, because, seconds = 10, ...test } = options;
  return {
    ...test,
    run: async ({ answer, random: source }) => {
      // Before the answer is asked for: a test must count the same for everybody.
      await findPlayground().catch((error: Error) => {
        throw new Skip(error.message);
      });
      // Every size gets its own numbers, whatever order they are run in.
      const seed = source.uniform();
      for (const size of sizes) {
        const wgsl = await (answer as (...args: readonly unknown[]) => Promise<string>)(...args(size));
        const { expected, ...rest } = launch(size, random(`${seed}/${JSON.stringify(size)}`));
        const job = { ...(await toJob("gradedWgsl", { wgsl, ...rest })), isTimed: false };
        const at = Object.entries(size).map(([name, value]) => `${name} = ${value}`);
        const label = `at ${at.join(", ")}`;
        const ran = await run(job, seconds, label);
        const [wrong] = wordFindings(ran.findings, job, rest.output);
        if (wrong !== undefined) throw new AssertionError(`${label}: ${wrong}`);
        const [actual, wanted] = [ran.output, expected].map((data) => ({ shape: rest.output, data }));
        assertClose(actual!, wanted!, { tolerance, because }, label);
      }
    },
  };
}

/** @throws AssertionError for whatever the answer is to blame for. */
async function run(job: Job, seconds: number, label: string): Promise<Ran> {
  try {
    return await runWgsl(job, seconds);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // Text that does not compile is wrong at every size.
    throw new AssertionError(
      error.reason === "compile" ? withLine(job, error) : `${label}: ${error.message}`,
    );
  }
}

/** The sentence, and the line below it that it is about. */
function withLine({ wgsl }: Job, { message, messages }: KernelError): string {
  const [first] = messages.filter(({ type, line }) => type === "error" && line > 0);
  return first === undefined ? message : `${message}\n${wgsl.split("\n")[first.line - 1]}`;
}
