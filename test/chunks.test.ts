import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { mergeChunks, splitChunks, sumsBefore } from "workbook/chunks";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";

const exact = { tolerance: 0, because: "numbers are only moved" };
const rounding = { tolerance: 1e-5, because: "float32 sums of at most 150 normal numbers" };

onEveryBackend("chunks", () => {
  it("splitting fills the last chunk with zeros, and merging cuts them off", () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 2, 5, 1]);
    const chunks = splitChunks(x, 3);
    const expected = { shape: [2, 2, 3, 1], data: [1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 0] };
    assertClose(chunks, expected, exact);
    assertClose(mergeChunks(chunks, { B: 1, H: 2, T: 5 }), x, exact);
  });

  it("merging undoes splitting at every chunk length", () => {
    const x = random(1).normalTensor<tf.Rank.R4>([2, 3, 13, 4]);
    for (const chunk of [1, 4, 13, 20]) {
      assertClose(mergeChunks(splitChunks(x, chunk), { B: 2, H: 3, T: 13 }), x, exact, `chunk ${chunk}`);
    }
  });

  it("sumsBefore adds up all earlier rows, also over more rows than one group holds", () => {
    for (const N of [1, 2, 63, 64, 65, 150]) {
      const x = random(N).normalTensor<tf.Rank.R4>([2, N, 2, 3]);
      const values = x.dataSync();
      const data = Array.from(values, (_, flat) => {
        const [a, n] = [Math.floor(flat / (N * 6)), Math.floor(flat / 6) % N];
        let sum = 0;
        for (let m = 0; m < n; m++) sum += values[(a * N + m) * 6 + (flat % 6)]!;
        return sum;
      });
      assertClose(sumsBefore(x), { shape: [2, N, 2, 3], data }, rounding, `N = ${N}`);
    }
  });

  it("with decays, sumsBefore is what a recurrence holds that shrinks by its own decay at each row", () => {
    const decays = [0.5, 0.97];
    for (const N of [1, 2, 32, 33, 65, 1100]) {
      const x = random(N).normalTensor<tf.Rank.R4>([2, N, 2, 3]);
      const values = x.dataSync();
      const data = new Float64Array(values.length);
      for (const [a, decay] of decays.entries()) {
        for (let i = a * N * 6 + 6; i < (a + 1) * N * 6; i++) data[i] = decay * data[i - 6]! + values[i - 6]!;
      }
      assertClose(sumsBefore(x, decays), { shape: [2, N, 2, 3], data }, rounding, `N = ${N}`);
    }
    expect(() => sumsBefore(tf.zeros([2, 3, 1, 1]), [0.5])).to.throw(
      RangeError,
      "sumsBefore: expected one decay for each of the 2 sequences, got 1",
    );
  });

  it("the gradient of sumsBefore is the sum of all later rows", () => {
    const N = 70;
    const cotangent = random(2).normalTensor<tf.Rank.R4>([1, N, 1, 2]);
    const gradient = tf.grad((x) => tf.sum(tf.mul(sumsBefore(x as tf.Tensor4D), cotangent)))(
      tf.zeros([1, N, 1, 2]),
    );
    const later = tf.reverse(sumsBefore(tf.reverse(cotangent, 1)), 1);
    assertClose(gradient, later, rounding);
  });

  it("refuses a chunk that is no positive integer", () => {
    for (const chunk of [0, -4, 1.5, Number.NaN]) {
      expect(() => splitChunks(tf.zeros([1, 1, 4, 2]), chunk)).to.throw(
        RangeError,
        `splitChunks: expected a chunk of 1 or more positions, got ${chunk}`,
      );
    }
  });

  it("each leaves exactly its output", () => {
    const x = random(3).normalTensor<tf.Rank.R4>([1, 5, 2, 2]);
    for (const run of [
      () => splitChunks(x, 2),
      () => mergeChunks(x, { B: 1, H: 1, T: 9 }),
      () => sumsBefore(x),
    ]) {
      const before = tf.memory().numTensors;
      const out = run();
      expect(tf.memory().numTensors).to.equal(before + 1);
      out.dispose();
    }
  });
});
