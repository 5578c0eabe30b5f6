/**
 * The selective scan: a state-space model whose step size, input and readout depend on the token.
 *
 * Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023, arXiv:2312.00752.
 *
 *   h_t = Ā_t h_(t−1) + B̄_t x_t,   y_t = C_t h_t          for each channel, with a state of N numbers      (eq. 2)
 *   zero-order hold: Ā = exp(Δ A),  B̄ = (Δ A)⁻¹ (exp(Δ A) − 1) Δ B                                        (eq. 4)
 *   Euler:           Ā = exp(Δ A),  B̄ = Δ B                                              (what the authors' code does)
 *   A is diagonal and negative; Δ_t > 0, B_t and C_t come from the token                             (Algorithm 2)
 *
 * Identities (lib/identities/mamba.ts): recurrent, chunkwise and associative forms agree; a token with Δ = 0 leaves the state
 * alone; with Δ, B and C the same for all tokens it is a convolution.
 * Cost with D channels: 7 T D N FLOPs and a state of D N numbers recurrently; nearly twice that chunkwise, with the states of T / c
 * positions at once; the associative form holds the states of all T.
 * Deviates from the paper: tensors hold D last, so that the longest axis is the contiguous one; the chunkwise form is a
 * reconstruction of what their kernel does on a GPU (section 3.3.2), in tensor operations: states are recomputed, not stored.
 */

import * as tf from "@tensorflow/tfjs";
import { hasKernel, MAX_STATES, runKernel, type ScanInputs, SELECTIVE_SCAN } from "../kernels/fused.js";
import { associativeScan, earlier } from "../scan.js";
import { dims, ensure } from "../shapes.js";

/** K positions, their x and Δ `[K, 1, D]` and B `[K, N, 1]`, and A `[1, N, D]`. */
export interface Continuous {
  readonly x: tf.Tensor3D;
  readonly delta: tf.Tensor3D;
  readonly A: tf.Tensor3D;
  readonly B: tf.Tensor3D;
}

/** Ā and B̄ x of K positions, `[K, N, D]` each. */
export type Discretisation = (continuous: Continuous) => { decay: tf.Tensor3D; input: tf.Tensor3D };

/** Ā = exp(Δ A), B̄ = Δ B: right to first order in Δ, and what trained Mamba models use. */
export const euler: Discretisation = ({ x, delta, A, B }) => ({
  decay: tf.exp(tf.mul<tf.Tensor3D>(delta, A)),
  input: tf.mul(tf.mul(delta, x), B),
});

/** Ā = exp(Δ A), B̄ = (Δ A)⁻¹ (exp(Δ A) − 1) Δ B: exact where x stands still during Δ. A must not be 0. */
export const zeroOrderHold: Discretisation = ({ x, delta, A, B }) => {
  const exponent: tf.Tensor3D = tf.mul(delta, A);
  // expm1 keeps the digits that exp(ΔA) − 1 loses for a small Δ; the Δ's cancel, so Δ = 0 is no division by 0.
  const held = tf.div(tf.expm1(exponent), A);
  return { decay: tf.exp(exponent), input: tf.mul(held, tf.mul(x, B)) };
};

export interface SelectiveScanOptions {
  /** Inputs `[B, T, D]`, one number for each channel. */
  readonly x: tf.Tensor3D;
  /** Step sizes Δ `[B, T, D]`, none negative: softplus has been applied. */
  readonly delta: tf.Tensor3D;
  /** `[D, N]`, negative: −exp(A_log) in a trained model. */
  readonly A: tf.Tensor2D;
  /** `[B, T, N]`, what a token writes; the same for all channels. */
  readonly B: tf.Tensor3D;
  /** `[B, T, N]`, what a token reads. */
  readonly C: tf.Tensor3D;
  /** `euler` unless given. */
  readonly discretise?: Discretisation;
}

/**
 * `[B, T, D]`, on the backend `webgpu` by a kernel (lib/kernels/selective-scan) where it knows the discretisation and N ≤ 32, and
 * elsewhere by `selectiveScanAssociative`.
 */
export function selectiveScan(options: SelectiveScanOptions): tf.Tensor3D {
  const { x, delta, A, B, C, discretise = euler } = options;
  const N = dims("selectiveScan", legend(options)).N!;
  const known = discretise === euler || discretise === zeroOrderHold;
  if (!hasKernel(SELECTIVE_SCAN) || !known || N > MAX_STATES) return selectiveScanAssociative(options);
  return tf.tidy(() => {
    // The kernel takes states four at a time; one with A = B = C = 0 stays 0 and is never read.
    const whole = <T extends tf.Tensor>(tensor: T): T =>
      N % 4 === 0
        ? tensor
        : tf.pad(
            tensor,
            tensor.shape.map((_, axis) => [0, axis === tensor.rank - 1 ? 4 - (N % 4) : 0]),
          );
    const inputs: ScanInputs = { x, delta, A: whole(A), B: whole(B), C: whole(C) };
    return runKernel(
      SELECTIVE_SCAN,
      { ...inputs },
      { zeroOrder: discretise === zeroOrderHold },
    )[0] as tf.Tensor3D;
  });
}

/** All states at once by an associative scan, in 2 log₂ T rounds: `[B, T, D]`. Holds T · D · N numbers. */
export function selectiveScanAssociative(options: SelectiveScanOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const { x, delta, A, B, C, discretise, sizes } = checked("selectiveScanAssociative", options);
    const [batch, T, D, N] = sizes;
    const rows = (tensor: tf.Tensor3D) => tf.reshape(tensor, [batch * T, 1, D]) as tf.Tensor3D;
    const step = discretise({
      x: rows(x),
      delta: rows(delta),
      A,
      B: tf.reshape(B, [batch * T, N, 1]) as tf.Tensor3D,
    });
    const flat = (tensor: tf.Tensor3D) => tf.reshape(tensor, [batch, T, N * D]) as tf.Tensor3D;
    const states = associativeScan({ decay: flat(step.decay), input: flat(step.input) });
    const y = tf.matMul(
      tf.reshape(C, [batch * T, 1, N]),
      tf.reshape(states, [batch * T, N, D]) as tf.Tensor3D,
    ); // [B·T, 1, D]
    return tf.reshape(y, [batch, T, D]);
  });
}

/** The same result position by position, with nothing but a state `[B, N, D]` in between: `[B, T, D]`. */
export function selectiveScanRecurrent(options: SelectiveScanOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const all = checked("selectiveScanRecurrent", options);
    const [batch, T, D, N] = all.sizes;
    const outputs: tf.Tensor3D[] = [];
    sweep(all, cut(all, T), tf.zeros([batch, N, D]), (y) => outputs.push(y));
    return tf.concat(outputs, 1);
  });
}

export interface ChunkwiseScanOptions extends SelectiveScanOptions {
  /** c, positions in a chunk; 16 unless given. T makes it the recurrent form. */
  readonly chunk?: number;
}

/**
 * The same result in chunks of c positions. All chunks take their first step together, then their second, and so on: c steps to
 * learn where each chunk would end from zero, log₂ of the number of chunks to join these ends, and c steps again from the
 * right start. `[B, T, D]`.
 */
export function selectiveScanChunkwise({ chunk = 16, ...options }: ChunkwiseScanOptions): tf.Tensor3D {
  ensure(
    Number.isInteger(chunk) && chunk >= 1,
    `selectiveScanChunkwise: expected a chunk of 1 or more positions, got ${chunk}`,
  );
  return tf.tidy(() => {
    const all = checked("selectiveScanChunkwise", options);
    const [batch, T, D, N] = all.sizes;
    const c = Math.min(chunk, T);
    const M = Math.ceil(T / c);
    const steps = cut(all, c);
    let start = tf.zeros<tf.Rank.R3>([batch * M, N, D]);
    if (M > 1) {
      const ends = sweep(all, steps, start);
      // Decays multiply, so their exponents add: the whole chunk's is exp(A ΣΔ), at most 1.
      const kept = tf.exp(tf.mul(tf.addN(steps.map(({ delta }) => delta)), all.A));
      const flat = (tensor: tf.Tensor) => tf.reshape(tensor, [batch, M, N * D]) as tf.Tensor3D;
      start = tf.reshape(earlier(associativeScan({ decay: flat(kept), input: flat(ends) })), [
        batch * M,
        N,
        D,
      ]);
    }
    const outputs: tf.Tensor3D[] = [];
    sweep(all, steps, start, (y) => outputs.push(y));
    const y: tf.Tensor3D = tf.reshape(tf.concat(outputs, 1), [batch, M * c, D]);
    return M * c === T ? y : tf.slice(y, 0, [batch, T, D]);
  });
}

/** The state after the positions read so far, `[B, N, D]`: the same size after ten tokens and after ten thousand. */
export type ScanState = tf.Tensor3D;

/**
 * One position, `x`, `delta`, `B` and `C` of shape `[B, 1, ·]`: its output `[B, 1, D]`, and the state after it. The old state is
 * left alone: its owner disposes it.
 */
export function selectiveScanStep({
  state,
  ...options
}: SelectiveScanOptions & { readonly state?: ScanState }): {
  y: tf.Tensor3D;
  state: ScanState;
} {
  return tf.tidy(() => {
    const all = checked("selectiveScanStep", options);
    const [batch, T, D, N] = all.sizes;
    ensure(T === 1, `selectiveScanStep: expected one position, got ${T}`);
    if (state !== undefined)
      dims("selectiveScanStep", { x: [all.x, "B T D"], A: [options.A, "D N"], state: [state, "B N D"] });
    let y: tf.Tensor3D | undefined;
    const next = sweep(all, cut(all, 1), state ?? tf.zeros([batch, N, D]), (out) => {
      y = out;
    });
    return { y: y!, state: next };
  });
}

type Checked = ReturnType<typeof checked>;

/** Position i of all K chunks. */
interface Step extends Omit<Continuous, "A"> {
  readonly C: tf.Tensor3D;
}

/** Steps 1 … c of K = B · ⌈T / c⌉ chunks side by side. Δ = 0 fills the last chunk up: such steps change no state. */
function cut({ x, delta, B, C, sizes: [batch, T, D, N] }: Checked, c: number): Step[] {
  const missing = Math.ceil(T / c) * c - T;
  const split = (tensor: tf.Tensor3D, shape: [number, number]) => {
    const F = tensor.shape[2];
    const whole = missing === 0 ? tensor : tf.concat([tensor, tf.zeros([batch, missing, F])], 1);
    const parts = tf.split(tf.reshape(whole, [-1, c, F]), c, 1); // [K, 1, F] each
    return parts.map((part) => tf.reshape(part, [-1, ...shape]) as tf.Tensor3D);
  };
  const [xs, deltas, Bs, Cs] = [split(x, [1, D]), split(delta, [1, D]), split(B, [N, 1]), split(C, [1, N])];
  return xs.map((x, i) => ({ x, delta: deltas[i]!, B: Bs[i]!, C: Cs[i]! }));
}

/** Runs the steps from a state `[K, N, D]`, hands each output `[K, 1, D]` to `emit`, and returns the last state. */
function sweep(
  { A, discretise }: Checked,
  steps: readonly Step[],
  start: tf.Tensor3D,
  emit?: (y: tf.Tensor3D) => void,
): tf.Tensor3D {
  let state = start;
  for (const { C, ...step } of steps) {
    const next: tf.Tensor3D = tf.tidy(() => {
      const { decay, input } = discretise({ ...step, A });
      return tf.add(tf.mul(decay, state), input) as tf.Tensor3D;
    });
    // Not the caller's: it may start from this state again.
    if (state !== start) state.dispose();
    state = next;
    emit?.(tf.matMul(C, state)); // [K, 1, D]
  }
  return state;
}

function legend({ x, delta, A, B, C }: SelectiveScanOptions) {
  return {
    x: [x, "B T D"],
    delta: [delta, "B T D"],
    A: [A, "D N"],
    B: [B, "B T N"],
    C: [C, "B T N"],
  } as const;
}

/** Entry checks; A comes back as `[1, N, D]`. */
function checked(name: string, options: SelectiveScanOptions) {
  const { x, delta, A, B, C, discretise = euler } = options;
  const { B: batch, T, D, N } = dims(name, legend(options));
  const sizes = [batch!, T!, D!, N!] as const;
  const channelsLast: tf.Tensor3D = tf.reshape(tf.transpose(A), [1, N!, D!]);
  return { x, delta, A: channelsLast, B, C, discretise, sizes };
}
