import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/transformer.js";

type Attend = typeof Answers.causalAttention;

const definition = "row t is the average of values 0 … t weighted by softmax(q_t · k_s / √D)";
const causality = "row t does not change when later keys and values change";
const mean = "when all keys are equal, row t is the plain mean of values 0 … t";
const invariance = "adding one vector to every key changes nothing";
const finite = "scores of ±1000 stay finite";
const equal = "the result equals the last row of the full causal pass";
const flops = "operations grow like T";
const bytes = "memory grows like T";
const forward = "the encodings of p … p + T become those of p + s … p + T + s";
const back = "a negative shift goes back";
const rowwise = "each row moves by itself, in whatever order the rows come";

/** Causal attention with one choice made differently. */
function attend({
  scale = (D: number) => Math.sqrt(D),
  sees = (positions: tf.Tensor1D, query: tf.Tensor) => tf.lessEqual(positions, query),
  normalise = (scores: tf.Tensor, visible: tf.Tensor) => tf.softmax(tf.where(visible, scores, -1e9)),
}: {
  scale?: (D: number) => number;
  sees?: (positions: tf.Tensor1D, query: tf.Tensor) => tf.Tensor;
  normalise?: (scores: tf.Tensor, visible: tf.Tensor) => tf.Tensor;
}): Attend {
  return (q, k, v) => {
    const [T, D] = q.shape;
    const positions = tf.range(0, T);
    const visible = sees(positions, tf.reshape(positions, [T, 1]));
    const weights = normalise(tf.div(tf.matMul(q, k, false, true), scale(D)), visible);
    return tf.matMul(weights as tf.Tensor2D, v) as tf.Tensor2D;
  };
}

/** Rotates pairs of columns by an angle each. */
function rotate(encodings: tf.Tensor2D, angles: tf.Tensor): tf.Tensor2D {
  const [T, C] = encodings.shape;
  const [sin, cos] = tf.unstack(tf.reshape(encodings, [T, C / 2, 2]), 2) as [tf.Tensor, tf.Tensor];
  const later = [
    tf.add(tf.mul(sin, tf.cos(angles)), tf.mul(cos, tf.sin(angles))),
    tf.sub(tf.mul(cos, tf.cos(angles)), tf.mul(sin, tf.sin(angles))),
  ];
  return tf.reshape(tf.stack(later, 2), [T, C]);
}

const frequencies = (C: number, exponent = (i: number) => (-2 * i) / C) =>
  tf.tensor1d(Array.from({ length: C / 2 }, (_, i) => 10_000 ** exponent(i)));

const unit = "with unit variances the variance is d";
const sampled = "it agrees with 40,000 sampled dot products";

export default mutants<typeof Answers>({
  dotProductVariance: [
    {
      name: "the standard deviation instead of the variance",
      loses: [unit, sampled],
      answer: (d, a, b) => Math.sqrt(d * a * b),
    },
    { name: "adds the variances", loses: [unit, sampled], answer: (d, a, b) => d * (a + b) },
    { name: "knows the paper's case only", loses: [sampled], answer: (d) => d },
  ],
  causalAttention: [
    { name: "forgets 1/√D", loses: [definition], answer: attend({ scale: () => 1 }) },
    { name: "divides by D instead of √D", loses: [definition], answer: attend({ scale: (D) => D }) },
    {
      name: "sees the future",
      loses: [definition, causality, mean],
      answer: attend({ sees: (positions, query) => tf.greaterEqual(tf.add(positions, tf.mul(query, 0)), 0) }),
    },
    {
      name: "hides the present too",
      loses: [definition, causality, mean, finite],
      answer: attend({ sees: (positions, query) => tf.less(positions, query) }),
    },
    {
      name: "masks after the softmax",
      loses: [definition, causality, mean],
      answer: attend({
        normalise: (scores, visible) => tf.mul(tf.softmax(scores), tf.cast(visible, "float32")),
      }),
    },
    {
      name: "multiplies the scores by the mask: hidden scores become 0, not −∞",
      loses: [definition, causality, mean, invariance],
      answer: attend({
        normalise: (scores, visible) => tf.softmax(tf.mul(scores, tf.cast(visible, "float32"))),
      }),
    },
    {
      name: "normalises over queries instead of keys",
      loses: [definition, mean, invariance],
      answer: attend({
        normalise: (scores, visible) =>
          tf.transpose(tf.softmax(tf.transpose(tf.where(visible, scores, -1e9)))),
      }),
    },
    {
      name: "exponentials without subtracting the maximum",
      loses: [finite],
      answer: attend({
        normalise: (scores, visible) => {
          const powers = tf.mul(tf.exp(scores), tf.cast(visible, "float32"));
          return tf.div(powers, tf.sum(powers, 1, true));
        },
      }),
    },
  ],
  crossoverLength: [
    {
      name: "forgets the second product of both",
      loses: ["at the length you return, both cost the same"],
      answer: (C, ratio) => (ratio * C) / 2,
    },
    {
      name: "takes the paper's ratio of 4 for granted",
      loses: ["at the length you return, both cost the same"],
      answer: (C) => 4 * C,
    },
    {
      name: "counts the projections to the feed-forward block",
      loses: ["at the length you return, both cost the same"],
      answer: (C, ratio) => (ratio + 2) * C,
    },
  ],
  lastOutput: [
    {
      name: "runs the full pass and keeps the last row",
      loses: [flops, bytes],
      answer: (x, wq, wk, wv) => {
        const T = x.shape[0];
        const last = attend({})(
          tf.matMul(x, wq) as tf.Tensor2D,
          tf.matMul(x, wk) as tf.Tensor2D,
          tf.matMul(x, wv) as tf.Tensor2D,
        );
        return tf.slice(last, [T - 1, 0], [1, last.shape[1]]);
      },
    },
    {
      name: "attends to itself only: linear, and wrong",
      loses: [equal, flops, bytes],
      answer: (x, _wq, _wk, wv) =>
        tf.slice(tf.matMul(x, wv) as tf.Tensor2D, [x.shape[0] - 1, 0], [1, wv.shape[1]]),
    },
    {
      name: "scales by the input's width",
      loses: [equal, flops, bytes],
      answer: (x, wq, wk, wv) => {
        const [T, C] = x.shape;
        const q = tf.matMul(tf.slice(x, [T - 1, 0], [1, C]), wq);
        const scores = tf.div(tf.matMul(q, tf.matMul(x, wk), false, true), Math.sqrt(C));
        return tf.matMul(tf.softmax(scores) as tf.Tensor2D, tf.matMul(x, wv)) as tf.Tensor2D;
      },
    },
  ],
  shiftPositions: [
    {
      name: "rotates the wrong way",
      loses: [forward, back, rowwise],
      answer: (encodings, shift) => rotate(encodings, tf.mul(frequencies(encodings.shape[1]), -shift)),
    },
    {
      name: "one frequency for all pairs",
      loses: [forward, back, rowwise],
      answer: (encodings, shift) => rotate(encodings, tf.fill([encodings.shape[1] / 2], shift)),
    },
    {
      name: "exponent i/C instead of 2i/C",
      loses: [forward, back, rowwise],
      answer: (encodings, shift) =>
        rotate(
          encodings,
          tf.mul(
            frequencies(encodings.shape[1], (i) => -i / encodings.shape[1]),
            shift,
          ),
        ),
    },
    {
      name: "goes forward whatever the sign",
      loses: [back],
      answer: (encodings, shift) =>
        rotate(encodings, tf.mul(frequencies(encodings.shape[1]), Math.abs(shift))),
    },
    {
      name: "assumes the first row is position 0",
      loses: [forward, back, rowwise],
      answer: (encodings, shift) => {
        const [T, C] = encodings.shape;
        const positions = tf.reshape(tf.range(shift, shift + T), [T, 1]);
        const angles = tf.mul(positions, frequencies(C));
        return tf.reshape(tf.stack([tf.sin(angles), tf.cos(angles)], 2), [T, C]);
      },
    },
  ],
  patternsWithTwiceTheHeads: [
    {
      name: "thinks that narrower heads have smaller patterns",
      loses: ["H patterns of T × T numbers"],
      answer: "stay",
    },
    { name: "halves", loses: ["H patterns of T × T numbers"], answer: "halve" },
  ],
  flopsWithTwiceTheHeads: [
    { name: "thinks more heads cost more", loses: ["H heads of 4 T² D FLOPs"], answer: "double" },
    { name: "halves", loses: ["H heads of 4 T² D FLOPs"], answer: "halve" },
  ],
  growthFromDoubling: [
    {
      name: "linear",
      loses: ["(24 T C² + 4 T² C) at T = 2,048 over the same at T = 1,024"],
      answer: 2,
    },
    {
      name: "quadratic",
      loses: ["(24 T C² + 4 T² C) at T = 2,048 over the same at T = 1,024"],
      answer: 4,
    },
  ],
  oneCausalLayerIsBlindToEarlierOrder: [
    {
      name: "mixes up one layer with several",
      loses: ["the last output is a weighted sum over a set"],
      answer: "no",
    },
    {
      name: "thinks that softmax is what keeps the order",
      loses: ["the last output is a weighted sum over a set"],
      answer: "only without softmax",
    },
  ],
});
