/**
 * `gpuKernel({...})`: compiles, runs, times and examines a kernel that was written in a cell.
 *
 * It runs in a process of its own, so that an endless loop, a crash or a lost device ends as an error of the cell. WebGPU
 * moves an index that lies outside of a buffer to its end, silently; here that is made visible where it can be: the
 * buffers are given guards behind their ends. Not seen are reads that the result does not hang on, accesses outside of
 * `var<workgroup>` arrays and arrays of fixed size, and those of a kernel that bounds its index by `arrayLength`.
 */

import * as tf from "@tensorflow/tfjs";
import { display } from "./display.js";
import { errorPicture } from "./gpu-kernel/error-picture.js";
import { namePlace, pictureMessages } from "./gpu-kernel/places.js";
import { kernelReport } from "./gpu-kernel/report.js";
import { codeFrameKey } from "./jupyter/kernel/code-frame.js";
import { KernelError } from "./kernels/playground/failure.js";
import type { Job, Ran } from "./kernels/playground/job.js";
import { runWgsl } from "./kernels/playground/run.js";
import { type LaunchOptions, toJob } from "./kernels/playground/to-job.js";
import { show } from "./plot/show.js";
import { ensure } from "./shapes.js";

export interface GpuKernelOptions extends LaunchOptions {
  /** What should come out, of the output's shape: the largest error is told and the errors are drawn. */
  readonly reference?: tf.Tensor | ArrayLike<number>;
  /** Compiling, and each run, may take this long; then the kernel's process is ended. 10 unless given. */
  readonly seconds?: number;
}

/**
 * Runs the kernel, shows its time, the bytes it moves, what is wrong with it and its errors, and returns the result on
 * the current backend. The output holds NaN before the run: what the kernel does not write stays NaN.
 *
 * @throws KernelError, one sentence, for WGSL that does not compile or fit its arguments, a kernel that takes too long, a
 * lost device, a crash, and where there is no GPU; RangeError for arguments that cannot be meant.
 */
export async function gpuKernel(options: GpuKernelOptions): Promise<tf.Tensor> {
  const { output, reference, seconds = 10 } = options;
  const job = await toJob("gpuKernel", options);
  const expected = reference instanceof tf.Tensor ? await reference.data() : reference;
  ensure(
    expected === undefined || expected.length === job.output,
    `gpuKernel: expected a reference of ${job.output} numbers, as the output has, got ${expected?.length}`,
  );
  const ran = await run(job, seconds);
  display(kernelReport(job, ran, output, expected));
  if (expected !== undefined && ran.output.some((value, i) => value !== expected[i])) {
    await show(errorPicture(ran.output, expected, output));
  }
  return tf.tensor(ran.output, [...output]);
}

async function run(job: Job, seconds: number): Promise<Ran> {
  try {
    return await runWgsl(job, seconds);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const { reason, messages } = error;
    const [first] = messages.filter(({ type, line }) => type === "error" && line > 0);
    const message =
      first === undefined
        ? error.message
        : `the WGSL does not compile: ${first.text} (${namePlace(job.wgsl, first)})`;
    const shown = new KernelError({ reason, message, messages });
    if (messages.length === 0) throw shown;
    // The error says the first message itself.
    const pictured = pictureMessages(job.wgsl, messages).slice(messages[0] === first ? 1 : 0);
    throw Object.assign(shown, { [codeFrameKey]: pictured });
  }
}
