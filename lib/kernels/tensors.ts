/** What launchers say about tensors. */

import * as tf from "@tensorflow/tfjs";
import { gpuBackend } from "./device.js";

/** Steps between neighbours along four axes, to which the shape is broadcast; 0 where the tensor repeats. */
export function strides({ shape }: tf.TensorInfo): number[] {
  const full = [...Array<number>(4 - shape.length).fill(1), ...shape];
  return full.map((size, axis) => (size === 1 ? 0 : full.slice(axis + 1).reduce((a, b) => a * b, 1)));
}

/** How many numbers it holds. */
export function sizeOf({ shape }: tf.TensorInfo): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** int32 data of its own, to be released by who asked for it. */
export function ints(values: readonly number[], shape: readonly number[] = [values.length]): tf.TensorInfo {
  const dataId = gpuBackend().write(Int32Array.from(values), [...shape], "int32");
  return { dataId, shape: [...shape], dtype: "int32" };
}

/** Gives back what only the launches so far needed; the buffers live until those have run. */
export function release(...tensors: readonly tf.TensorInfo[]): void {
  for (const { dataId } of tensors) tf.backend().disposeData(dataId);
}

/** Sums over what was broadcast, or repeated in place along an axis (heads of a group): x, `[·, ·, ·, ·]`, to `shape`. */
export function sumTo(x: tf.Tensor4D, shape: readonly number[]): tf.Tensor {
  const full = [...Array<number>(4 - shape.length).fill(1), ...shape];
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  // One axis at a time: tfjs's webgpu knows ranks up to 6.
  const summed = full.reduce<tf.Tensor>((y, size, axis) => {
    if (size === x.shape[axis]) return y;
    const [before, after] = [product(full.slice(0, axis)), product(x.shape.slice(axis + 1))];
    return tf.sum(tf.reshape(y, [before, size, x.shape[axis]! / size, after]), 2);
  }, x);
  return tf.reshape(summed, [...shape]);
}
