/**
 * RWKV's time mixing as a token mixer (Peng et al., 2023, arXiv:2305.13048): `variants/rwkv-block.ts` with as many matrices as
 * softmax attention has, 4 C² weights. Its state is 4 C numbers, whatever was read.
 */

import * as tf from "@tensorflow/tfjs";
import {
  type TimeMixingState,
  type TimeMixingWeights,
  timeMixing,
  timeMixingStep,
  type Wkv,
} from "../variants/rwkv-block.js";
import type { Mixer, Tensors } from "./mixer.js";

export interface RwkvMixerOptions {
  /** Stands in labels and checkpoints; `RWKV` unless given. */
  readonly name?: string;
  /** The form of WKV to train with; chunkwise unless given. */
  readonly mix?: Wkv;
}

/** Time mixing as a mixer; it knows the order by its decay and its token shift. */
export function rwkvMixer({ name = "RWKV", mix }: RwkvMixerOptions = {}): Mixer {
  return {
    name,
    init({ random, width: C }) {
      const matrix = () => random.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
      const channels = (value: (share: number, c: number) => number) =>
        tf.tensor1d(Array.from({ length: C }, (_, c) => value(c / Math.max(1, C - 1), c)));
      // The paper's first layer (Appendix E): decays from e⁻⁵ to e³, a bonus around 0.3 in three steps, and channels that see ever
      // less of the token before. Matrices are random instead of zero, since there is one layer and little time.
      return {
        mixR: channels((_, c) => (c / C) ** 0.5),
        mixK: channels((_, c) => c / C),
        mixV: channels((_, c) => c / C),
        wr: matrix(),
        wk: matrix(),
        wv: matrix(),
        decay: channels((share) => -5 + 8 * share ** 0.7),
        bonus: channels((_, c) => Math.log(0.3) + 0.5 * (((c + 1) % 3) - 1)),
        wo: tf.zeros([C, C]),
      };
    },
    forward: ({ x, params }) => timeMixing({ x, weights: weights(params), mix }),
    recurrent: {
      start({ batch, width }) {
        const wkv = {
          a: tf.zeros([batch, width]),
          b: tf.zeros([batch, width]),
          m: tf.fill([batch, width], -1e38),
        };
        return { past: tf.zeros([batch, 1, width]), ...wkv };
      },
      step({ x, params, state: { past, ...wkv } }) {
        const state = { past, wkv } as unknown as TimeMixingState;
        const next = timeMixingStep({ x, weights: weights(params), state });
        return { y: next.y, state: { past: next.state.past, ...next.state.wkv } };
      },
    },
  };
}

function weights(params: Tensors): TimeMixingWeights {
  return params as unknown as TimeMixingWeights;
}
