import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { type AttentionOptions, attention, composedAttention } from "workbook/attention";
import { peakGpuBytes } from "workbook/kernels/peak-bytes";
import { type PackedAttentionOptions, packedAttention } from "workbook/packed-attention";
import { random } from "workbook/random";
import { onGpu } from "./on-gpu.js";

const D = 4;

/** Bytes at the peak of one forward and backward pass over T positions, above the inputs; nothing is left behind. */
async function peakBytes(
  f: (options: AttentionOptions) => tf.Tensor4D,
  T: number,
  radius?: number,
): Promise<number> {
  const x = random(T).normalTensor<tf.Rank.R4>([1, 1, T, D]);
  await settled(x); // so that x is on the GPU already
  const before = tf.memory().numTensors;
  const bytes = peakGpuBytes(() =>
    tf.grads((q, k, v) =>
      tf.sum(f({ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D, causal: true, radius })),
    )([x, x, x]),
  );
  expect(tf.memory().numTensors).to.equal(before);
  x.dispose();
  return bytes;
}

/** Waits for the GPU to be done with x and all that came before. */
async function settled(x: tf.Tensor): Promise<void> {
  const sum = tf.sum(x);
  await sum.data();
  sum.dispose();
}

onGpu("kernels/attention, memory", () => {
  it("the peak of fused attention with its gradient grows linearly in T up to 16,384", async () => {
    // A window keeps software fast; the buffers are those of full attention, as the first line holds.
    expect(await peakBytes(attention, 512, 8)).to.equal(await peakBytes(attention, 512));
    const [small, large] = [await peakBytes(attention, 1024, 8), await peakBytes(attention, 16_384, 8)];
    const perPosition = (large - small) / (16_384 - 1024);
    expect(small).to.be.closeTo(1024 * perPosition, 4096, "bytes that do not depend on T");
    expect(perPosition).to.be.at.most(40 * D * 4);
  });

  it("the peak of composed attention with its gradient grows quadratically in T", async () => {
    const [small, large] = [
      await peakBytes(composedAttention, 256),
      await peakBytes(composedAttention, 1024),
    ];
    expect(large / small).to.be.closeTo(16, 0.5);
    expect(large).to.be.at.least(1024 ** 2 * 4);
  });

  it("the peak of packed attention with its gradient grows linearly in the number of tokens of one text", async () => {
    const packedPeak = async (tokens: number) => {
      const x = random(tokens).normalTensor<tf.Rank.R3>([tokens, 1, D]);
      await settled(x);
      const bytes = peakGpuBytes(() =>
        tf.grads((q, k, v) =>
          tf.sum(packedAttention({ q, k, v, lengths: [tokens], causal: true } as PackedAttentionOptions)),
        )([x, x, x]),
      );
      x.dispose();
      return bytes;
    };
    const [small, large] = [await packedPeak(256), await packedPeak(1024)];
    const perToken = (large - small) / (1024 - 256);
    expect(small).to.be.closeTo(256 * perToken, 4096, "bytes that do not depend on the tokens");
    expect(perToken).to.be.at.most(40 * D * 4);
  });

  it("runs that follow each other need no more buffers than the first", async () => {
    const run = async () => {
      await peakBytes(attention, 512);
      const one = tf.ones([1]);
      await settled(one);
      one.dispose();
      return (tf.memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;
    };
    const once = await run();
    expect(await run()).to.equal(once);
  });
});
