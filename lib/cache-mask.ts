/** Who may see what in a cache that is fuller for some texts than for others. */

import * as tf from "@tensorflow/tfjs";

export interface CacheMaskOptions {
  /** Keys that each batch element has, those of the T queries last. */
  readonly lengths: readonly number[];
  readonly T: number;
  /** Keys that the cache has room for. */
  readonly S: number;
}

/** True where query t of batch element b may see key s: s < length − (T − 1 − t). `[B, 1, T, S]`. */
export function cacheMask({ lengths, T, S }: CacheMaskOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const end = lengths.flatMap((length) => Array.from({ length: T }, (_, t) => length - (T - 1 - t)));
    return tf.less(tf.range(0, S), tf.tensor4d(end, [lengths.length, 1, T, 1]));
  });
}
