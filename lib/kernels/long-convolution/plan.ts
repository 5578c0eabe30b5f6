/** How a row is cut up for its Fourier transform. */

import { gpuBackend } from "../device.js";

/** Most rows of the matrix that a long row is seen as: several columns then fit into workgroup memory beside each other. */
const ROWS = 256;

export interface Plan {
  /** Points of the transform: a power of two, T or more. */
  readonly n: number;
  /** The row as a matrix of rows × width; width is 1 where the whole row fits into workgroup memory. */
  readonly rows: number;
  readonly width: number;
  /** Columns that are transformed together. */
  readonly columns: number;
}

/** @throws RangeError when T is too long: beyond 256 times the points that fit into workgroup memory. */
export function planOf(T: number): Plan {
  const n = Math.max(16, 2 ** Math.ceil(Math.log2(T)));
  const points = capacity();
  if (n <= points) return { n, rows: n, width: 1, columns: 1 };
  const rows = Math.min(ROWS, 2 ** Math.floor(Math.log2(n) / 2));
  const width = n / rows;
  if (width > points) {
    throw new RangeError(`long convolution: expected T of at most ${ROWS * points}, got ${T}`);
  }
  return { n, rows, width, columns: Math.min(width, points / rows) };
}

/** Points, a power of two, of which workgroup memory holds two sets, 8 bytes each. */
function capacity(): number {
  return 2 ** Math.floor(Math.log2(gpuBackend().device.limits.maxComputeWorkgroupStorageSize / 16));
}
