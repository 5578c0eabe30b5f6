/** What the kernels of the selective scan share: the states in which chunks begin, and how a kernel's text is put together. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";

/** Channels in a workgroup. */
export const WIDTH = 64;

export interface ChunkEnds {
  /** `[D, N]`, and whatever may lie behind it. */
  readonly A: tf.TensorInfo;
  /** ΣΔ of each chunk, `[B, M, D]`; released. */
  readonly steps: tf.TensorInfo;
  /** Where chunks would end, had they begun with nothing: `[1 or 2, B, M, N / 4, D, 4]`, the second set of scans backwards. */
  readonly states: tf.TensorInfo;
}

/** Turns the states of chunks' ends into those in which chunks begin, in the direction of their scan. */
export function carry({ A, steps, states }: ChunkEnds): tf.TensorInfo {
  const [directions, batch, M, quads, D] = states.shape as [number, number, number, number, number];
  launch({
    code: wgsl("selective-scan/carry.wgsl"),
    constants: { quads },
    inputs: [A, steps],
    inPlace: [states],
    outputs: [],
    sizes: [M, D, batch],
    workgroups: [Math.ceil(D / WIDTH), quads, directions * batch],
  });
  release(steps);
  return states;
}

/** A kernel of this folder, with the rules of discretisation that all of them share. */
export const scanCode = (name: string) =>
  wgsl(`selective-scan/${name}.wgsl`) + wgsl("selective-scan/hold.wgsl");
