/** Tables of roots of unity on the GPU, kept for the next transform of the same length. */

import type * as tf from "@tensorflow/tfjs";
import { gpuBackend } from "../device.js";

const tables = new WeakMap<object, Map<number, tf.TensorInfo>>();

/** e^(−2πi j / 4n) for j < n, `[n, 2]`: a quarter of the circle. Not to be released. */
export function rootsOf(n: number): tf.TensorInfo {
  const backend = gpuBackend();
  const known = tables.get(backend) ?? new Map<number, tf.TensorInfo>();
  tables.set(backend, known);
  let table = known.get(n);
  if (table === undefined) {
    const angle = (j: number) => (-2 * Math.PI * j) / (4 * n);
    const values = Float32Array.from({ length: 2 * n }, (_, i) =>
      i % 2 === 0 ? Math.cos(angle(i / 2)) : Math.sin(angle((i - 1) / 2)),
    );
    table = backend.makeTensorInfo([n, 2], "float32", values as unknown as string[]);
    known.set(n, table);
  }
  return table;
}
