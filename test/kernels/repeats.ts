/** What holds for every kernel with its gradients, whatever it computes. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { gpuBackend } from "workbook/kernels/device";
import { memory } from "./on-gpu.js";

/** Storage buffers that WebGPU promises to a pipeline. */
const PROMISED = 8;

/**
 * Declares that two runs give the same bits, leave nothing behind, and bind no more storage buffers than every device has. `prepare`
 * makes the inputs, and a run that gives outputs and gradients.
 */
export function itRepeats(name: string, prepare: () => () => readonly tf.Tensor[]): void {
  it(`two runs give the same bits, outputs and gradients, ${name}`, async () => {
    const run = prepare();
    const bits = () => Promise.all(run().map(async (tensor) => [...(await tensor.data())]));
    expect(await bits()).to.deep.equal(await bits());
  });

  it(`a run with its gradient leaves no tensor and no buffer behind, ${name}`, async () => {
    const run = prepare();
    const once = async () => {
      const results = [...run()];
      await Promise.all(results.map((tensor) => tensor.data()));
      tf.dispose(results);
      return memory();
    };
    expect(await once()).to.deep.equal(await once());
  });

  it(`no kernel binds more storage buffers than WebGPU promises, ${name}`, () => {
    const run = prepare();
    expect(mostStorageBuffers(run)).to.be.within(1, PROMISED);
  });
}

/** The most storage buffers that a dispatch of `run` binds. */
function mostStorageBuffers(run: () => unknown): number {
  const { device } = gpuBackend();
  let most = 0;
  device.createBindGroup = (descriptor) => {
    const buffers = [...descriptor.entries].map(({ resource }) => (resource as GPUBufferBinding).buffer);
    most = Math.max(most, buffers.filter(({ usage }) => (usage & GPUBufferUsage.STORAGE) !== 0).length);
    return GPUDevice.prototype.createBindGroup.call(device, descriptor);
  };
  try {
    run();
  } finally {
    // The method of its class shows again.
    delete (device as Partial<GPUDevice>).createBindGroup;
  }
  return most;
}
