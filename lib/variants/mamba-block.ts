/**
 * The Mamba block: a selective scan between two projections, with a short convolution before it and a gate behind it.
 *
 * Gu and Dao, 2023, arXiv:2312.00752, section 3.4 and Figure 3.
 *
 *   [u | z] = x W_in,   u ← silu(conv₄(u)),   [δ | B | C] = u W_x,   Δ = softplus(δ W_Δ + b_Δ)
 *   y = (scan(u, Δ, A, B, C) + D u) ⊙ silu(z) W_out,   A = −exp(A_log)
 *
 * Identities (test/variants/mamba-block.test.ts): equals transformers' Mamba mixer; one token at a time equals the whole text;
 * with Δ, B and C the same for all tokens it does not notice where a text starts.
 * Cost: 6 T C E FLOPs in the projections (E = 2 C in the paper), the rest grows like T too.
 */

import * as tf from "@tensorflow/tfjs";
import { project } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import { shortConvolution } from "../short-convolution.js";
import { type ScanState, type SelectiveScanOptions, selectiveScan, selectiveScanStep } from "./mamba.js";

/** C is the model's width, E the number of channels, N of states for each channel, R the rank of Δ's projection. */
export interface MambaWeights {
  /** W_in `[C, 2 E]`: u, then z. */
  readonly into: tf.Tensor2D;
  /** `[W, E]`: weights of the last W positions of each channel, the present one last; W = 4 in the paper. */
  readonly conv: tf.Tensor2D;
  /** `[E]` */
  readonly convBias: tf.Tensor1D;
  /** W_x `[E, R + 2 N]`: δ, then B, then C. */
  readonly select: tf.Tensor2D;
  /** W_Δ `[R, E]` */
  readonly step: tf.Tensor2D;
  /** b_Δ `[E]` */
  readonly stepBias: tf.Tensor1D;
  /** A_log `[E, N]` */
  readonly logA: tf.Tensor2D;
  /** D `[E]`, how much of each input goes past the scan. */
  readonly skip: tf.Tensor1D;
  /** W_out `[E, C]` */
  readonly out: tf.Tensor2D;
}

/** What the scan needs besides its input: the part of a model that may look at the token, or not. */
export type Parameters = Pick<SelectiveScanOptions, "delta" | "B" | "C">;

/** Makes Δ `[B, T, E]`, B and C `[B, T, N]` for channels `u [B, T, E]`. */
export type Selection = (u: tf.Tensor3D, weights: MambaWeights) => Parameters;

/** Δ, B and C from the token (Algorithm 2): the selective model. */
export const selective: Selection = (u, { select, step, stepBias, logA }) => {
  const [R, N] = [step.shape[0], logA.shape[1]];
  const [low, B, C] = tf.split(project(u, select), [R, N, N], 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  return { delta: tf.softplus(tf.add(project(low, step), stepBias)), B, C };
};

export interface TimeInvariantWeights {
  /** `[N]`, what every token writes. */
  readonly B: tf.Tensor1D;
  /** `[N]`, what every token reads. */
  readonly C: tf.Tensor1D;
}

/** Δ = softplus(b_Δ), B and C the same for every token (Algorithm 1): the model that selection is compared with. */
export function timeInvariant({ B, C }: TimeInvariantWeights): Selection {
  return (u, { stepBias }) => {
    const [batch, T] = u.shape;
    // A product with ones, because the gradient of `tf.broadcastTo` runs a kernel for each copy.
    const everywhere = (vector: tf.Tensor1D) =>
      tf.mul(tf.ones<tf.Rank.R3>([batch, T, 1]), vector) as tf.Tensor3D;
    return { delta: everywhere(tf.softplus(stepBias)), B: everywhere(B), C: everywhere(C) };
  };
}

export interface MambaBlockOptions extends Pick<SelectiveScanOptions, "discretise"> {
  /** `[B, T, C]` */
  readonly x: tf.Tensor3D;
  readonly weights: MambaWeights;
  /** `selective` unless given. */
  readonly selection?: Selection;
  /** How the scan is computed; `selectiveScan` unless given. */
  readonly scan?: (options: SelectiveScanOptions) => tf.Tensor3D;
}

/** A whole text through the block: `[B, T, C]` → `[B, T, C]`. */
export function mambaBlock({
  x,
  weights,
  selection = selective,
  scan = selectiveScan,
  discretise,
}: MambaBlockOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const { raw, z, past } = entered("mambaBlock", x, weights);
    const u = convolved(tf.concat([past, raw], 1), weights); // [B, T, E]
    const A: tf.Tensor2D = tf.neg(tf.exp(weights.logA));
    const y = scan({ x: u, A, discretise, ...selection(u, weights) });
    return left(y, u, z, weights);
  });
}

/** What the next token needs of the past: the convolution's last inputs `[B, W − 1, E]` and the scan's state `[B, N, E]`. */
export type MambaState = { readonly past: tf.Tensor3D; readonly scan: ScanState };

/** One token, `x [B, 1, C]`: its output `[B, 1, C]`, and the state after it. The old state is left alone. */
export function mambaBlockStep({
  x,
  weights,
  selection = selective,
  discretise,
  state,
}: Omit<MambaBlockOptions, "scan"> & { readonly state?: MambaState }): {
  y: tf.Tensor3D;
  state: MambaState;
} {
  return tf.tidy(() => {
    const { raw, z, past } = entered("mambaBlockStep", x, weights);
    const window: tf.Tensor3D = tf.concat([state?.past ?? past, raw], 1); // [B, W, E]
    const u = convolved(window, weights); // [B, 1, E]
    const A: tf.Tensor2D = tf.neg(tf.exp(weights.logA));
    const next = selectiveScanStep({ x: u, A, discretise, ...selection(u, weights), state: state?.scan });
    const [batch, W, E] = window.shape;
    const kept = tf.slice(window, [0, 1, 0], [batch, W - 1, E]);
    return { y: left(next.y, u, z, weights), state: { past: kept, scan: next.state } };
  });
}

/** Entry checks; u before its convolution and z, `[B, T, E]` each, and the zeros that stand before the first token. */
function entered(name: string, x: tf.Tensor3D, weights: MambaWeights) {
  const { into, conv, convBias, select, step, stepBias, logA, skip, out } = weights;
  const { B, W, E, R, N } = dims(name, {
    x: [x, "B T C"],
    out: [out, "E C"],
    conv: [conv, "W E"],
    convBias: [convBias, "E"],
    step: [step, "R E"],
    stepBias: [stepBias, "E"],
    logA: [logA, "E N"],
    skip: [skip, "E"],
  });
  for (const [label, columns, expected] of [
    ["into", into.shape[1], 2 * E!],
    ["select", select.shape[1], R! + 2 * N!],
  ] as const) {
    ensure(columns === expected, `${name}: expected ${label} with ${expected} columns, got ${columns}`);
  }
  const [raw, z] = tf.split(project(x, into), 2, 2) as [tf.Tensor3D, tf.Tensor3D];
  return { raw, z, past: tf.zeros<tf.Rank.R3>([B!, W! - 1, E!]) };
}

/** silu of each channel's weighted last W values: `[B, T + W − 1, E]` → `[B, T, E]`. */
function convolved(padded: tf.Tensor3D, { conv, convBias }: MambaWeights): tf.Tensor3D {
  return silu(tf.add(shortConvolution({ padded, weights: conv }), convBias));
}

/** Past the scan, through the gate and out: `[B, T, E]` → `[B, T, C]`. */
function left(y: tf.Tensor3D, u: tf.Tensor3D, z: tf.Tensor3D, { skip, out }: MambaWeights): tf.Tensor3D {
  return project(tf.mul(tf.add(y, tf.mul(u, skip)), silu(z)), out);
}

function silu(x: tf.Tensor3D): tf.Tensor3D {
  return tf.mul(x, tf.sigmoid(x));
}
