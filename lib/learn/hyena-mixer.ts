/**
 * Hyena as a token mixer (Poli et al., 2023, arXiv:2302.10866): the layer of `variants/hyena-layer.ts`. It knows positions by
 * itself, and has no recurrent form: the next token needs all earlier ones again.
 */

import * as tf from "@tensorflow/tfjs";
import type { Random } from "../random.js";
import { type HyenaLayerOptions, type HyenaWeights, hyenaLayer } from "../variants/hyena-layer.js";
import type { Mixer, Tensors } from "./mixer.js";

export interface HyenaMixerOptions {
  /** L, the longest text that it will meet. */
  readonly length: number;
  /** N; 2 unless given, as in most of the paper's models. */
  readonly order?: number;
  /** K, waves that the filters' network sees of a position; 8 unless given. */
  readonly bands?: number;
  /** F, its hidden units; 32 unless given (64 in the paper). */
  readonly hidden?: number;
  /** ω of its sines at the start; 1 unless given, as in the authors' code (14 in the large models of Table A.4). */
  readonly frequency?: number;
}

/** Layers of the filters' network before its last, linear one; with that one 4, as in Table A.4. */
const sineLayers = 3;

export function hyenaMixer(options: HyenaMixerOptions): Mixer {
  return mixer("hyena", options, (layer) => hyenaLayer(layer));
}

/** The same layer with all gates 1: the long convolutions are left, and what multiplies them no longer knows the text. */
export function ungatedMixer(options: HyenaMixerOptions): Mixer {
  return mixer("hyena without gates", options, (layer) => hyenaLayer({ ...layer, gate: tf.onesLike }));
}

function mixer(
  name: string,
  { length, order = 2, bands = 8, hidden = 32, frequency = 1 }: HyenaMixerOptions,
  layer: (options: HyenaLayerOptions) => tf.Tensor3D,
): Mixer {
  return {
    name,
    init({ random, width: C }) {
      const inputs = [1 + 2 * bands, ...Array.from({ length: sineLayers - 1 }, () => hidden)];
      const layers = inputs.flatMap((rows, i) => [
        [`filter.w${i}`, uniform(random, [rows, hidden], rows)],
        [`filter.b${i}`, uniform(random, [hidden], rows)],
      ]);
      const P = (order + 1) * C;
      return {
        into: random.normalTensor<tf.Rank.R2>([C, P], C ** -0.5),
        intoBias: tf.zeros([P]),
        short: uniform(random, [3, P], 3),
        shortBias: tf.zeros([P]),
        ...Object.fromEntries(layers),
        "filter.frequency": tf.fill([hidden], frequency),
        "filter.out": uniform(random, [hidden, order * C], hidden),
        biases: random.normalTensor<tf.Rank.R2>([order, C]),
        out: tf.zeros([C, C]),
        outBias: tf.zeros([C]),
      };
    },
    forward: ({ x, params }) => layer({ x, weights: weights(params), length }),
  };
}

/** PyTorch's usual start, which the authors' code leaves as it is: within ±1/√rows. */
function uniform(random: Random, shape: number[], rows: number): tf.Tensor {
  return random.uniformTensor(shape as [number], -(rows ** -0.5), rows ** -0.5);
}

function weights(params: Tensors): HyenaWeights {
  const layers = Array.from({ length: sineLayers }, (_, i) => ({
    w: params[`filter.w${i}`],
    b: params[`filter.b${i}`],
  }));
  const filter = { layers, frequency: params["filter.frequency"], out: params["filter.out"] };
  return { ...params, filter } as unknown as HyenaWeights;
}
