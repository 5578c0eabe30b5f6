import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import {
  type BlockSparseOptions,
  blockMask,
  blockSparseAttention,
  fusedBlockSparseAttention,
} from "workbook/block-sparse";
import type { Rung } from "workbook/kernels/fused";
import { random } from "workbook/random";
import { assertAttends, draw, rounding, rungsOf, type Sizes } from "./attention-problem.js";
import { onGpuToo, read } from "./on-gpu.js";

const run = (rung: Rung | undefined, options: BlockSparseOptions) =>
  rung === undefined ? blockSparseAttention(options) : fusedBlockSparseAttention({ ...options, rung })!;

/** About a third of the blocks, and none in the second row. */
function drawBlocks({ T, S = T }: Sizes, blockSize: number) {
  const [rows, columns] = [Math.ceil(T / blockSize), Math.ceil(S / blockSize)];
  const r = random(T + blockSize);
  const table = Array.from(
    { length: rows * columns },
    (_, n) => Math.floor(n / columns) !== 1 && r.uniform() < 0.35,
  );
  return {
    blocks: tf.tensor2d(table, [rows, columns], "bool"),
    meets: (t: number, s: number) => table[Math.floor(t / blockSize) * columns + Math.floor(s / blockSize)]!,
  };
}

onGpuToo("kernels/block-sparse", (backend) => {
  // Subgroups change nothing about blocks; each further kernel costs seconds of compiling on software.
  for (const rung of rungsOf(backend).filter((rung) => rung !== "subgroup")) {
    for (const causal of [false, true]) {
      const cases: [Sizes, number][] = [
        [{ H: 2, G: 1, T: 250, D: 16 }, 48],
        [{ H: 2, T: 200, S: 140, D: 60, E: 8 }, 48],
        [{ B: 2, T: 65, D: 5 }, 7],
      ];
      for (const [sizes, blockSize] of cases) {
        it(`${causal ? "causal " : ""}${rung ?? "composed"} attention over blocks of ${blockSize} and its gradients equal float64 loops at ${JSON.stringify(sizes)}`, () => {
          const { blocks, meets } = drawBlocks(sizes, blockSize);
          const behind = sizes.T - (sizes.S ?? sizes.T);
          return assertAttends(
            (heads) => run(rung, { ...heads, blocks, blockSize, causal }),
            draw(sizes, sizes.T),
            { sees: (_b, _h, t, s) => meets(t, s) && (!causal || s <= t - behind) },
          );
        });
      }
    }
  }

  it("all blocks together are attention", async () => {
    const { tensors } = draw({ H: 2, T: 130, D: 16 }, 1);
    const blocks = tf.ones<tf.Rank.R2>([3, 3], "bool");
    const actual = await read(blockSparseAttention({ ...tensors, blocks, blockSize: 48, causal: true }));
    assertClose(actual, await read(attention({ ...tensors, causal: true })), rounding);
  });

  it("its mask is the table, each cell grown to a block, cut to the sequences", async () => {
    const blocks = tf.tensor2d([true, false, false, true], [2, 2], "bool");
    const mask = blockMask({ blocks, blockSize: 2, T: 3, S: 4 });
    expect([...(await mask.data())]).to.deep.equal([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]);
  });

  it("refuses a table of another size in words", () => {
    const { tensors } = draw({ T: 10, D: 4 }, 1);
    const blocks = tf.ones<tf.Rank.R2>([2, 2], "bool");
    expect(() => blockSparseAttention({ ...tensors, blocks, blockSize: 4 })).to.throw(
      RangeError,
      "blockSparseAttention: expected boolean blocks of shape [⌈T / 4⌉, ⌈S / 4⌉] = [3, 3], got bool [2, 2]",
    );
  });

  it("leaves its output and nothing else", () => {
    const { tensors } = draw({ T: 130, D: 16 }, 1);
    const blocks = tf.ones<tf.Rank.R2>([3, 3], "bool");
    const before = tf.memory().numTensors;
    const out = blockSparseAttention({ ...tensors, blocks, blockSize: 48 });
    expect(tf.memory().numTensors).to.equal(before + 1);
    out.dispose();
    expect(tf.memory().numTensors).to.equal(before);
  });
});
