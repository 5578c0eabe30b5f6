/** What chunks of WKV begin with: two kernels in the forward pass, and two of the same form in the gradient. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";

/** Channels in a workgroup. */
export const WIDTH = 64;
/** Positions in a chunk: sums of chunks are then few numbers beside k and v. */
export const CHUNK = 32;

/** `numbers` for each chunk and channel, `[numbers, B, M, C]`: what comes from outside of the chunk, in the scan's direction. */
export function chunkStarts([shared, first, second]: string[], numbers: number, inputs: tf.TensorInfo[]) {
  const [B, T, C] = inputs[1]!.shape as [number, number, number];
  const M = Math.ceil(T / CHUNK);
  const all = { constants: { chunk: CHUNK }, outputs: [[numbers, B, M, C]] };
  const workgroups = chunksOf(B, T, C);
  const [ends] = launch({ ...all, code: wkvCode(shared!, first!), inputs, sizes: [T, C], workgroups });
  const [starts] = launch({
    ...all,
    code: wkvCode(shared!, second!),
    inputs: [inputs[0]!, ends!],
    sizes: [M, C],
    workgroups: [workgroups[0], B],
  });
  release(ends!);
  return starts!;
}

export const chunksOf = (B: number, T: number, C: number) =>
  [Math.ceil(C / WIDTH), Math.ceil(T / CHUNK), B] as const;

export const wkvCode = (shared: string, name: string) =>
  wgsl(`wkv/${shared}.wgsl`) + wgsl(`wkv/${name}.wgsl`);
