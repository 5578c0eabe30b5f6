import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { LINEAR_ATTENTION, runKernel } from "workbook/kernels/fused";
import { fadingLinearAttention } from "workbook/linear-attention";
import { random } from "workbook/random";
import { causalLinearAttention, causalLinearAttentionChunkwise } from "workbook/variants/linear-transformer";
import { retention, retentionChunkwise } from "workbook/variants/retnet";
import { type FadingProblem, referenceFading } from "../reference/fading-attention.js";
import { onGpu, onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 2e-5, because: "float32 sums of T products, scaled to lengths near 1" };
const slopes = { tolerance: 2e-4, because: "float32 sums of T products of T products" };

type Decay = "none" | "of each head" | "of each channel";

/** Queries, keys, values with outliers, scaled so that outputs stay near 1, and decays between `least` and 1. */
function draw(T: number, D: number, decay: Decay, { E = D, H = 2, least = 0.9 } = {}) {
  const r = random(T * 1000 + D);
  const numbers = (width: number, size: number) =>
    Float32Array.from({ length: H * T * width }, (_, i) => r.normal() * size * (i % 97 === 0 ? 5 : 1));
  const scale = 1 / Math.sqrt(D);
  const [q, k, v] = [numbers(D, scale), numbers(D, scale), numbers(E, 1)];
  const width = { none: 1, "of each head": 1, "of each channel": D }[decay];
  const length = decay === "of each channel" ? T : 1;
  const g = Float32Array.from({ length: H * length * width }, () =>
    decay === "none" ? 0 : Math.log(least + (1 - least) * r.uniform()),
  );
  const at = (n: number, t: number, d: number) => g[decay === "of each channel" ? (n * T + t) * D + d : n]!;
  const tensors = {
    q: tf.tensor4d(q, [1, H, T, D]),
    k: tf.tensor4d(k, [1, H, T, D]),
    v: tf.tensor4d(v, [1, H, T, E]),
    logDecay: tf.tensor4d(g, [1, H, length, width]),
  };
  const problem: FadingProblem = { N: H, T, D, E, q, k, v, g: at };
  return { tensors, problem };
}

onGpuToo("kernels/linear-attention", () => {
  for (const decay of ["none", "of each head", "of each channel"] as const) {
    for (const [T, D] of [
      [1, 16],
      [63, 60],
      [65, 16],
      [130, 64],
    ] as const) {
      it(`decay ${decay} equals a float64 loop at T = ${T}, D = ${D}`, async () => {
        const { tensors, problem } = draw(T, D, decay);
        const actual = await read(fadingLinearAttention(tensors));
        assertClose(actual, { shape: [1, 2, T, D], data: referenceFading(problem).o }, rounding);
      });
    }
  }

  it("gates that are nearly shut leave finite numbers, and the same ones as a float64 loop", async () => {
    const { tensors, problem } = draw(130, 16, "of each channel", { least: 1e-30 });
    const actual = await read(fadingLinearAttention(tensors));
    assertClose(actual, { shape: [1, 2, 130, 16], data: referenceFading(problem).o }, rounding);
  });

  for (const decay of ["of each head", "of each channel"] as const) {
    it(`gradients with decay ${decay} equal those of a float64 loop`, async () => {
      const [T, D, E, H] = [65, 16, 20, 2];
      const { tensors, problem } = draw(T, D, decay, { E });
      const dO = random(7).normalTensor<tf.Rank.R4>([1, H, T, E]);
      const loss = (...[q, k, v, logDecay]: tf.Tensor[]) =>
        tf.sum(tf.mul(fadingLinearAttention({ q, k, v, logDecay } as typeof tensors), dO)) as tf.Scalar;
      const gradients = tf.grads(loss)([tensors.q, tensors.k, tensors.v, tensors.logDecay]);
      const { dq, dk, dv, dg } = referenceFading(problem, await dO.data());
      const perHead = Float64Array.from({ length: H }, (_, h) =>
        dg.subarray(h * T * D, (h + 1) * T * D).reduce((a, b) => a + b, 0),
      );
      const expected = [dq, dk, dv, decay === "of each head" ? perHead : dg];
      for (const [i, gradient] of gradients.entries()) {
        const label = ["q", "k", "v", "decay"][i];
        assertClose(await read(gradient), { shape: gradient.shape, data: expected[i]! }, slopes, label);
      }
    });
  }
});

onGpu("kernels/linear-attention, rungs", () => {
  for (const rung of ["plain", "chunked"]) {
    it(`${rung} equals a float64 loop at T = 1024 and at D = 128, E = 60`, async () => {
      for (const [T, D, E] of [
        [1024, 16, 16],
        [70, 128, 60],
      ] as const) {
        const { tensors, problem } = draw(T, D, "of each channel", { E, H: 1 });
        const [o] = runKernel(LINEAR_ATTENTION, tensors, { rung });
        assertClose(await read(o!), { shape: [1, 1, T, E], data: referenceFading(problem).o }, rounding);
      }
    });

    it(`${rung} gives the same bits twice, and leaves no tensor behind`, async () => {
      const { tensors } = draw(130, 16, "of each channel");
      const run = () => tf.tidy(() => runKernel(LINEAR_ATTENTION, tensors, { rung })[0]!);
      const first = run();
      const before = tf.memory().numDataBuffers;
      const second = run();
      expect(tf.memory().numDataBuffers).to.equal(before + 1);
      expect(await second.data()).to.deep.equal(await first.data());
    });
  }
});

onGpuToo("kernels/linear-attention, in the variants", () => {
  const [B, H, T, D] = [2, 2, 70, 16];
  const inputs = () =>
    [1, 2, 3].map((seed) => tf.mul(random(seed).normalTensor([B, H, T, D]), 0.3)) as [
      ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D],
    ];

  it("chunkwise linear attention equals the parallel form", async () => {
    const [q, k, v] = inputs();
    const [actual, expected] = [causalLinearAttentionChunkwise, causalLinearAttention].map((form) =>
      form({ q, k, v }),
    ) as [tf.Tensor, tf.Tensor];
    assertClose(await read(actual), await read(expected), rounding);
  });

  it("chunkwise retention equals the parallel form", async () => {
    const [q, k, v] = inputs();
    const [actual, expected] = [retentionChunkwise, retention].map((form) => form({ q, k, v })) as [
      ...[tf.Tensor, tf.Tensor],
    ];
    assertClose(await read(actual), await read(expected), rounding);
  });
});
