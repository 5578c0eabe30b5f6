/**
 * The `webgpu` backend of tfjs, on a device of our own: with subgroups, f16 and timestamps where the adapter has them.
 */

import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { describeAdapter, findAdapter, type GpuInfo, openDevice } from "./adapter.js";
import { registerKernels } from "./register.js";

let started: GPUAdapter | undefined;
const errors: string[] = [];

/**
 * Registers the backend `webgpu` with tfjs and starts its device; a second call changes nothing.
 *
 * @throws Error that says why there is no GPU, and how to get one.
 */
export async function startGpu(): Promise<void> {
  if (started !== undefined) return;
  const { gpu, adapter } = await findAdapter();
  const device = await openDevice(adapter);
  device.addEventListener("uncapturederror", (event) => {
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  void device.lost.then(({ message, reason }) => {
    if (reason !== "destroyed") errors.push(`the GPU device was lost: ${message}`);
  });
  offerToTfjs(gpu);
  // The package registers itself too, with a device that lacks most of what it could have.
  const { WebGPUBackend } = createRequire(import.meta.url)(
    "@tensorflow/tfjs-backend-webgpu",
  ) as typeof import("@tensorflow/tfjs-backend-webgpu");
  class Backend extends WebGPUBackend {
    /** WebGPU drops a whole batch of commands for one that is wrong, and says so to nobody in particular. */
    override async read(dataId: object) {
      const data = await super.read(dataId);
      const [first] = takeGpuErrors();
      if (first === undefined) return data;
      throw new Error(
        `webgpu: the GPU refused a command, so what comes after it is wrong: ${first.trim().split("\n")[0]}`,
      );
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
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new Backend(device, adapter.info) as unknown as tf.KernelBackend);
  registerKernels();
  started = adapter;
}

/** tfjs asks `navigator.gpu` whether there is WebGPU. Node 20 has no `navigator`; later ones have one without a GPU. */
function offerToTfjs(gpu: GPU): void {
  const known = (globalThis as { navigator?: object }).navigator ?? null;
  const navigator: unknown = Object.create(known, { gpu: { value: gpu } });
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
}

/** tfjs's backend, with its device and its queue. @throws Error when `webgpu` is not the current backend. */
export function gpuBackend(): WebGPUBackend {
  if (tf.getBackend() !== "webgpu") {
    throw new Error(`gpuBackend: expected the backend webgpu, got ${tf.getBackend()}`);
  }
  return tf.backend() as unknown as WebGPUBackend;
}

/** What the adapter is and has. @throws Error before `startGpu`. */
export function describeGpu(): GpuInfo {
  if (started === undefined) throw new Error("describeGpu: expected a started GPU (startGpu), got none");
  return describeAdapter(started);
}

/** True where the device has the feature. */
export function hasFeature(feature: GPUFeatureName): boolean {
  return gpuBackend().device.features.has(feature);
}

/** Errors that WebGPU reported outside of any call since the last time that this was asked: wrong bindings, a lost device. */
export function takeGpuErrors(): string[] {
  return errors.splice(0);
}
