import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { hasFeature } from "workbook/kernels/device";
import { LINEAR_ATTENTION, runKernel } from "workbook/kernels/fused";
import { usableRung } from "workbook/kernels/linear-attention/outer-scan";
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

/** Outputs and all gradients of a rung, against the float64 loop. */
async function assertGradients(
  rung: string,
  tensors: ReturnType<typeof draw>["tensors"],
  problem: FadingProblem,
) {
  const { T, D, N, E } = problem;
  const dO = random(7).normalTensor<tf.Rank.R4>([1, N, T, E]);
  const run = (...[q, k, v, logDecay]: tf.Tensor[]) =>
    runKernel(LINEAR_ATTENTION, { q: q!, k: k!, v: v!, logDecay: logDecay! }, { rung })[0]!;
  const inputs = [tensors.q, tensors.k, tensors.v, tensors.logDecay];
  const { o, dq, dk, dv, dg } = referenceFading(problem, await dO.data());
  assertClose(await read(run(...inputs)), { shape: [1, N, T, E], data: o }, rounding, `T = ${T}, o`);
  const length = tensors.logDecay.shape[2] * tensors.logDecay.shape[3];
  const perDecay =
    length > 1 || T * D === 1
      ? dg
      : Float64Array.from({ length: N }, (_, h) =>
          dg.subarray(h * T * D, (h + 1) * T * D).reduce((a, b) => a + b, 0),
        );
  const all = tf.grads(run)(inputs, dO);
  for (const [i, data] of [dq, dk, dv, perDecay].entries()) {
    const label = `T = ${T}, gradient of ${["q", "k", "v", "decay"][i]}`;
    assertClose(await read(all[i]!), { shape: inputs[i]!.shape, data }, slopes, label);
  }
}

onGpu("kernels/linear-attention, rungs", () => {
  for (const rung of ["plain", "chunked"]) {
    for (const decay of ["none", "of each head", "of each channel"] as const) {
      it(`${rung} with decay ${decay} and its gradients equal a float64 loop, chunks full and not, tiles full and not`, async () => {
        for (const [T, D, E] of [
          [1, 4, 8],
          [63, 16, 68],
          [130, 72, 12],
        ] as const) {
          const { tensors, problem } = draw(T, D, decay, { E });
          await assertGradients(rung, tensors, problem);
        }
      });
    }

    it(`${rung} and its gradients equal a float64 loop where some channels fade steeply and others do not`, async () => {
      const { tensors, problem } = draw(130, 24, "of each channel", { E: 20 });
      // Over a chunk channels 3, 7, … fade by e^-250, 5, 13, … by about e^-64, near where rungs change over; most by e^-3.
      const steepness = (d: number) => (d % 4 === 3 ? 4 : d % 8 === 5 ? 1 : 0);
      const g = (n: number, t: number, d: number) => Math.fround(problem.g(n, t, d) - steepness(d));
      const data = Float32Array.from({ length: 2 * 130 * 24 }, (_, i) =>
        g(Math.floor(i / 24 / 130), Math.floor(i / 24) % 130, i % 24),
      );
      const logDecay = tf.tensor4d(data, [1, 2, 130, 24]);
      await assertGradients(rung, { ...tensors, logDecay }, { ...problem, g });
    });

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

onGpu("kernels/linear-attention, halves", () => {
  const absolute = (x: ArrayLike<number>) => Float64Array.from(x, Math.abs);

  it("f16 errs by at most 2^-9 of the sum of the magnitudes, gradients by as much", async function () {
    if (!hasFeature("shader-f16")) {
      this.skipReason = "the adapter has no shader-f16";
      this.skip();
    }
    for (const [T, D, E, decay, least] of [
      [65, 16, 20, "of each head", 0.9],
      [130, 72, 64, "of each channel", 0.9],
      [130, 16, 20, "of each channel", 0.5],
      [1024, 16, 16, "of each channel", 0.9],
    ] as const) {
      const { tensors, problem } = draw(T, D, decay, { E, H: 1, least });
      const { q, k, v } = problem;
      const magnitudes = { ...problem, q: absolute(q), k: absolute(k), v: absolute(v) };
      const ones = new Float64Array(T * E).fill(1);
      const dO = tf.ones<tf.Rank.R4>([1, 1, T, E]);
      const [expected, most] = [referenceFading(problem, ones), referenceFading(magnitudes, ones)];
      const run = (...[q, k, v]: tf.Tensor[]) =>
        runKernel(LINEAR_ATTENTION, { ...tensors, q: q!, k: k!, v: v! }, { rung: "f16" })[0]!;
      const inputs = [tensors.q, tensors.k, tensors.v];
      const gradients = tf.grads(run)(inputs, dO);
      for (const [i, name] of (["o", "dq", "dk", "dv"] as const).entries()) {
        const actual = await (i === 0 ? run(...inputs) : gradients[i - 1]!).data();
        // Numbers below 2^-14 lose up to 2^-25 however small they are; here such losses sum to less than the 1e-3 added.
        const shares = Float64Array.from(
          actual,
          (x, at) => (x - expected[name][at]!) / (most[name][at]! + 1e-3),
        );
        const zeros = { shape: [shares.length], data: new Float64Array(shares.length) };
        const because = "four operands, each rounded to 11 bits";
        assertClose(
          { shape: zeros.shape, data: shares },
          zeros,
          { tolerance: 2 ** -9, because },
          `${name}, T = ${T}`,
        );
        expect(Math.max(...shares.map(Math.abs)), "it is f16 that ran").to.be.above(1e-5);
      }
    }
  });

  it("the rung below runs where there are no halves or widths are no multiple of 4; f16 only when asked for", () => {
    expect(usableRung("f16", 100, [8, 8], true)).to.equal("f16");
    expect(usableRung("f16", 100, [8, 8], false)).to.equal("chunked");
    expect(usableRung("f16", 100, [8, 6], true)).to.equal("plain");
    expect(usableRung("chunked", 100, [5, 8], true)).to.equal("plain");
    expect(usableRung("chunked", 1, [8, 8], true)).to.equal("chunked");
    expect(usableRung(undefined, 17, [8, 8], true)).to.equal("chunked");
    expect(usableRung(undefined, 16, [8, 8], true)).to.equal("plain");
  });

  it("widths that are no multiple of 4 equal a float64 loop at T = 70", async () => {
    const { tensors, problem } = draw(70, 5, "of each channel", { E: 6 });
    await assertGradients("chunked", tensors, problem);
  });

  it("queries that are the keys get the sum of both gradients", async () => {
    const { tensors, problem } = draw(70, 8, "of each channel");
    const { dq, dk, dg } = referenceFading(
      { ...problem, k: problem.q },
      new Float64Array(2 * 70 * 8).fill(1),
    );
    const run = (...[x, logDecay]: tf.Tensor[]) =>
      runKernel(LINEAR_ATTENTION, { q: x!, k: x!, v: tensors.v, logDecay: logDecay! }, {})[0]!;
    const [dx, decay] = tf.grads(run)([tensors.q, tensors.logDecay]) as [tf.Tensor, tf.Tensor];
    const shape = tensors.q.shape;
    assertClose(await read(dx), { shape, data: dq.map((x, i) => x + dk[i]!) }, slopes);
    assertClose(await read(decay), { shape, data: dg }, slopes);
  });
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
