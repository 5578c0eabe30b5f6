/** The splits of decode attention as its WGSL reads them. */

import type * as tf from "@tensorflow/tfjs";
import { offsetsOf } from "../../packed-attention.js";
import type { DecodeAttrs } from "../fused.js";
import { ints } from "../tensors.js";

/** int32 data of their own, to be disposed of by who asked for them. */
export interface DecodeTables {
  /** `[P, 4]`: tile (key head of a batch element), first key, end, keys of the tile. */
  readonly pieces: tf.TensorInfo;
  /** Where each worker's pieces start, and the end of the last. */
  readonly workers: tf.TensorInfo;
  /** Pieces, tile by tile. */
  readonly order: tf.TensorInfo;
  /** Where each tile's pieces start in `order`, and the end of the last. */
  readonly tiles: tf.TensorInfo;
}

export function decodeTables(
  splits: DecodeAttrs["splits"],
  lengths: readonly number[],
  heads: number,
): DecodeTables {
  const pieces = splits.flat();
  const tiles = pieces.map(({ b, g }) => b * heads + g);
  const rows = pieces.flatMap(({ b, from, to }, i) => [tiles[i]!, from, to, lengths[b]!]);
  const order = pieces.map((_, i) => i).sort((i, j) => tiles[i]! - tiles[j]!);
  const counts = Array<number>(lengths.length * heads).fill(0);
  for (const tile of tiles) counts[tile]!++;
  // One row more than there are: a buffer must not be empty.
  return {
    pieces: ints([...rows, 0, 0, 0, 0], [pieces.length + 1, 4]),
    workers: ints(offsetsOf(splits.map((own) => own.length))),
    order: ints([...order, 0]),
    tiles: ints(offsetsOf(counts)),
  };
}
