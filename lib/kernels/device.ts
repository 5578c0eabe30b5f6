/**
 * The `webgpu` backend of tfjs, on a device of our own: with subgroups, f16 and timestamps where the adapter has them.
 */

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
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, adapter.info) as unknown as tf.KernelBackend);
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
