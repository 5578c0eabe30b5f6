/** The gradient of the selective scan: states are computed again from where each chunk of 16 positions begins. */

import * as tf from "@tensorflow/tfjs";
import type { ScanAttrs } from "../fused.js";
import { launch } from "../launch.js";
import { sumRows } from "../sum-rows.js";
import { release } from "../tensors.js";
import { chunkStarts, scanCode, WIDTH } from "./chunk-starts.js";

/** Positions in a chunk; gradient.wgsl keeps so many states in registers. */
const CHUNK = 16;

export const selectiveScanGradient: tf.GradFunc = (given, saved, attrs) => {
  const dy = given as tf.Tensor3D;
  const [x, delta, A, B, C] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor2D, tf.Tensor3D, tf.Tensor3D];
  const { zeroOrder } = attrs as unknown as ScanAttrs;
  const [batch, T, D] = x.shape;
  const N = A.shape[1];
  const [tiles, M] = [Math.ceil(D / WIDTH), Math.ceil(T / CHUNK)];
  const chunks = { delta, A, chunk: CHUNK, zeroOrder };
  const starts = chunkStarts({ ...chunks, signal: x, weights: B, backwards: false });
  const later = chunkStarts({ ...chunks, signal: dy, weights: C, backwards: true });
  const split = tiles * batch * T * 2 * N;
  const results = launch({
    code: scanCode("gradient"),
    constants: { quads: N / 4, zeroOrder },
    inputs: [x, delta, A, tf.concat([B, C], 2), dy, starts, later],
    outputs: [x.shape, x.shape, [split + batch * M * N * D]],
    sizes: [T, D],
    workgroups: [tiles, M, batch],
  });
  const [dx, dDelta] = results.slice(0, 2).map((info) => tf.engine().makeTensorFromTensorInfo(info));
  const parts = results[2]!;
  const byToken = sumRows({ parts, rows: tiles, shape: [batch, T, 2 * N] });
  const byChannel = sumRows({ parts, begin: split, rows: batch * M, shape: [N / 4, D, 4] });
  release(starts, later, parts);
  const [dB, dC] = tf.split(byToken, 2, 2);
  const dA = tf.reshape(tf.transpose(byChannel, [1, 0, 2]), [D, N]);
  return { x: () => dx!, delta: () => dDelta!, A: () => dA, B: () => dB!, C: () => dC! };
};
