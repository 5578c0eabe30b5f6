import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { type AttentionOptions, attention, multiHeadAttention } from "workbook/attention";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";
import { referenceAttention } from "./reference/attention.js";

const exact = { tolerance: 2e-6, because: "the same sums of a few products in another order" };

onEveryBackend("multi-head attention", () => {
  const matrix = (rows: number, columns: number, seed: number) =>
    random(seed).normalTensor<tf.Rank.R2>([rows, columns], 0.5);
  const weightsOf = (C: number, width: number, kvWidth: number) => ({
    wq: matrix(C, width, 1),
    wk: matrix(C, kvWidth, 2),
    wv: matrix(C, kvWidth, 3),
    wo: matrix(width, C, 4),
  });

  it("with one head equals attention between the projections", () => {
    const [T, C, D] = [5, 6, 4];
    const x = random(5).normalTensor<tf.Rank.R3>([1, T, C]);
    const { wq, wk, wv, wo } = weightsOf(C, D, D);
    const rows = tf.reshape(x, [T, C]);
    const head = (w: tf.Tensor2D) => tf.reshape(tf.matMul(rows, w), [1, 1, T, D]) as tf.Tensor4D;
    const mixed = attention({ q: head(wq), k: head(wk), v: head(wv), causal: true });
    const expected = tf.reshape(tf.matMul(tf.reshape(mixed, [T, D]), wo), [1, T, C]);
    const actual = multiHeadAttention({ x, weights: { wq, wk, wv, wo }, heads: 1, causal: true });
    assertClose(actual, expected, exact);
  });

  it("with grouped heads equals the loop on slices of the projections", () => {
    const [B, T, S, C, H, G, D] = [2, 5, 7, 6, 4, 2, 3];
    const x = random(6).normalTensor<tf.Rank.R3>([B, T, C]);
    const memory = random(7).normalTensor<tf.Rank.R3>([B, S, C]);
    const weights = weightsOf(C, H * D, G * D);
    // Head h's columns of a projection, [B, heads, length, D], in float64.
    const heads = (source: tf.Tensor3D, w: tf.Tensor2D, count: number) => {
      const [input, matrix] = [source.dataSync(), w.dataSync()];
      const length = source.shape[1];
      return Float64Array.from({ length: B * count * length * D }, (_, flat) => {
        const d = flat % D;
        const t = Math.floor(flat / D) % length;
        const h = Math.floor(flat / (D * length)) % count;
        const b = Math.floor(flat / (D * length * count));
        let sum = 0;
        for (let c = 0; c < C; c++) {
          sum += input[(b * length + t) * C + c]! * matrix[c * count * D + h * D + d]!;
        }
        return sum;
      });
    };
    const [q, k, v] = [heads(x, weights.wq, H), heads(memory, weights.wk, G), heads(memory, weights.wv, G)];
    const mixed = referenceAttention({ B, H, G, T, S, D, E: D, q, k, v });
    const wo = weights.wo.dataSync();
    const data = Float64Array.from({ length: B * T * C }, (_, flat) => {
      const [c, t, b] = [flat % C, Math.floor(flat / C) % T, Math.floor(flat / (C * T))];
      let sum = 0;
      for (let h = 0; h < H; h++) {
        for (let d = 0; d < D; d++)
          sum += mixed.data[((b * H + h) * T + t) * D + d]! * wo[(h * D + d) * C + c]!;
      }
      return sum;
    });
    const actual = multiHeadAttention({ x, memory, weights, heads: H, kvHeads: G });
    assertClose(actual, { shape: [B, T, C], data }, exact);
  });

  it("is equivariant under a permutation of positions", () => {
    const x = random(8).normalTensor<tf.Rank.R3>([2, 6, 8]);
    const weights = weightsOf(8, 8, 8);
    const order = tf.tensor1d([3, 0, 5, 1, 4, 2], "int32");
    const run = (input: tf.Tensor3D) => multiHeadAttention({ x: input, weights, heads: 2 });
    assertClose(run(tf.gather(x, order, 1)), tf.gather(run(x), order, 1), exact);
  });

  it("hands its heads to another mixer", () => {
    const x = random(9).normalTensor<tf.Rank.R3>([1, 3, 4]);
    const weights = weightsOf(4, 8, 4);
    const shapes: number[][] = [];
    const mix = ({ q, k, v }: AttentionOptions) => {
      shapes.push(q.shape, k.shape, v.shape);
      return q;
    };
    const actual = multiHeadAttention({ x, weights, heads: 4, kvHeads: 2, mix });
    expect(shapes).to.deep.equal([
      [1, 4, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 2],
    ]);
    const rows = tf.matMul(tf.matMul(tf.reshape(x, [3, 4]) as tf.Tensor2D, weights.wq), weights.wo);
    assertClose(actual, tf.reshape(rows, [1, 3, 4]), exact);
  });

  it("leaves exactly its output, and says what is wrong with its sizes", () => {
    const x = tf.ones<tf.Rank.R3>([1, 3, 4]);
    const weights = weightsOf(4, 6, 6);
    const before = tf.memory().numTensors;
    multiHeadAttention({ x, weights, heads: 2 });
    expect(tf.memory().numTensors).to.equal(before + 1);
    expect(() => multiHeadAttention({ x, weights, heads: 4 })).to.throw(
      RangeError,
      "splitHeads: expected a number of heads that divides the width 6, got 4",
    );
    expect(() => multiHeadAttention({ x, weights: weightsOf(5, 6, 6), heads: 2 })).to.throw(
      RangeError,
      "multiHeadAttention: expected wq of shape [C, HD] with C = 4 (from x), got [5, 6]",
    );
  });
});
