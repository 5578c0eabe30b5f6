/** Tests of kernels: outputs are poisoned with NaN before each run, and what WebGPU reports besides fails the test. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { afterEach, before, beforeEach } from "mocha";
import type { BackendName } from "workbook/backend";
import { takeGpuErrors } from "workbook/kernels/device";
import { poisonOutputs } from "workbook/kernels/launch";
import { onEveryBackend } from "../backends.js";

/** The backends on which the same bodies run: kernels of ours on the first, compositions of tfjs on the others. */
export const kernelBackends: readonly BackendName[] = ["webgpu", "tensorflow", "cpu"];

/** Declares `body`'s tests once per backend. */
export function onGpuToo(title: string, body: (backend: BackendName) => void): void {
  onEveryBackend(title, (backend) => withChecks(body, backend), kernelBackends);
}

/** Declares `body`'s tests on `webgpu` alone. */
export function onGpu(title: string, body: () => void): void {
  onEveryBackend(title, (backend) => withChecks(body, backend), ["webgpu"]);
}

/** Declares `body`, with the checks. */
export function withChecks(body: (backend: BackendName) => void, backend: BackendName): void {
  before(() => poisonOutputs(true));
  beforeEach(() => {
    takeGpuErrors();
  });
  afterEach(async () => {
    // Errors of commands that nobody has read from yet come with the next answer of the device.
    if (backend === "webgpu") await tf.ones([1]).add(1).data();
    expect(takeGpuErrors(), "WebGPU's errors").to.deep.equal([]);
  });
  body(backend);
}

/** A tensor's numbers and shape, read as every backend can. */
export async function read(
  tensor: tf.Tensor,
): Promise<{ readonly shape: readonly number[]; readonly data: ArrayLike<number> }> {
  return { shape: tensor.shape, data: await tensor.data() };
}

/** What tfjs holds, once nothing is under way: tensors, and bytes in buffers of the GPU. */
export function memory(): { readonly tensors: number; readonly bytes: number } {
  const { numTensors, numBytesInGPU } = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  return { tensors: numTensors, bytes: numBytesInGPU };
}
