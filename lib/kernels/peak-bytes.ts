/** Counts the GPU memory that a computation needs at once. */

import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { gpuBackend } from "./device.js";

const BATCH = "WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE";

/**
 * The largest number of bytes in buffers that were in use at once while `run` recorded its work, above what was in use before.
 *
 * @throws Error when `webgpu` is not the current backend.
 */
export function peakGpuBytes(run: () => tf.TensorContainer): number {
  const backend = gpuBackend();
  const { bufferManager } = backend;
  // tfjs frees a buffer when the commands that use it are submitted. One by one, so that none waits for others.
  const batch = tf.env().getNumber(BATCH);
  tf.env().set(BATCH, 1);
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  const before = bufferManager.numBytesUsed;
  let peak = 0;
  const acquire = bufferManager.acquireBuffer;
  bufferManager.acquireBuffer = (...args: Parameters<WebGPUBackend["bufferManager"]["acquireBuffer"]>) => {
    const buffer = acquire.apply(bufferManager, args);
    peak = Math.max(peak, bufferManager.numBytesUsed - before);
    return buffer;
  };
  try {
    tf.dispose(tf.tidy(run));
  } finally {
    bufferManager.acquireBuffer = acquire;
    tf.env().set(BATCH, batch);
  }
  return peak;
}
