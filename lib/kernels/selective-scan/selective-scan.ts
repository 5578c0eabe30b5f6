/** The selective scan as a kernel of tfjs's `webgpu` backend: `lib/variants/mamba.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { type ScanAttrs, type ScanInputs, SELECTIVE_SCAN } from "../fused.js";
import { launch, release, wgsl } from "../launch.js";
import { selectiveScanGradient } from "./gradient.js";

/** Channels in a workgroup. */
export const WIDTH = 64;
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

export interface ChunkStarts extends Record<"signal" | "delta" | "A" | "weights", tf.TensorInfo> {
  readonly chunk: number;
  readonly zeroOrder: boolean;
  readonly backwards: boolean;
}

/** The state in which each chunk begins, in the scan's direction: `[B, M, N / 4, D, 4]`. */
export function chunkStarts({ signal, delta, A, weights, chunk, zeroOrder, backwards }: ChunkStarts) {
  const [batch, T, D] = signal.shape as [number, number, number];
  const [M, quads] = [Math.ceil(T / chunk), A.shape[1]! / 4];
  const states = [batch, M, quads, D, 4];
  const [ends, steps] = launch({
    code: scanCode("chunk-ends"),
    constants: { quads, chunk, zeroOrder, backwards },
    inputs: [signal, delta, A, weights],
    outputs: [states, [batch, M, D]],
    sizes: [T, D],
    workgroups: [Math.ceil(D / WIDTH), M, batch],
  }) as [tf.TensorInfo, tf.TensorInfo];
  const [starts] = launch({
    code: wgsl("selective-scan/carry.wgsl"),
    constants: { quads, backwards },
    inputs: [A, steps, ends],
    outputs: [states],
    sizes: [M, D],
    workgroups: [Math.ceil(D / WIDTH), quads, batch],
  }) as [tf.TensorInfo];
  release(ends, steps);
  return starts;
}

/** A kernel of this folder, with the rules of discretisation that all of them share. */
export const scanCode = (name: string) =>
  wgsl("selective-scan/hold.wgsl") + wgsl(`selective-scan/${name}.wgsl`);
