/** Block-sparse attention as a kernel of tfjs's `webgpu` backend: `lib/block-sparse.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { BLOCK_SPARSE, type BlockSparseAttrs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { registerFamily } from "./family.js";
import type { Pattern, RowsAre } from "./forward.js";

/** Registers forward and gradient; once. */
export function registerBlockSparse(): void {
  registerFamily<BlockSparseAttrs>({
    name: BLOCK_SPARSE,
    told: ["blocks"],
    pattern,
    gradients: ({ blocks }) => ({ blocks: () => tf.zerosLike(blocks!) }),
  });
}

/** Lists of blocks out of the table, for rows that are queries or keys; they stay on the GPU: blocks.wgsl. */
function pattern(
  { q, k, blocks }: tf.NamedTensorInfoMap,
  { blockSize, causal }: BlockSparseAttrs,
  rowsAre: RowsAre,
): Pattern {
  const [T, S] = [q!.shape[2]!, k!.shape[2]!];
  const [rows, others] = (rowsAre === "keys" ? [...blocks!.shape].reverse() : blocks!.shape) as [
    number,
    number,
  ];
  const [lists] = launch({
    code: wgsl("attention/block-list.wgsl"),
    inputs: [blocks!],
    outputs: [[rows, 1 + others]],
    sizes: [T, S, blockSize, Number(causal), Number(rowsAre === "keys")],
    workgroups: [Math.ceil(rows / 64)],
  }) as [tf.TensorInfo];
  return {
    code: "attention/blocks.wgsl",
    input: lists,
    sizes: [blockSize, Number(causal)],
    rowsDivide: blockSize,
    temporary: [lists],
  };
}
