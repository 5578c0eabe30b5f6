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
  const starts = chunkStarts(["echo", "gradient-ends", "gradient-carry"], 5, [w, lse!, y!, dy!]);
  const results = launch({
    code: wkvCode("echo", "gradient"),
    constants: { chunk: CHUNK },
    inputs: [tf.stack([w, u]), k!, v!, lse!, y!, dy!, starts],
    outputs: [k!.shape, k!.shape, [B * Math.ceil(T / CHUNK), 2, C]],
    sizes: [T, C],
    workgroups: chunksOf(B, T, C),
  });
  const [dk, dv] = results.slice(0, 2).map((info) => tf.engine().makeTensorFromTensorInfo(info));
  const parts = results[2]!;
  const [dw, du] = tf.unstack(sumRows({ parts, rows: B * Math.ceil(T / CHUNK), shape: [2, C] }));
  release(starts, parts);
  return { w: () => dw!, u: () => du!, k: () => dk!, v: () => dv! };
};
