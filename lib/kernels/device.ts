/**
 * The `webgpu` backend of tfjs, on a device of our own: with subgroups, f16 and timestamps where the adapter has them.
 */

import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { findAdapter } from "./adapter.js";
import { registerKernels } from "./register.js";

/** What kernels may use where the adapter has it. */
const wanted: readonly GPUFeatureName[] = ["timestamp-query", "subgroups", "shader-f16"];

/** Limits that are worth raising to what the adapter has. */
const raised = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

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
  const present = wanted.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({
    requiredFeatures: present,
    requiredLimits: Object.fromEntries(raised.map((limit) => [limit, adapter.limits[limit]])),
  });
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

export interface GpuInfo {
  /** "nvidia ampere, NVIDIA A10: driver 535.1" */
  readonly description: string;
  /** True where the processor plays the GPU. */
  readonly software: boolean;
  readonly features: readonly GPUFeatureName[];
  readonly limits: Readonly<Record<(typeof raised)[number], number>>;
}

/** What the adapter is and has. @throws Error before `startGpu`. */
export function describeGpu(): GpuInfo {
  if (started === undefined) throw new Error("describeGpu: expected a started GPU (startGpu), got none");
  const { vendor, architecture, device, description } = started.info;
  const names = [vendor, architecture, device, description].filter((name) => name !== "");
  return {
    description: names.join(" "),
    software: /swiftshader|llvmpipe|lavapipe/i.test(names.join(" ")),
    features: wanted.filter((feature) => started?.features.has(feature)),
    limits: Object.fromEntries(raised.map((limit) => [limit, started?.limits[limit]])) as GpuInfo["limits"],
  };
}

/** True where the device has the feature. */
export function hasFeature(feature: GPUFeatureName): boolean {
  return gpuBackend().device.features.has(feature);
}

/** Errors that WebGPU reported outside of any call since the last time that this was asked: wrong bindings, a lost device. */
export function takeGpuErrors(): string[] {
  return errors.splice(0);
}
