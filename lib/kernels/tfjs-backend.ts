/** tfjs's `webgpu`, telling who reads from it what went wrong. */

import type { KernelBackend } from "@tensorflow/tfjs";

/**
 * The backend on a device of ours. `takeErrors` gives what WebGPU has reported since it was asked last.
 *
 * Loading tfjs's package also registers its kernels, and its backend with a device that lacks most of what it could have.
 */
export async function makeBackend(
  device: GPUDevice,
  info: GPUAdapterInfo,
  takeErrors: () => readonly string[],
): Promise<KernelBackend> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");

  class Backend extends WebGPUBackend {
    /** WebGPU drops a whole batch of commands for one that is wrong, and says so to nobody in particular. */
    override async read(dataId: object) {
      const data = await super.read(dataId);
      const [first] = takeErrors();
      if (first === undefined) return data;
      const [sentence] = first.trim().split("\n");
      throw new Error(`webgpu: the GPU refused a command, so what comes after it is wrong: ${sentence}`);
    }

    /** tfjs would read by way of a canvas, which there is none of outside of a browser. */
    override readSync(dataId: object) {
      const { values, dtype } = this.tensorMap.get(dataId);
      // Numbers that have never been on the GPU are here; complex ones are asked for in their two parts.
      if (values != null || dtype === "complex64") return super.readSync(dataId);
      throw new Error(
        "webgpu: expected await tensor.data() or await tensor.array(), as a GPU answers later, got dataSync() or arraySync()",
      );
    }
  }
  return new Backend(device, info) as unknown as KernelBackend;
}
