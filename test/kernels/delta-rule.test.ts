import * as tf from "@tensorflow/tfjs";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { deltaRule } from "workbook/delta-rule";
import { fadingLinearAttention } from "workbook/linear-attention";
import { random } from "workbook/random";
import { type DeltaProblem, referenceDelta } from "../reference/delta-rule.js";
import { onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 5e-5, because: "float32 states, corrected T times" };
const slopes = { tolerance: 2e-4, because: "float32 states and their gradients, corrected T times" };

/** Keys of length 1, values with outliers, β between 0 and 1. */
function draw(T: number, D: number, { E = D, H = 2 } = {}) {
  const r = random(T * 1000 + D);
  const numbers = (width: number) => Float32Array.from({ length: H * T * width }, () => r.normal());
  const [q, k, v] = [numbers(D), numbers(D), numbers(E).map((x, i) => (i % 97 === 0 ? 5 * x : x))];
  for (let at = 0; at < H * T; at++) {
    const key = k.subarray(at * D, (at + 1) * D);
    const length = Math.sqrt(key.reduce((sum, x) => sum + x * x, 0));
    for (let d = 0; d < D; d++) key[d]! /= length;
  }
  for (let i = 0; i < q.length; i++) q[i]! /= Math.sqrt(D);
  const beta = Float32Array.from({ length: H * T }, () => r.uniform());
  const tensors = {
    q: tf.tensor4d(q, [1, H, T, D]),
    k: tf.tensor4d(k, [1, H, T, D]),
    v: tf.tensor4d(v, [1, H, T, E]),
    beta: tf.tensor3d(beta, [1, H, T]),
  };
  const problem: DeltaProblem = { N: H, T, D, E, q, k, v, beta };
  return { tensors, problem };
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

  it("gradients equal those of a float64 loop", async () => {
    const [T, D, E] = [65, 16, 20];
    const { tensors, problem } = draw(T, D, { E });
    const dO = random(7).normalTensor<tf.Rank.R4>([1, 2, T, E]);
    const loss = (...[q, k, v, beta]: tf.Tensor[]) =>
      tf.sum(tf.mul(deltaRule({ q, k, v, beta } as typeof tensors), dO)) as tf.Scalar;
    const gradients = tf.grads(loss)([tensors.q, tensors.k, tensors.v, tensors.beta]);
    const { dq, dk, dv, dBeta } = referenceDelta(problem, await dO.data());
    for (const [i, gradient] of gradients.entries()) {
      const expected = { shape: gradient.shape, data: [dq, dk, dv, dBeta][i]! };
      assertClose(await read(gradient), expected, slopes, ["q", "k", "v", "beta"][i]);
    }
  });

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
