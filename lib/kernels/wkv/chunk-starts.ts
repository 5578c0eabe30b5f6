/** What chunks of WKV begin with: two kernels in the forward pass, and two of the same form in the gradient. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";

/** Channels in a workgroup. */
export const WIDTH = 64;
/** Positions in a chunk: sums of chunks are then few numbers beside k and v. */
export const CHUNK = 32;

/**
 * `numbers` for each chunk and channel, `[numbers, B, M, C]`: what comes from outside of the chunk, in the scan's direction. The first
 * input is w, the last one of shape `[B, T, C]`.
 */
export function chunkStarts([shared, first, second]: string[], numbers: number, inputs: tf.TensorInfo[]) {
  const [B, T, C] = inputs.at(-1)!.shape as [number, number, number];
  const M = Math.ceil(T / CHUNK);
  const constants = { chunk: CHUNK };
  const workgroups = chunksOf(B, T, C);
  const [states] = launch({
    code: wkvCode(shared!, first!),
    constants,
    inputs,
    outputs: [[numbers, B, M, C]],
    sizes: [T, C],
    workgroups,
  });
  launch({
    code: wkvCode(shared!, second!),
    constants,
    inputs: [inputs[0]!],
    inPlace: [states!],
    outputs: [],
    sizes: [M, C],
    workgroups: [workgroups[0], B],
  });
  return states!;
}

export const chunksOf = (B: number, T: number, C: number) =>
  [Math.ceil(C / WIDTH), Math.ceil(T / CHUNK), B] as const;

export const wkvCode = (shared: string, name: string) =>
  wgsl(`wkv/${shared}.wgsl`) + wgsl(`wkv/${name}.wgsl`);
