import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { deltaRule } from "workbook/delta-rule";
import { DELTA_RULE, runKernel } from "workbook/kernels/fused";
import { fadingLinearAttention } from "workbook/linear-attention";
import { random } from "workbook/random";
import { type DeltaProblem, referenceDelta } from "../reference/delta-rule.js";
import { onGpu, onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 5e-5, because: "float32 states, corrected T times" };
const slopes = { tolerance: 2e-4, because: "float32 states and their gradients, corrected T times" };

/** Keys of length 1, values with outliers, β between 0 and 1; or `long` keys, up to 2, of which many look alike, and β up to 2 / |k|². */
function draw(T: number, D: number, { E = D, H = 2, long = false } = {}) {
  const r = random(T * 1000 + D);
  const numbers = (width: number) => Float32Array.from({ length: H * T * width }, () => r.normal());
  const [q, k, v] = [numbers(D), numbers(D), numbers(E).map((x, i) => (i % 97 === 0 ? 5 * x : x))];
  if (long) for (let i = D; i < k.length; i++) if (Math.floor(i / D) % 3 > 0) k[i] = k[i - D]! + 0.1 * k[i]!;
  for (let at = 0; at < H * T; at++) {
    const key = k.subarray(at * D, (at + 1) * D);
    const length = Math.sqrt(key.reduce((sum, x) => sum + x * x, 0));
    const wanted = long ? 2 * r.uniform() : 1;
    for (let d = 0; d < D; d++) key[d]! *= wanted / length;
  }
  for (let i = 0; i < q.length; i++) q[i]! /= Math.sqrt(D);
  const beta = Float32Array.from({ length: H * T }, (_, at) => {
    const square = k.subarray(at * D, (at + 1) * D).reduce((sum, x) => sum + x * x, 0);
    return r.uniform() * (long ? Math.min(1, 2 / square) : 1);
  });
  const tensors = {
    q: tf.tensor4d(q, [1, H, T, D]),
    k: tf.tensor4d(k, [1, H, T, D]),
    v: tf.tensor4d(v, [1, H, T, E]),
    beta: tf.tensor3d(beta, [1, H, T]),
  };
  const problem: DeltaProblem = { N: H, T, D, E, q, k, v, beta };
  return { tensors, problem };
}

type Drawn = ReturnType<typeof draw>;
type Form = (tensors: Drawn["tensors"]) => tf.Tensor;

/** The four gradients, for a gradient of the output that is drawn. */
function gradientsOf(form: Form, { tensors: { q, k, v, beta } }: Drawn) {
  const dO = random(7).normalTensor<tf.Rank.R4>(v.shape);
  const loss = (...[q, k, v, beta]: tf.Tensor[]) =>
    tf.sum(tf.mul(form({ q, k, v, beta } as Drawn["tensors"]), dO)) as tf.Scalar;
  return { dO, gradients: tf.grads(loss)([q, k, v, beta]) };
}

async function checkGradients(form: Form, drawn: Drawn): Promise<void> {
  const { dO, gradients } = gradientsOf(form, drawn);
  const { dq, dk, dv, dBeta } = referenceDelta(drawn.problem, await dO.data());
  for (const [i, gradient] of gradients.entries()) {
    const expected = { shape: gradient.shape, data: [dq, dk, dv, dBeta][i]! };
    assertClose(await read(gradient), expected, slopes, ["q", "k", "v", "beta"][i]);
  }
}

onGpuToo("kernels/delta-rule", () => {
  for (const [T, D] of [
    [1, 16],
    [63, 60],
    [65, 16],
    [130, 64],
    [20, 128],
  ] as const) {
    it(`equals a float64 loop at T = ${T}, D = ${D}`, async () => {
      const { tensors, problem } = draw(T, D);
      const expected = { shape: [1, 2, T, D], data: referenceDelta(problem).o };
      assertClose(await read(deltaRule(tensors)), expected, rounding);
    });
  }

  it("gradients equal those of a float64 loop", () => checkGradients(deltaRule, draw(65, 16, { E: 20 })));

  it("with orthonormal keys and β = 1 it is linear attention: there is nothing to take out", async () => {
    const D = 16;
    const k = tf.reshape(tf.eye(D), [1, 1, D, D]) as tf.Tensor4D;
    const [q, v] = [1, 2].map((seed) => random(seed).normalTensor<tf.Rank.R4>([1, 1, D, D])) as [
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const actual = deltaRule({ q, k, v, beta: tf.ones([1, 1, D]) });
    assertClose(await read(actual), await read(fadingLinearAttention({ q, k, v })), rounding);
  });
});

onGpu("kernels/delta-rule, rungs", () => {
  for (const rung of ["plain", "subgroup", "chunked"] as const) {
    const form: Form = (tensors) => tf.tidy(() => runKernel(DELTA_RULE, tensors, { rung })[0]!);

    for (const [T, D, E] of [
      [1, 16, 16],
      [31, 5, 3],
      [63, 60, 60],
      [65, 16, 16],
      [70, 128, 60],
      [70, 60, 128],
      [130, 64, 64],
      [1024, 16, 16],
    ] as const) {
      it(`${rung} equals a float64 loop at T = ${T}, D = ${D}, E = ${E}, with keys of all lengths up to 2`, async () => {
        for (const long of [false, true]) {
          const { tensors, problem } = draw(T, D, { E, long });
          const expected = { shape: [1, 2, T, E], data: referenceDelta(problem).o };
          assertClose(await read(form(tensors)), expected, rounding, `long: ${long}`);
        }
      });
    }

    for (const [T, D, E] of [
      [1, 16, 20],
      [65, 16, 20],
      [70, 128, 36],
    ] as const) {
      it(`${rung}'s gradients equal those of a float64 loop at T = ${T}, D = ${D}, E = ${E}`, async () => {
        for (const long of [false, true]) await checkGradients(form, draw(T, D, { E, long }));
      });
    }

    it(`${rung} gives the same bits twice, gradients too, and leaves no tensor behind`, async () => {
      const drawn = draw(130, 16);
      const run = () => tf.tidy(() => [form(drawn.tensors), ...gradientsOf(form, drawn).gradients]);
      const numbers = async (tensors: tf.Tensor[]) => Promise.all(tensors.map((tensor) => tensor.data()));
      const first = await numbers(run());
      const before = tf.memory().numDataBuffers;
      const second = run();
      expect(tf.memory().numDataBuffers).to.equal(before + 5);
      expect(await numbers(second)).to.deep.equal(first);
    });
  }
});
