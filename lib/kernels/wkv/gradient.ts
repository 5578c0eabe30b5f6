/** The gradient of WKV: a scan from the end, with what the forward pass has kept. */

import * as tf from "@tensorflow/tfjs";
import { launch } from "../launch.js";
import { sumRows } from "../sum-rows.js";
import { release } from "../tensors.js";
import { CHUNK, chunkStarts, chunksOf, wkvCode } from "./chunk-starts.js";

/** The gradient by y; lse is kept for it and has none of its own. */
export const wkvGradient: tf.GradFunc = (given, saved) => {
  const [dy] = given as tf.Tensor3D[];
  const [w, u, k, v, y, lse] = saved as [tf.Tensor1D, tf.Tensor1D, ...tf.Tensor3D[]];
  const [B, T, C] = k!.shape;
  const M = Math.ceil(T / CHUNK);
  const states = chunkStarts(["echo", "gradient-ends", "gradient-carry"], 7, [w, u, lse!, y!, dy!]);
  const [dk, dv] = launch({
    code: wkvCode("echo", "gradient"),
    constants: { chunk: CHUNK },
    inputs: [k!, v!, lse!, y!, dy!],
    inPlace: [states],
    outputs: [k!.shape, k!.shape],
    sizes: [T, C],
    workgroups: chunksOf(B, T, C),
  }).map((info) => tf.engine().makeTensorFromTensorInfo(info));
  const sumOf = (plane: number) =>
    sumRows({ parts: states, begin: plane * B * M * C, rows: B * M, shape: [C] });
  const [dw, du] = [sumOf(0), sumOf(1)];
  release(states);
  return { w: () => dw, u: () => du, k: () => dk!, v: () => dv! };
};
