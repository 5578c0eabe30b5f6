/**
 * Runs one WGSL kernel over tensors, in tfjs's own queue: what tfjs recorded before is done before it, what comes later after it.
 *
 * A kernel's bindings are, in order: its inputs (`var<storage, read>`), what it changes in place and its outputs (both
 * `var<storage, read_write>`) and, where it has `sizes`, one `var<uniform>` struct of u32. What a pipeline is compiled for stands in `override` constants: sizes
 * that change from call to call, such as T, do not belong there.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { root } from "../root.js";
import { gpuBackend } from "./device.js";

export interface Launch {
  /** The kernel's text; `wgsl()` reads it from its file. Its entry point is `main`. */
  readonly code: string;
  /** Values of the `override` constants; booleans as true and false. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly inputs: readonly tf.TensorInfo[];
  /** Results of kernels before, never a caller's tensors: this one reads them and writes over them. */
  readonly inPlace?: readonly tf.TensorInfo[];
  /** Shapes of the results, float32. */
  readonly outputs: readonly (readonly number[])[];
  /** The u32 numbers of the uniform struct, in its order. */
  readonly sizes?: readonly number[];
  /** Workgroups along x, y, z. */
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** What tfjs's backend does not publish: its open encoder, and which data that encoder still uses. */
interface Recorder {
  commandEncoder: GPUCommandEncoder;
  computePassEncoder: GPUComputePassEncoder | null;
  commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  uniformPendingDisposal: GPUBuffer[];
}

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();
let poison = false;

/** The text of `lib/kernels/<file>`. */
export function wgsl(file: string): string {
  return readFileSync(path.join(root, "lib/kernels", file), "utf8");
}

/** From now on outputs hold NaN before each kernel: what it leaves unwritten shows. For tests. */
export function poisonOutputs(on: boolean): void {
  poison = on;
}

/**
 * Records the kernel; its results can be used as inputs at once, and are there when somebody reads them.
 *
 * @throws RangeError when more workgroups or storage buffers are asked for than the device takes.
 */
export function launch({
  code,
  constants = {},
  inputs,
  inPlace = [],
  outputs,
  sizes,
  workgroups,
}: Launch): tf.TensorInfo[] {
  const backend = gpuBackend();
  checkWorkgroups(backend.device, workgroups);
  checkBuffers(backend.device, inputs.length + inPlace.length + outputs.length);
  const results = outputs.map((shape) => backend.makeTensorInfo([...shape], "float32"));
  if (results.some(({ shape }) => shape.includes(0))) return results;
  const bound = [...inputs, ...inPlace, ...results];
  for (const { dataId } of bound) backend.uploadToGPU(dataId);
  if (poison) for (const { dataId } of results) writeNaN(backend, dataId);
  const uniform = sizes === undefined ? [] : [uniformBuffer(backend, sizes)];
  const buffers = [...bound.map(({ dataId }) => bindingOf(backend, dataId)), ...uniform];
  const pipeline = pipelineOf(backend.device, code, constants);
  const group = backend.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((resource, binding) => ({ binding, resource })),
  });
  record(backend, bound, (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...workgroups);
  });
  return results;
}

function checkWorkgroups({ limits }: GPUDevice, workgroups: Launch["workgroups"]): void {
  const most = limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.every((count = 1) => Number.isInteger(count) && count >= 0 && count <= most)) return;
  throw new RangeError(`launch: expected at most ${most} workgroups each way, got ${workgroups.join(" × ")}`);
}

/** WebGPU promises 8 and fails a pipeline of more than the device has, long after this call. */
function checkBuffers({ limits }: GPUDevice, count: number): void {
  const most = limits.maxStorageBuffersPerShaderStage;
  if (count <= most) return;
  throw new RangeError(`launch: expected at most ${most} storage buffers, got ${count}`);
}

function bindingOf(backend: WebGPUBackend, dataId: object): GPUBufferBinding {
  const { resource } = backend.tensorMap.get(dataId);
  // Buffers are recycled and may be larger than the tensor; arrayLength() must not see the rest.
  return { buffer: resource as GPUBuffer, size: byteSize(backend, dataId) };
}

function byteSize(backend: WebGPUBackend, dataId: object): number {
  const { shape } = backend.tensorMap.get(dataId) as unknown as { shape: readonly number[] };
  return 4 * shape.reduce((product, size) => product * size, 1);
}

function uniformBuffer(backend: WebGPUBackend, sizes: readonly number[]): GPUBufferBinding {
  const bytes = Math.ceil(sizes.length / 4) * 16;
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = backend.bufferManager.acquireBuffer(bytes, usage);
  backend.queue.writeBuffer(buffer, 0, Uint32Array.from(sizes));
  // tfjs takes it back when the commands that use it are on their way.
  (backend as unknown as Recorder).uniformPendingDisposal.push(buffer);
  return { buffer };
}

function writeNaN(backend: WebGPUBackend, dataId: object): void {
  const data = new Float32Array(byteSize(backend, dataId) / 4).fill(Number.NaN);
  backend.queue.writeBuffer(bindingOf(backend, dataId).buffer, 0, data);
}

function pipelineOf(
  device: GPUDevice,
  code: string,
  constants: Readonly<Record<string, number | boolean>>,
): GPUComputePipeline {
  const known = pipelines.get(device) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(device, known);
  const key = `${JSON.stringify(constants)}\n${code}`;
  let pipeline = known.get(key);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ code });
    pipeline = device.createComputePipeline({
      layout: "auto",
      compute: {
        module,
        constants: Object.fromEntries(
          Object.entries(constants).map(([name, value]) => [name, Number(value)]),
        ),
      },
    });
    known.set(key, pipeline);
  }
  return pipeline;
}

/** Adds a dispatch to the pass that tfjs has open, and keeps tfjs from recycling the buffers before it is submitted. */
function record(
  backend: WebGPUBackend,
  tensors: readonly tf.TensorInfo[],
  dispatch: (pass: GPUComputePassEncoder) => void,
): void {
  const recorder = backend as unknown as Recorder;
  for (const { dataId } of tensors) recorder.commandQueueOwnedIds.add(dataId);
  backend.ensureCommandEncoderReady();
  recorder.computePassEncoder ??= recorder.commandEncoder.beginComputePass();
  dispatch(recorder.computePassEncoder);
  recorder.dispatchCountInPass++;
  if (recorder.dispatchCountInPass >= tf.env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}
