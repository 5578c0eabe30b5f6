/**
 * Selective and time-invariant state-space models as token mixers (Gu and Dao, 2023, arXiv:2312.00752): the Mamba block of
 * `variants/mamba-block.ts`, with Δ, B and C from the token, or the same for every token. Everything else is equal.
 */

import * as tf from "@tensorflow/tfjs";
import type { Random } from "../random.js";
import {
  type MambaState,
  type MambaWeights,
  mambaBlock,
  mambaBlockStep,
  type Selection,
  selective,
  timeInvariant,
} from "../variants/mamba-block.js";
import type { Mixer, Tensors } from "./mixer.js";

export interface MambaMixerOptions {
  /** N, numbers of state for each channel; 4 unless given. */
  readonly states?: number;
  /** E / C, channels for each number of the model's width; 2 unless given, as in the paper. */
  readonly expand?: number;
  /** W, positions that the convolution sees; 4 unless given, as in the paper. 1 takes away all but the scan's memory. */
  readonly window?: number;
}

/** Δ, B and C from the token. */
export function mambaMixer(options: MambaMixerOptions = {}): Mixer {
  return mixer(
    "selective",
    options,
    () => ({}),
    () => selective,
  );
}

/** Δ, B and C the same for every token: a linear filter between the same projections, convolution and gate. */
export function timeInvariantMixer(options: MambaMixerOptions = {}): Mixer {
  const { states = 4 } = options;
  return mixer(
    "time-invariant",
    options,
    (random) => ({ b: random.normalTensor([states]), c: random.normalTensor([states]) }),
    ({ b, c }) => timeInvariant({ B: b as tf.Tensor1D, C: c as tf.Tensor1D }),
  );
}

function mixer(
  name: string,
  { states: N = 4, expand = 2, window: W = 4 }: MambaMixerOptions,
  extra: (random: Random) => Record<string, tf.Tensor>,
  selection: (params: Tensors) => Selection,
): Mixer {
  return {
    name,
    init({ random, width: C }) {
      const [E, R] = [expand * C, Math.ceil(C / 16)];
      const matrix = (rows: number, columns: number) =>
        random.normalTensor<tf.Rank.R2>([rows, columns], rows ** -0.5);
      // softplus(b) from 0.001 to 0.1 and A = −1, −2, … −N (section 3.6); evenly in the logarithm, as in the authors' code.
      const steps = Array.from({ length: E }, () => 0.001 * 100 ** random.uniform());
      return {
        into: matrix(C, 2 * E),
        conv: matrix(W, E),
        convBias: tf.zeros([E]),
        select: matrix(E, R + 2 * N),
        step: matrix(R, E),
        stepBias: tf.tensor1d(steps.map((step) => Math.log(Math.expm1(step)))),
        logA: tf.tile(tf.reshape(tf.log(tf.range(1, N + 1)), [1, N]), [E, 1]),
        skip: tf.ones([E]),
        out: tf.zeros([E, C]),
        ...extra(random),
      };
    },
    forward: ({ x, params }) => mambaBlock({ x, weights: weights(params), selection: selection(params) }),
    recurrent: {
      start: ({ batch, width }) => ({
        past: tf.zeros([batch, W - 1, expand * width]),
        scan: tf.zeros([batch, N, expand * width]),
      }),
      step: ({ x, params, state }) =>
        mambaBlockStep({
          x,
          weights: weights(params),
          selection: selection(params),
          state: state as unknown as MambaState,
        }),
    },
  };
}

function weights(params: Tensors): MambaWeights {
  return params as unknown as MambaWeights;
}
