/**
 * The scan of outer products that linear attention, its decayed kin and all of their gradients are:
 *
 *   R_t = diag(a_t) R_{t−1} + w_t m_tᵀ,   y_t = R_t r_t
 *
 * `plain` walks along T; `chunked` and `f16` (chunked.ts) take 64 positions at a time.
 */

import type * as tf from "@tensorflow/tfjs";
import { hasFeature } from "../device.js";
import type { LinearAttentionAttrs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { strides } from "../tensors.js";
import { chunked } from "./chunked.js";

export type Rung = NonNullable<LinearAttentionAttrs["rung"]>;

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
  /** The best for these sizes unless given; see `usableRung`. */
  readonly rung?: Rung;
}

/** Longest text that is walked along unless another rung is asked for. */
const SHORT = 16;

/** y, `[B, H, T, I]`. */
export function outerScan({ rung, ...scan }: OuterScan): tf.TensorInfo {
  const usable = usableRung(rung, scan.w.shape[2]!, [scan.w.shape[3]!, scan.m.shape[3]!]);
  return usable === "plain" ? plain(scan) : chunked(scan, usable);
}

/**
 * Asked for what cannot be had, the version below it: `f16` wants shader-f16, all but `plain` widths that are multiples of 4.
 * Unasked, `chunked`, and `plain` for a few positions; never `f16`, which is less exact.
 */
export function usableRung(
  rung: Rung | undefined,
  T: number,
  widths: readonly number[],
  halves = hasFeature("shader-f16"),
): Rung {
  if (widths.some((width) => width % 4 !== 0)) return "plain";
  if (rung === "f16" && !halves) return "chunked";
  return rung ?? (T <= SHORT ? "plain" : "chunked");
}

function plain(scan: Omit<OuterScan, "rung">): tf.TensorInfo {
  const { w, m, r, logDecay, decayOnRow = false, reverse = false, exclusive = false } = scan;
  const [B, H, T, I] = w.shape as [number, number, number, number];
  return launch({
    code: wgsl("linear-attention/plain.wgsl"),
    constants: { J: m.shape[3]!, decayOnRow, reverse, exclusive },
    inputs: [w, m, r, logDecay],
    outputs: [w.shape],
    sizes: [B * H, H, T, I, ...strides(logDecay)],
    workgroups: [Math.ceil(I / 32), B * H],
  })[0]!;
}
