/**
 * Softmax attention over blocks of pairs: what a pattern of blocks leaves out is neither computed nor read.
 *
 * Child et al., "Generating Long Sequences with Sparse Transformers", 2019, arXiv:1904.10509, whose GPU kernels work by blocks.
 *
 *   o_t = softmax over s ∈ { s : blocks[⌊t/c⌋, ⌊s/c⌋] } of (q_t · k_s / √D) times v_s          c the block's size
 *
 * Identities (test/kernels/block-sparse.test.ts): equals attention with the blocks' mask; all blocks together are attention.
 * Cost per head: 2 c² (D + E) FLOPs for each block named. On the other backends than `webgpu` it is attention under the mask, T S.
 */

import * as tf from "@tensorflow/tfjs";
import { attention } from "./attention.js";
import {
  BLOCK_SPARSE,
  type BlockSparseAttrs,
  type BlockSparseInputs,
  hasKernel,
  MAX_WIDTH,
  type Rung,
  runKernel,
} from "./kernels/fused.js";
import { dims, ensure, formatShape } from "./shapes.js";

export interface BlockSparseOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, G, S, D]`; G divides H, and query head h reads key head floor(h G / H). */
  readonly k: tf.Tensor4D;
  /** Values `[B, G, S, E]`. */
  readonly v: tf.Tensor4D;
  /** Boolean, true where a block of queries sees a block of keys: `[⌈T / blockSize⌉, ⌈S / blockSize⌉]`. */
  readonly blocks: tf.Tensor2D;
  /** Positions in a block; multiples of 64 are fastest, and the tiled kernels want multiples of 16. */
  readonly blockSize: number;
  /** Hides, inside of the blocks too, keys after t + (S - T) from query t. */
  readonly causal?: boolean;
  /** Multiplies the scores; 1/√D unless given. */
  readonly scale?: number;
}

/**
 * Attention over the blocks, `[B, H, T, E]`. A query that may attend to nothing gets zeros.
 *
 * @throws RangeError when shapes disagree, or `blocks` is not boolean.
 */
export function blockSparseAttention(options: BlockSparseOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const fused = fusedBlockSparseAttention(options);
    if (fused !== undefined) return fused;
    const { q, k, v, causal, scale, blocks, blockSize } = checked(options);
    const mask = blockMask({ blocks, blockSize, T: q.shape[2], S: k.shape[2] });
    return attention({ q, k, v, causal, scale, mask });
  });
}

/** The same in one kernel; undefined where the backend has none, or not for such wide heads. `rung` picks its version. */
export function fusedBlockSparseAttention({
  rung,
  ...options
}: BlockSparseOptions & { readonly rung?: Rung }): tf.Tensor4D | undefined {
  const { q, k, v, blocks, causal, scale, blockSize } = checked(options);
  if (!hasKernel(BLOCK_SPARSE) || q.shape[3] > MAX_WIDTH || v.shape[3] > MAX_WIDTH) return undefined;
  const inputs: BlockSparseInputs = { q, k, v, blocks };
  const attrs: BlockSparseAttrs = { causal, scale, blockSize, rung };
  return tf.tidy(() => runKernel(BLOCK_SPARSE, { ...inputs }, { ...attrs })[0] as tf.Tensor4D);
}

/** True at (t, s) where their blocks meet: `[T, S]`, bool. */
export function blockMask({
  blocks,
  blockSize,
  T,
  S,
}: Pick<BlockSparseOptions, "blocks" | "blockSize"> & {
  readonly T: number;
  readonly S: number;
}): tf.Tensor2D {
  return tf.tidy(() => {
    const [rows, columns] = blocks.shape;
    const cells = tf.reshape(tf.cast(blocks, "int32"), [rows, 1, columns, 1]);
    const pairs = tf.reshape(tf.tile(cells, [1, blockSize, 1, blockSize]), [
      rows * blockSize,
      columns * blockSize,
    ]);
    return tf.cast(tf.slice(pairs, [0, 0], [T, S]), "bool") as tf.Tensor2D;
  });
}

function checked({ q, k, v, blocks, blockSize, causal = false, scale }: BlockSparseOptions) {
  const name = "blockSparseAttention";
  const { H, T, D, G, S } = dims(name, { q: [q, "B H T D"], k: [k, "B G S D"], v: [v, "B G S E"] });
  ensure(H! % G! === 0, `${name}: expected key heads that divide the ${H} query heads, got ${G}`);
  ensure(
    Number.isInteger(blockSize) && blockSize >= 1,
    `${name}: expected a blockSize that is a whole number of positions, got ${blockSize}`,
  );
  const shape = [Math.ceil(T! / blockSize), Math.ceil(S! / blockSize)];
  ensure(
    blocks.dtype === "bool" && formatShape(blocks.shape) === formatShape(shape),
    `${name}: expected boolean blocks of shape [⌈T / ${blockSize}⌉, ⌈S / ${blockSize}⌉] = ${formatShape(shape)}, got ${blocks.dtype} ${formatShape(blocks.shape)}`,
  );
  return { q, k, v, blocks, blockSize, causal, scale: scale ?? 1 / Math.sqrt(D!) };
}
