/**
 * The scan of outer products that linear attention, its decayed kin and all of their gradients are:
 *
 *   R_t = diag(a_t) R_{t−1} + w_t m_tᵀ,   y_t = R_t r_t
 *
 * Two rungs: `plain` walks along T; `chunked` sums 64 positions at a time, in four kernels.
 */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release, strides } from "../tensors.js";

export type Rung = "plain" | "chunked";

export interface OuterScan {
  /** What each position writes, `[B, H, T, I]`. */
  readonly w: tf.TensorInfo;
  /** What it writes it under, and what it reads with, `[B, H, T, J]`, J at most 128. */
  readonly m: tf.TensorInfo;
  readonly r: tf.TensorInfo;
  /** ln a, broadcastable to `[B, H, T, J]`, or to `[B, H, T, I]` with `decayOnRow`. At most 0. */
  readonly logDecay: tf.TensorInfo;
  readonly decayOnRow?: boolean;
  /** From the last position to the first; the step from t + 1 to t decays by a_{t+1}. */
  readonly reverse?: boolean;
  /** y_t without position t's own outer product. */
  readonly exclusive?: boolean;
  readonly rung: Rung;
}

const [CHUNK, TILE, ROWS] = [64, 32, 16];

/** y, `[B, H, T, I]`. */
export function outerScan({ rung, ...scan }: OuterScan): tf.TensorInfo {
  return rung === "plain" ? plain(scan) : chunked(scan);
}

type Scan = Omit<OuterScan, "rung">;

function plain(scan: Scan): tf.TensorInfo {
  const { w, m, r, logDecay, decayOnRow = false, reverse = false, exclusive = false } = scan;
  const { N, H, T, I, J } = sizes(scan);
  return launch({
    code: wgsl("linear-attention/plain.wgsl"),
    constants: { J, decayOnRow, reverse, exclusive },
    inputs: [w, m, r, logDecay],
    outputs: [w.shape],
    sizes: [N, H, T, I, ...strides(logDecay)],
    workgroups: [Math.ceil(I / 32), N],
  })[0]!;
}

function chunked(scan: Scan): tf.TensorInfo {
  const { w, m, r, logDecay, decayOnRow = false, reverse = false, exclusive = false } = scan;
  const { N, H, T, I, J } = sizes(scan);
  const chunks = Math.ceil(T / CHUNK);
  const C = logDecay.shape.at(-1) ?? 1;
  const step = (file: string) => wgsl(`linear-attention/${file}.wgsl`);
  const [b] = launch({
    code: step("cumulative"),
    constants: { chunk: CHUNK, reverse },
    inputs: [logDecay],
    outputs: [[N, T, C]],
    sizes: [N, H, T, C, ...strides(logDecay)],
    workgroups: [Math.ceil((chunks * C) / 64), N],
  });
  const [added] = launch({
    code: step("chunk-sums"),
    constants: { chunk: CHUNK, decayOnRow, reverse },
    inputs: [w, m, b!],
    outputs: [[N, chunks, I, J]],
    sizes: [N, T, I, J, C],
    workgroups: [Math.ceil(I / TILE) * Math.ceil(J / TILE), chunks, N],
  });
  const [before] = launch({
    code: step("carry"),
    constants: { chunk: CHUNK, decayOnRow },
    inputs: [added!, b!],
    outputs: [[N, chunks, I, J]],
    sizes: [N, T, I, J, C],
    workgroups: [Math.ceil((I * J) / 64), N],
  });
  const [y] = launch({
    code: step("outputs"),
    constants: { chunk: CHUNK, decayOnRow, reverse, exclusive },
    inputs: [w, m, r, b!, before!],
    outputs: [w.shape],
    sizes: [N, T, I, J, C],
    workgroups: [Math.ceil(I / TILE), Math.ceil(T / ROWS), N],
  });
  release(b!, added!, before!);
  return y!;
}

function sizes({ w, m }: Scan) {
  const [B, H, T, I] = w.shape as [number, number, number, number];
  return { N: B * H, H, T, I, J: m.shape[3]! };
}
