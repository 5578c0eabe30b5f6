import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import type * as Answers from "../../solutions/start-here.js";

/** Softmax of rows in float64 loops, sharing nothing with tfjs. */
function softmaxRows(rows: readonly (readonly number[])[]): number[][] {
  return rows.map((row) => {
    const powers = row.map((x) => Math.exp(x - Math.max(...row)));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  });
}

const rounding = { tolerance: 1e-5, because: "float32 exponentials and one division" };

export default graded<typeof Answers>(
  "start-here",
  {
    softmax: {
      title: "Softmax",
      returns: "float32 tensor [T, S]",
      hint: "tf.exp, tf.sum and tf.div are enough; the argument `keepDims` of tf.sum keeps the result a column.",
      tests: [
        {
          sentence: "the weights of each row sum to one",
          hint: "Divide each row by its own sum, over axis 1.",
          run: async ({ answer, random }) => {
            const weights = await answer(random.normalTensor<tf.Rank.R2>([5, 7]));
            assertClose(tf.sum(weights, -1), tf.ones([5]), rounding, "sum of each row");
          },
        },
        {
          sentence: "every weight is exp(xᵢ) / Σⱼ exp(xⱼ)",
          run: async ({ answer, random }) => {
            const scores = random.normalTensor<tf.Rank.R2>([4, 6], 2);
            const expected = softmaxRows(scores.arraySync());
            assertClose(await answer(scores), tf.tensor2d(expected), rounding, "weights");
          },
        },
        {
          sentence: "scores near 1000 do not overflow",
          hint: "Subtract the largest score of each row first: it cancels in the fraction.",
          run: async ({ answer, random }) => {
            const scores = tf.add(random.normalTensor<tf.Rank.R2>([3, 5]), 1000) as tf.Tensor2D;
            const expected = softmaxRows(scores.arraySync());
            assertClose(await answer(scores), tf.tensor2d(expected), rounding, "weights");
          },
        },
      ],
    },
    causalPairs: {
      title: "Pairs in causal attention",
      returns: "number",
      hint: "The first token sees 1 key, the second 2, the last T: add them up.",
      tests: [
        {
          sentence: "one token makes one pair, two tokens make three",
          run: async ({ answer }) => {
            expect(await answer(1), "T = 1").to.equal(1);
            expect(await answer(2), "T = 2").to.equal(3);
          },
        },
        property({
          sentence: "the formula equals counting pairs one by one",
          inputs: ({ integer }) => ({ T: integer({ min: 1, max: 60 }) }),
          holds: async ({ answer }, { T }) => {
            let pairs = 0;
            for (let query = 0; query < T; query++) for (let key = 0; key <= query; key++) pairs++;
            expect(await answer(T)).to.equal(pairs);
          },
        }),
      ],
    },
  },
  { backend: "cpu" },
);
