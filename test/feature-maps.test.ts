import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { eluPlusOne, taylorFeatures } from "workbook/feature-maps";
import { finiteDifferences } from "workbook/grading/gradient";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";

onEveryBackend("feature-maps", () => {
  it("elu(x) + 1 is x + 1 above zero and exp(x) below, to seven digits down to −80", () => {
    const xs = [-80, -30, -18, -5, -1, -0.001, 0, 0.001, 1, 40, 1e6];
    const got = eluPlusOne(tf.tensor1d(xs)).dataSync();
    xs.forEach((x, i) => {
      const expected = x > 0 ? x + 1 : Math.exp(x);
      expect(got[i]! / expected, `relative to φ(${x})`).to.be.closeTo(1, 1e-5);
    });
  });

  it("its slope is 1 above zero and at zero, exp(x) below, and finite everywhere", () => {
    const slopes = tf.grad((x) => eluPlusOne(x))(tf.tensor1d([-200, -2, 0, 3, 1e6]));
    const expected = { shape: [5], data: [0, Math.exp(-2), 1, 1, 1] };
    assertClose(slopes, expected, { tolerance: 1e-6, because: "one exponential in float32" });
  });

  it("Taylor features of degree N have Σ (q·k / √D)ⁿ / n!, n ≤ N, as their dot product", () => {
    const [T, D] = [4, 3];
    const r = random(1);
    const [q, k] = [r.normalTensor<tf.Rank.R4>([1, 1, T, D]), r.normalTensor<tf.Rank.R4>([1, 1, T, D])];
    const [Q, K] = [q.dataSync(), k.dataSync()];
    for (const degree of [0, 1, 2, 5]) {
      const data: number[] = [];
      for (let t = 0; t < T; t++) {
        for (let s = 0; s < T; s++) {
          let score = 0;
          for (let d = 0; d < D; d++) score += (Q[t * D + d]! * K[s * D + d]!) / Math.sqrt(D);
          let [term, sum] = [1, 1];
          for (let n = 1; n <= degree; n++) {
            term *= score / n;
            sum += term;
          }
          data.push(sum);
        }
      }
      const phi = taylorFeatures(degree);
      const dots = tf.matMul(phi(q), phi(k), false, true);
      const rounding = { tolerance: 1e-5, because: "float32 sums of at most 364 products" };
      assertClose(dots, { shape: [1, 1, T, T], data }, rounding, `degree ${degree}`);
    }
  });

  it("the gradient of Taylor features equals finite differences", async () => {
    const x = random(2).normalTensor<tf.Rank.R4>([1, 1, 2, 2]);
    const cotangent = random(3).normalTensor<tf.Rank.R4>([1, 1, 2, 15]);
    const loss = (at: tf.Tensor4D) => tf.sum(tf.mul(taylorFeatures(3)(at), cotangent));
    const expected = await finiteDifferences((at) => loss(at as tf.Tensor4D).dataSync()[0]!, x);
    const gradient = tf.grad((at) => loss(at as tf.Tensor4D))(x);
    assertClose(gradient, expected, { tolerance: 1e-3, because: "finite differences in float32" });
  });

  it("refuses a degree that is no whole number", () => {
    for (const degree of [-1, 1.5]) {
      expect(() => taylorFeatures(degree)).to.throw(
        RangeError,
        `taylorFeatures: expected a whole degree of 0 or more, got ${degree}`,
      );
    }
  });
});
