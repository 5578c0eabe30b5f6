/** `gpuKernel({...})`: compiles, runs, times and examines a kernel that was written in a cell. */

import type * as tf from "@tensorflow/tfjs";
import type { Numbers, Workgroups } from "./kernels/playground/job.js";

export interface GpuKernelOptions {
  /**
   * The kernel; its entry point is `main`. Bindings of group 0, in order: the inputs (`var<storage, read>`), the output
   * (`var<storage, read_write>`), and where there are `sizes` one `var<uniform>` struct of u32.
   */
  readonly wgsl: string;
  readonly inputs: readonly (tf.Tensor | Numbers)[];
  /** Shape of the result, float32. */
  readonly output: readonly number[];
  /** Workgroups along x, y, z. */
  readonly workgroups: Workgroups;
  /** Values of the `override` constants. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** The u32 numbers of the uniform struct, in its order. */
  readonly sizes?: readonly number[];
  /** What should come out, of the output's shape: the largest error is told and the errors are drawn. */
  readonly reference?: tf.Tensor | ArrayLike<number>;
  /** Compiling, and each run, may take this long; then the kernel's process is ended. 10 unless given. */
  readonly seconds?: number;
}

/** Runs the kernel, shows what came of it, and returns the result on the current backend. */
export async function gpuKernel(options: GpuKernelOptions): Promise<tf.Tensor> {
  throw new Error(`gpuKernel: cannot run ${options.wgsl.length} characters of WGSL yet`);
}
