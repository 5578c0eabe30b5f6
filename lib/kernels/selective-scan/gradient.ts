/** The gradient of the selective scan: states are computed again from where each chunk of 16 positions begins. */

import * as tf from "@tensorflow/tfjs";
import type { ScanAttrs } from "../fused.js";
import { launch } from "../launch.js";
import { sumRows } from "../sum-rows.js";
import { release } from "../tensors.js";
import { carry, scanCode, WIDTH } from "./chunk-starts.js";

/** Positions in a chunk; gradient.wgsl keeps so many states in registers. */
const CHUNK = 16;

export const selectiveScanGradient: tf.GradFunc = (given, saved, attrs) => {
  const dy = given as tf.Tensor3D;
  const [x, delta, A, B, C] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor2D, tf.Tensor3D, tf.Tensor3D];
  const { zeroOrder } = attrs as unknown as ScanAttrs;
  const [batch, T, D] = x.shape;
  const N = A.shape[1];
  const [tiles, M, quads] = [Math.ceil(D / WIDTH), Math.ceil(T / CHUNK), N / 4];
  const parameters = tf.concat([A, B, C].map((each) => tf.reshape<tf.Rank.R1>(each, [each.size])));
  const all = {
    constants: { quads, zeroOrder },
    inputs: [x, delta, dy, parameters],
    sizes: [T, D],
    workgroups: [tiles, M, batch] as const,
  };
  const [ends, steps] = launch({
    ...all,
    code: scanCode("gradient-ends"),
    outputs: [
      [2, batch, M, quads, D, 4],
      [batch, M, D],
    ],
  });
  const states = carry({ A, steps: steps!, states: ends! });
  const [dx, dDelta, parts] = launch({
    ...all,
    code: scanCode("gradient"),
    inPlace: [states],
    sizes: [T, D, quads],
    outputs: [x.shape, x.shape, [tiles, batch, T, 2 * N]],
  });
  const byToken = sumRows({ parts: parts!, rows: tiles, shape: [batch, T, 2 * N] });
  const byChannel = sumRows({ parts: states, rows: batch * M, shape: [quads, D, 4] });
  release(states, parts!);
  const [dB, dC] = tf.split(byToken, 2, 2);
  const dA = tf.reshape(tf.transpose(byChannel, [1, 0, 2]), [D, N]);
  const tensor = (info?: tf.TensorInfo) => tf.engine().makeTensorFromTensorInfo(info!);
  const [byX, byDelta] = [tensor(dx), tensor(dDelta)];
  return { x: () => byX, delta: () => byDelta, A: () => dA, B: () => dB!, C: () => dC! };
};
