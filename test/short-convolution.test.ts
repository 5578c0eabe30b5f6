import type * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { random } from "workbook/random";
import { shortConvolution } from "workbook/short-convolution";
import { onEveryBackend } from "./backends.js";

const rounding = { tolerance: 1e-6, because: "float32 sums of three products" };

onEveryBackend("short-convolution", () => {
  it("position t is its channel's last W values, weighted, the present one by the last weight", () => {
    for (const [W, T] of [
      [1, 4],
      [3, 1],
      [3, 6],
    ] as const) {
      const [B, E, L] = [2, 3, W - 1 + T];
      const padded = random(1).normalTensor<tf.Rank.R3>([B, L, E]);
      const weights = random(2).normalTensor<tf.Rank.R2>([W, E]);
      const [x, w] = [padded.dataSync(), weights.dataSync()];
      const data = Array.from({ length: B * T * E }, (_, i) => {
        const [b, t, e] = [Math.floor(i / (T * E)), Math.floor(i / E) % T, i % E];
        let sum = 0;
        for (let j = 0; j < W; j++) sum += w[j * E + e]! * x[(b * L + t + j) * E + e]!;
        return sum;
      });
      assertClose(shortConvolution({ padded, weights }), { shape: [B, T, E], data }, rounding);
    }
  });

  it("says what it expected and what it got", () => {
    const padded = random(1).normalTensor<tf.Rank.R3>([1, 4, 3]);
    const weights = random(1).normalTensor<tf.Rank.R2>([3, 2]);
    expect(() => shortConvolution({ padded, weights })).to.throw(
      "shortConvolution: expected weights of shape [W, E] with E = 3 (from padded), got [3, 2]",
    );
  });
});
