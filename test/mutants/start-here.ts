import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/start-here.js";

const sums = "the weights of each row sum to one";
const formula = "every weight is exp(xᵢ) / Σⱼ exp(xⱼ)";
const large = "scores near 1000 do not overflow";
const small = "one token makes one pair, two tokens make three";
const counted = "the formula equals counting pairs one by one";

export default mutants<typeof Answers>({
  softmax: [
    {
      name: "exponentials without a shift overflow",
      loses: [large],
      answer: (scores) => {
        const powers = tf.exp(scores);
        return tf.div(powers, tf.sum(powers, 1, true));
      },
    },
    {
      name: "normalises columns instead of rows",
      loses: [sums, formula, large],
      answer: (scores) => tf.transpose(tf.softmax(tf.transpose(scores))),
    },
    {
      name: "divides by the sum of all weights",
      loses: [sums, formula, large],
      answer: (scores) => {
        const powers = tf.exp(tf.sub(scores, tf.max(scores)));
        return tf.div(powers, tf.sum(powers));
      },
    },
    {
      name: "squares the scores instead of taking exponentials",
      loses: [formula, large],
      answer: (scores) => tf.div(tf.square(scores), tf.sum(tf.square(scores), 1, true)),
    },
    {
      name: "spreads the weight evenly, whatever the scores are",
      loses: [formula, large],
      answer: (scores) => tf.fill(scores.shape, 1 / scores.shape[1]),
    },
  ],
  causalPairs: [
    { name: "counts every pair, future keys too", loses: [small, counted], answer: (T) => T * T },
    { name: "forgets that a token sees itself", loses: [small, counted], answer: (T) => (T * (T - 1)) / 2 },
    { name: "fits the two examples only", loses: [counted], answer: (T) => 2 * T - 1 },
  ],
});
