/** The selective scan as a kernel of tfjs's `webgpu` backend: `lib/variants/mamba.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { type ScanAttrs, type ScanInputs, SELECTIVE_SCAN } from "../fused.js";
import { launch } from "../launch.js";
import { release } from "../tensors.js";
import { chunkStarts, scanCode, WIDTH } from "./chunk-starts.js";
import { selectiveScanGradient } from "./gradient.js";

/** Positions in a chunk: long enough that states of chunks are fewer numbers than x. */
const CHUNK = 64;

/** Registers forward and gradient; once. */
export function registerSelectiveScan(): void {
  tf.registerKernel({ kernelName: SELECTIVE_SCAN, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: SELECTIVE_SCAN,
    inputsToSave: ["x", "delta", "A", "B", "C"],
    gradFunc: selectiveScanGradient,
  });
}

/** y `[B, T, D]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, delta, A, B, C } = inputs as Record<keyof ScanInputs, tf.TensorInfo>;
  const [batch, T, D] = x.shape as [number, number, number];
  const { zeroOrder, rung = T > CHUNK ? "chunked" : "plain" } = attrs as unknown as ScanAttrs;
  const quads = A.shape[1]! / 4;
  const all = { outputs: [[batch, T, D]], sizes: [T, D] };
  if (rung === "plain") {
    return launch({
      ...all,
      code: scanCode("plain"),
      constants: { quads, zeroOrder },
      inputs: [x, delta, A, B, C],
      workgroups: [Math.ceil(D / WIDTH), batch],
    });
  }
  const starts = chunkStarts({ signal: x, delta, A, weights: B, chunk: CHUNK, zeroOrder, backwards: false });
  const y = launch({
    ...all,
    code: scanCode("chunks"),
    constants: { quads, chunk: CHUNK, zeroOrder },
    inputs: [x, delta, A, B, C, starts],
    workgroups: [Math.ceil(D / WIDTH), Math.ceil(T / CHUNK), batch],
  });
  release(starts);
  return y;
};
