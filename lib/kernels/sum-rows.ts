/** Joins sums that the workgroups of a kernel have left beside each other. */

import * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "./launch.js";

/** Workgroups along x; those beyond go along y. */
const ACROSS = 32768;

export interface RowsToSum {
  readonly parts: tf.TensorInfo;
  /** Where in `parts` the rows begin; 0 unless given. */
  readonly begin?: number;
  readonly rows: number;
  /** Shape of one row, and of the result. */
  readonly shape: readonly number[];
}

/** Σ of the rows. tfjs's own sum over a first axis takes a workgroup for every number of the result. */
export function sumRows({ parts, begin = 0, rows, shape }: RowsToSum): tf.Tensor {
  const width = shape.reduce((product, size) => product * size, 1);
  const groups = Math.ceil(width / 64);
  const [sums] = launch({
    code: wgsl("sum-rows.wgsl"),
    inputs: [parts],
    outputs: [shape],
    sizes: [begin, rows, width],
    workgroups: [Math.min(groups, ACROSS), Math.ceil(groups / ACROSS)],
  });
  return tf.engine().makeTensorFromTensorInfo(sums!);
}
