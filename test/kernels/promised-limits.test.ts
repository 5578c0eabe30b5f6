/**
 * Attention's kernels on a device that has no more than WebGPU promises: eight storage buffers and 16 KB of workgroup memory in a
 * kernel. Every rung runs there, forward and backward.
 */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention, fusedAttention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { fusedBlockSparseAttention } from "workbook/block-sparse";
import { describeGpu, startGpu } from "workbook/kernels/device";
import type { Rung } from "workbook/kernels/fused";
import { packedAttention } from "workbook/packed-attention";
import { random } from "workbook/random";
import { decodeAttention } from "workbook/variants/lean-attention";
import { skipWithoutGpu } from "../gpu.js";
import { assertAttends, draw, rounding, rungsOf } from "./attention-problem.js";
import { read, withChecks } from "./on-gpu.js";

describe("kernels, on a device with the limits that WebGPU promises", () => {
  before(async function () {
    await startGpu([]).catch((error: Error) => skipWithoutGpu(this, error));
    await tf.setBackend("webgpu");
  });
  after(() => useBackend());

  withChecks(() => {
    it("it has eight storage buffers and 16 KB of workgroup memory, whatever its adapter has", () => {
      const { maxStorageBuffersPerShaderStage, maxComputeWorkgroupStorageSize } = describeGpu().limits;
      expect(maxStorageBuffersPerShaderStage).to.equal(8);
      expect(maxComputeWorkgroupStorageSize).to.equal(16_384);
    });

    const grouped = { H: 4, G: 2, T: 130, S: 140 };
    for (const rung of rungsOf("webgpu") as Rung[]) {
      it(`${rung} attention with a bias, a mask and a window equals float64 loops, gradients too`, async () => {
        const bias = random(1).normalTensor<tf.Rank.R3>([4, 1, 140]);
        const added = await bias.data();
        const mask = tf.tensor1d(
          Array.from({ length: 140 }, (_, s) => s % 7 !== 0),
          "bool",
        );
        const radius = 50;
        await assertAttends(
          (heads) => fusedAttention({ ...heads, bias, mask, radius, causal: true, rung })!,
          draw({ ...grouped, D: 128, E: 60 }, 2),
          {
            sees: (_b, _h, t, s) => s % 7 !== 0 && s <= t + 10 && s >= t + 10 - radius,
            bias: (_b, h, _t, s) => added[h * 140 + s]!,
          },
        );
      });
    }

    for (const rung of ["plain", "tiled"] as const) {
      it(`${rung} attention over blocks equals float64 loops, gradients too`, async () => {
        const blockSize = 32;
        const table = Array.from({ length: 25 }, (_, i) => i % 3 !== 1);
        const blocks = tf.tensor2d(table, [5, 5], "bool");
        await assertAttends(
          (heads) => fusedBlockSparseAttention({ ...heads, blocks, blockSize, rung })!,
          draw({ ...grouped, D: 64 }, 3),
          { sees: (_b, _h, t, s) => table[Math.floor(t / blockSize) * 5 + Math.floor(s / blockSize)]! },
        );
      });
    }

    it("packed attention of one text, and a token that is decoded, equal attention", async () => {
      const { q, k, v } = draw({ T: 65, D: 64 }, 5).tensors;
      const rows = (x: tf.Tensor4D) => tf.reshape(x, [65, 1, 64]) as tf.Tensor3D;
      const all = await read(attention({ q, k, v, causal: true }));
      const packed = packedAttention({ q: rows(q), k: rows(k), v: rows(v), lengths: [65], causal: true });
      assertClose(await read(tf.reshape(packed, [1, 1, 65, 64])), all, rounding);
      const newest = tf.slice(q, [0, 0, 64, 0]);
      for (const rung of ["plain", "split", "subgroup"] as const) {
        const token = decodeAttention({ q: newest, k, v, rung });
        assertClose(
          await read(token),
          { shape: [1, 1, 1, 64], data: Array.from(all.data).slice(-64) },
          rounding,
        );
      }
    });

    it("attention that names no rung equals float64 loops, gradients too", () =>
      assertAttends((heads) => attention({ ...heads, causal: true }), draw({ T: 200, D: 64 }, 4), {
        sees: (_b, _h, t, s) => s <= t,
      }));
  }, "webgpu");
});
