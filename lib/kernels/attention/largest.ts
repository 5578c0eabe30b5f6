/** Finds what the rung f16 scales its operands by. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { sizeOf } from "../tensors.js";
import type { Operands } from "./forward.js";

/** Workgroups that look for the largest number of a tensor. */
export const PARTS = 32;

/** Bits of the largest magnitudes in parts of q, k and v, `[3, PARTS]`. */
export function largestOf({ q, k, v }: Operands): tf.TensorInfo {
  const [result] = launch({
    code: wgsl("attention/largest.wgsl"),
    inputs: [q, k, v],
    outputs: [[3, PARTS]],
    sizes: [q, k, v].map(sizeOf),
    workgroups: [PARTS, 3],
  });
  return result!;
}
