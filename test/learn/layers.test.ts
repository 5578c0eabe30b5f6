import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { crossEntropy, embed, normalise } from "workbook/learn/layers";
import { random } from "workbook/random";
import { onEveryBackend } from "../backends.js";
import { referenceLoss, standardise } from "./reference-model.js";

const rounding = { tolerance: 5e-6, because: "float32 sums of up to 65 terms" };

/** The gradient of a float64 function of many numbers, by central differences. */
function slopes(f: (x: readonly number[]) => number, x: readonly number[]): number[] {
  const h = 1e-5;
  return x.map((_, i) => {
    const [above, below] = [h, -h].map((d) => f(x.map((value, j) => (j === i ? value + d : value))));
    return (above! - below!) / (2 * h);
  });
}

const rowsOf = (values: readonly number[], width: number) =>
  Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));
const numbers = (tensor: tf.Tensor) => Array.from(tensor.dataSync());

onEveryBackend("learn/layers", () => {
  it("normalise and its gradient equal a float64 loop's, also for a row far from zero", () => {
    const [x, g] = tf.tidy(() => {
      const generator = random(1);
      const rows = tf.add(generator.normalTensor<tf.Rank.R3>([2, 3, 5]), tf.tensor3d([[[0], [3], [-20]]]));
      return [rows as tf.Tensor3D, generator.normalTensor<tf.Rank.R3>([2, 3, 5])];
    });
    const loop = (values: readonly number[]) => rowsOf(values, 5).flatMap(standardise);
    const y = normalise({ x });
    const dx = tf.grad((z) => normalise({ x: z as tf.Tensor3D }))(x, g);
    const weights = numbers(g);
    const loss = (values: readonly number[]) => loop(values).reduce((sum, v, i) => sum + v * weights[i]!, 0);
    const far = { tolerance: 2e-5, because: "float32 differences of numbers near 20" };
    assertClose(y, { shape: x.shape, data: loop(numbers(x)) }, far);
    assertClose(dx, { shape: x.shape, data: slopes(loss, numbers(x)) }, far);
    tf.dispose([x, g, y, dx]);
  });

  it("embed picks rows, and its gradient adds up over a token's occurrences", () => {
    const table = tf.tensor2d([10, 11, 20, 21, 30, 31], [3, 2]);
    const tokens = tf.tensor2d(
      [
        [2, 0],
        [2, 2],
      ],
      [2, 2],
      "int32",
    );
    const g = tf.tensor3d([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    const rows = embed({ table, tokens });
    expect(rows.arraySync()).to.deep.equal([
      [
        [30, 31],
        [10, 11],
      ],
      [
        [30, 31],
        [30, 31],
      ],
    ]);
    const slope = tf.grad((t) => embed({ table: t as tf.Tensor2D, tokens }))(table, g);
    expect(slope.arraySync()).to.deep.equal([
      [3, 4],
      [0, 0],
      [13, 16],
    ]);
    tf.dispose([table, tokens, g, rows, slope]);
  });

  it("cross-entropy and its gradient equal a float64 loop's", () => {
    const logits = random(2).normalTensor<tf.Rank.R3>([1, 6, 65], 3);
    const wanted = [0, 64, 7, 7, 30, 1];
    const targets = tf.tensor2d([wanted], [1, 6], "int32");
    const loop = (values: readonly number[]) => referenceLoss(rowsOf(values, 65), wanted);
    const loss = crossEntropy({ logits, targets });
    const slope = tf.grad((z) => crossEntropy({ logits: z as tf.Tensor3D, targets }))(logits);
    assertClose(loss, loop(numbers(logits)), rounding);
    // Scaled up, since each slope is below 1/6 and mostly near zero.
    const expected = slopes(loop, numbers(logits)).map((value) => 100 * value);
    assertClose(tf.mul(slope, 100), { shape: [1, 6, 65], data: expected }, { ...rounding, tolerance: 2e-5 });
    tf.dispose([logits, targets, loss, slope]);
  });

  it("a masked cross-entropy is the mean over the masked positions alone, and so is its gradient", () => {
    const logits = random(3).normalTensor<tf.Rank.R3>([1, 4, 5]);
    const targets = tf.tensor2d([[1, 2, 3, 4]], [1, 4], "int32");
    const mask = tf.tensor2d([[0, 1, 0, 1]]);
    const loop = (values: readonly number[]) =>
      referenceLoss(
        rowsOf(values, 5).filter((_, t) => t % 2 === 1),
        [2, 4],
      );
    const loss = crossEntropy({ logits, targets, mask });
    const slope = tf.grad((z) => crossEntropy({ logits: z as tf.Tensor3D, targets, mask }))(logits);
    assertClose(loss, loop(numbers(logits)), rounding);
    assertClose(slope, { shape: [1, 4, 5], data: slopes(loop, numbers(logits)) }, rounding);
    tf.dispose([logits, targets, mask, loss, slope]);
  });

  it("cross-entropy stays finite for logits of a thousand", () => {
    const logits = tf.tensor3d([[[1000, -1000, 0]]]);
    const [right, wrong] = [0, 1].map((target) => {
      const targets = tf.tensor2d([[target]], [1, 1], "int32");
      return tf.tidy(() => crossEntropy({ logits, targets }).dataSync()[0]);
    });
    expect([right, wrong]).to.deep.equal([0, 2000]);
    logits.dispose();
  });

  it("leaves exactly its outputs, and refuses tokens that are no integers", () => {
    const before = tf.memory().numTensors;
    const [x, table] = [tf.ones<tf.Rank.R3>([1, 2, 3]), tf.ones<tf.Rank.R2>([4, 3])];
    const tokens = tf.zeros<tf.Rank.R2>([1, 2], "int32");
    tf.dispose([normalise({ x }), embed({ table, tokens }), crossEntropy({ logits: x, targets: tokens })]);
    const floats = tf.zeros<tf.Rank.R2>([1, 2]);
    expect(() => embed({ table, tokens: floats })).to.throw("expected int32 tokens, got dtype float32");
    expect(() => crossEntropy({ logits: x, targets: floats })).to.throw(
      "expected int32 targets, got dtype float32",
    );
    tf.dispose([x, table, tokens, floats]);
    expect(tf.memory().numTensors).to.equal(before);
  });
});
