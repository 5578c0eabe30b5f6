/** The states in which chunks of a selective scan begin: two kernels that the forward pass and the gradient share. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";

/** Channels in a workgroup. */
export const WIDTH = 64;

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
