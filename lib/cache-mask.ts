/** Who may see what in a cache that is fuller for some texts than for others. */

import * as tf from "@tensorflow/tfjs";

export interface CacheMaskOptions {
  /** Keys that each batch element has, those of the T queries last. */
  readonly lengths: readonly number[];
  readonly T: number;
  /** Keys that the cache has room for. */
  readonly S: number;
  /** Heads whose queries stand behind one another because they share a key head; 1 unless given. */
  readonly group?: number;
}

/** True where query t of batch element b may see key s: s < length − (T − 1 − t). `[B, 1, group · T, S]`. */
export function cacheMask({ lengths, T, S, group = 1 }: CacheMaskOptions): tf.Tensor4D {
  const ends = lengths.flatMap((length) =>
    Array.from({ length: group * T }, (_, row) => length - (T - 1 - (row % T))),
  );
  return tf.tidy(() => tf.less(tf.range(0, S), tf.tensor4d(ends, [lengths.length, 1, group * T, 1])));
}
