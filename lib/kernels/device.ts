/**
 * The `webgpu` backend of tfjs, on a device of our own: with subgroups, f16 and timestamps where the adapter has them.
 */

import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { describeAdapter, findAdapter, type GpuInfo, type Limit, openDevice, raised } from "./adapter.js";
import { registerKernels } from "./register.js";
import { makeBackend } from "./tfjs-backend.js";

interface Opened {
  readonly gpu: GPU;
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
}

/** By the limits that were raised: a device keeps the kernels that were compiled for it. */
const opened = new Map<string, Promise<Opened>>();
let started: { readonly limits: string; readonly info: GpuInfo } | undefined;
const errors: string[] = [];

/**
 * Registers the backend `webgpu` with tfjs and starts its device; a second call changes nothing, unless it raises other limits.
 * Then another device takes the first one's place, and the tensors that were there are lost: for tests of what WebGPU promises.
 *
 * @throws Error that says why there is no GPU, and how to get one.
 */
export async function startGpu(raise: readonly Limit[] = raised): Promise<void> {
  const limits = raise.join(" ");
  if (started?.limits === limits) return;
  const opening = opened.get(limits) ?? open(raise);
  opened.set(limits, opening);
  const { gpu, device, info } = await opening.catch((error: Error) => {
    opened.delete(limits);
    throw error;
  });
  offerToTfjs(gpu);
  const backend = await makeBackend(device, info, takeGpuErrors);
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => backend);
  if (started === undefined) registerKernels();
  started = { limits, info: describeAdapter({ info, features: device.features, limits: device.limits }) };
}

/** An adapter gives one device. Its errors are collected. */
async function open(raise: readonly Limit[]): Promise<Opened> {
  const { gpu, adapter } = await findAdapter();
  const device = await openDevice(adapter, raise);
  device.addEventListener("uncapturederror", (event) => {
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  void device.lost.then(({ message, reason }) => {
    if (reason !== "destroyed") errors.push(`the GPU device was lost: ${message}`);
  });
  return { gpu, device, info: adapter.info };
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

/** What the adapter is, and what its device has. @throws Error before `startGpu`. */
export function describeGpu(): GpuInfo {
  if (started === undefined) throw new Error("describeGpu: expected a started GPU (startGpu), got none");
  return started.info;
}

/** True where the device has the feature. */
export function hasFeature(feature: GPUFeatureName): boolean {
  return gpuBackend().device.features.has(feature);
}

/** Errors that WebGPU reported outside of any call since the last time that this was asked: wrong bindings, a lost device. */
export function takeGpuErrors(): string[] {
  return errors.splice(0);
}
