/** WKV as a kernel of tfjs's `webgpu` backend, and its gradient. */

import * as tf from "@tensorflow/tfjs";
import { describeGpu } from "../device.js";
import { WKV, type WkvAttrs, type WkvInputs } from "../fused.js";
import { launch } from "../launch.js";
import { keepsBusy } from "../rung.js";
import { release } from "../tensors.js";
import { CHUNK, chunkStarts, chunksOf, WIDTH, wkvCode } from "./chunk-starts.js";
import { wkvGradient } from "./gradient.js";

/** Registers forward and gradient; once. */
export function registerWkv(): void {
  tf.registerKernel({ kernelName: WKV, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: WKV,
    inputsToSave: ["w", "u", "k", "v"],
    outputsToSave: [true, true],
    gradFunc: wkvGradient,
  });
}

/** y and the logarithm of each row's sum of weights, `[B, T, C]` each. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { w, u, k, v } = inputs as Record<keyof WkvInputs, tf.TensorInfo>;
  const [B, T, C] = k.shape as [number, number, number];
  // Two cores are as full with the plain walk's invocations as with any others.
  const walk = T <= CHUNK || describeGpu().software || keepsBusy(B * C);
  const { rung = walk ? "plain" : "chunked" } = attrs as unknown as WkvAttrs;
  const all = { outputs: [k.shape, k.shape], sizes: [T, C] };
  if (rung === "plain") {
    const workgroups = [Math.ceil(C / WIDTH), B] as const;
    return launch({ ...all, code: wkvCode("sums", "plain"), inputs: [w, u, k, v], workgroups });
  }
  const starts = chunkStarts(["sums", "chunk-ends", "carry"], 3, [w, k, v]);
  const results = launch({
    ...all,
    code: wkvCode("sums", "chunks"),
    constants: { chunk: CHUNK },
    inputs: [w, u, k, v, starts],
    workgroups: chunksOf(B, T, C),
  });
  release(starts);
  return results;
};
