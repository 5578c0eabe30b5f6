/** The short causal convolution that several papers put before a long memory: each channel's last W values, weighted. */

import * as tf from "@tensorflow/tfjs";
import { dims } from "./shapes.js";

export interface ShortConvolutionOptions {
  /** `[B, W − 1 + T, E]`: what came before the first position (zeros, or a state), and the T positions. */
  readonly padded: tf.Tensor3D;
  /** `[W, E]`, the present position's weight last. */
  readonly weights: tf.Tensor2D;
}

/** y_t = Σ_j w_j x_(t − W + 1 + j), channel by channel: `[B, T, E]`. */
export function shortConvolution({ padded, weights }: ShortConvolutionOptions): tf.Tensor3D {
  const { B, L, E, W } = dims("shortConvolution", {
    padded: [padded, "B L E"],
    weights: [weights, "W E"],
  }) as Record<"B" | "L" | "E" | "W", number>;
  return tf.tidy(() => {
    const image: tf.Tensor4D = tf.reshape(padded, [B, 1, L, E]);
    const filter: tf.Tensor4D = tf.reshape(weights, [1, W, E, 1]);
    return tf.reshape(tf.depthwiseConv2d(image, filter, 1, "valid"), [B, L - W + 1, E]);
  });
}
