import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/rwkv.js";

type Average = typeof Answers.average;
type Join = typeof Answers.bothTexts;

const share = "it is the newest weight over the sum of all weights, added up one by one";
const alone = "the first token has only itself";
const definition =
  "row t is the average of v with weights e^((t−1−i) w + k_i) for i < t, and e^(u + k_t) for t itself";
const undecayed = "the token before has not decayed yet, however fast the decay";
const loud = "a large bonus lets every token hear itself alone";
const shift = "a number added to all keys of a channel changes nothing";
const softmax =
  "without decay and bonus it is softmax attention whose queries are all 1, with a head for each channel";
const causality = "row t does not change when later tokens change";
const stable = "keys of ±1,000 and decays from e^0 to e^(−1,000) give finite, right rows";
const flops = "operations grow like T";
const bytes = "memory grows like T";
const joined = "joined, two summaries are the summary of both texts in a row";
const empty = "a text without tokens changes nothing, before or after";
const extreme = "keys of ±1,000 stay finite and right";
const mean = "after the last token the channel holds the mean of the marked tokens";
const others = "the other tokens do not matter, wherever they stand";

/** WKV by its sum with one choice made differently: the exponent beside k_i of token i at position t, both from 0. */
function summed(
  exponent: (t: number, i: number) => { readonly decays: number; readonly bonus: number },
  sees: (t: number, T: number) => number = (t) => t + 1,
  divides = true,
): Average {
  return (w, u, k, v) => {
    const T = k.shape[0];
    const outputs = Array.from({ length: T }, (_, t) => {
      const n = sees(t, T);
      const column = (part: "decays" | "bonus") =>
        tf.tensor2d(Array.from({ length: n }, (_, i) => [exponent(t, i)[part]]));
      const scores = tf.add(
        tf.slice(k, 0, n),
        tf.add(tf.mul(column("decays"), w), tf.mul(column("bonus"), u)),
      );
      const weights = tf.exp(tf.sub(scores, tf.max(scores, 0, true)));
      const sum = tf.sum(tf.mul(weights, tf.slice(v, 0, n)), 0);
      return divides ? tf.div(sum, tf.sum(weights, 0)) : sum;
    });
    return tf.stack(outputs) as tf.Tensor2D;
  };
}

const paper = (t: number, i: number) => ({ decays: Math.max(0, t - 1 - i), bonus: i === t ? 1 : 0 });

/** The recurrence with one choice made differently; all of it `[C]`. */
function stepped({
  start = -1e38,
  reads = (m: tf.Tensor, _w: tf.Tensor): tf.Tensor => m,
  enters = (k: tf.Tensor, _u: tf.Tensor): tf.Tensor => k,
  pivot = (faded: tf.Tensor, key: tf.Tensor): tf.Tensor => tf.maximum(faded, key),
  rescales = true,
}): Average {
  return (w, u, k, v) => {
    const [T, C] = k.shape;
    let [m, a, b] = [tf.fill([C], start), tf.zeros([C]), tf.zeros([C])] as tf.Tensor[];
    const outputs: tf.Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const [key, value] = [k, v].map((x) => tf.reshape(tf.slice(x, t, 1), [C])) as [tf.Tensor, tf.Tensor];
      const [past, own] = [reads(m!, w), tf.add(key, u)];
      const top = tf.maximum(past, own);
      const [e1, e2] = [tf.exp(tf.sub(past, top)), tf.exp(tf.sub(own, top))];
      outputs.push(tf.div(tf.add(tf.mul(e1, a!), tf.mul(e2, value)), tf.add(tf.mul(e1, b!), e2)));
      const [faded, stored] = [tf.add(m!, w), enters(key, u)];
      const next = pivot(faded, stored);
      const [left, added] = [
        rescales ? tf.exp(tf.sub(faded, next)) : tf.exp(w),
        tf.exp(tf.sub(stored, next)),
      ];
      [m, a, b] = [next, tf.add(tf.mul(left, a!), tf.mul(added, value)), tf.add(tf.mul(left, b!), added)];
    }
    return tf.stack(outputs) as tf.Tensor2D;
  };
}

/** Two summaries joined with one choice made differently. */
function joining({
  aged = (first: tf.Tensor, length: number, w: tf.Tensor): tf.Tensor => tf.add(first, tf.mul(w, length)),
  later = (second: tf.Tensor, _w: tf.Tensor): tf.Tensor => second,
  top = (one: tf.Tensor, other: tf.Tensor): tf.Tensor => tf.maximum(one, other),
  says = (m: tf.Tensor): tf.Tensor => m,
}): Join {
  return (first, second, length, w) => {
    const [old, recent] = [aged(first.m, length, w), later(second.m, w)];
    const m = top(old, recent);
    const [e1, e2] = [tf.exp(tf.sub(old, m)), tf.exp(tf.sub(recent, m))];
    const sum = (x: tf.Tensor, y: tf.Tensor) => tf.add(tf.mul(e1, x), tf.mul(e2, y)) as tf.Tensor1D;
    return { a: sum(first.a, second.a), b: sum(first.b, second.b), m: says(m) as tf.Tensor1D };
  };
}

export default mutants<typeof Answers>({
  ownShare: [
    {
      name: "lets the token before decay once",
      loses: [share],
      answer: (t, w, u) => {
        const earlier = (Math.exp(w) * Math.expm1((t - 1) * w)) / Math.expm1(w);
        return Math.exp(u) / (Math.exp(u) + earlier);
      },
    },
    {
      name: "sums t terms instead of t − 1",
      loses: [share, alone],
      answer: (t, w, u) => Math.exp(u) / (Math.exp(u) + Math.expm1(t * w) / Math.expm1(w)),
    },
    {
      name: "an endless text",
      loses: [share, alone],
      answer: (_t, w, u) => Math.exp(u) / (Math.exp(u) - 1 / Math.expm1(w)),
    },
    {
      name: "gives every token the bonus",
      loses: [share],
      answer: (t, w) => 1 / (1 + Math.expm1((t - 1) * w) / Math.expm1(w)),
    },
    { name: "forgets the decay", loses: [share], answer: (t, _w, u) => Math.exp(u) / (Math.exp(u) + t - 1) },
  ],
  average: [
    {
      name: "decays before the output: (t − i) w",
      loses: [definition, undecayed],
      answer: summed((t, i) => ({ decays: t - i, bonus: i === t ? 1 : 0 })),
    },
    {
      name: "gives every token the bonus",
      loses: [definition, undecayed, loud],
      answer: summed((t, i) => ({ decays: Math.max(0, t - 1 - i), bonus: 1 })),
    },
    {
      name: "forgets the bonus",
      loses: [definition, undecayed, loud],
      answer: summed((t, i) => ({ ...paper(t, i), bonus: 0 })),
    },
    {
      name: "does not divide by the sum of weights",
      loses: [definition, softmax],
      answer: summed(paper, undefined, false),
    },
    {
      name: "sees the future",
      loses: [definition, undecayed, softmax, causality],
      answer: summed(paper, (_t, T) => T),
    },
    {
      name: "decays with the wrong sign",
      loses: [definition, undecayed],
      answer: summed((t, i) => ({ decays: -Math.max(0, t - 1 - i), bonus: i === t ? 1 : 0 })),
    },
    {
      name: "leaves the newest token out of the denominator",
      loses: [definition, undecayed, loud, softmax, shift],
      answer: (w, u, k, v) => {
        const T = k.shape[0];
        const outputs = Array.from({ length: T }, (_, t) => {
          const ages = tf.tensor2d(Array.from({ length: t + 1 }, (_, i) => [Math.max(0, t - 1 - i)]));
          const newest = tf.tensor2d(Array.from({ length: t + 1 }, (_, i) => [i === t ? 1 : 0]));
          const scores = tf.add(tf.slice(k, 0, t + 1), tf.add(tf.mul(ages, w), tf.mul(newest, u)));
          const weights = tf.exp(scores);
          const sum = tf.sum(tf.mul(weights, tf.slice(v, 0, t + 1)), 0);
          return tf.div(sum, tf.add(1, tf.sum(tf.mul(weights, tf.sub(1, newest)), 0)));
        });
        return tf.stack(outputs) as tf.Tensor2D;
      },
    },
  ],
  stableAverage: [
    {
      name: "decays before the output",
      loses: [definition, undecayed, stable, flops, bytes],
      answer: stepped({ reads: (m, w) => tf.add(m, w) }),
    },
    {
      name: "keeps the bonus in the state",
      loses: [definition, undecayed, stable, flops, bytes],
      answer: stepped({ enters: (k, u) => tf.add(k, u) }),
    },
    {
      name: "starts the maximum at zero",
      // Keys far below zero then underflow beside it, and decays drag it along.
      loses: [stable],
      answer: stepped({ start: 0 }),
    },
    {
      name: "takes exponentials of keys as they are",
      loses: [stable],
      answer: stepped({ start: 0, pivot: (faded) => tf.zerosLike(faded), rescales: false }),
    },
    {
      name: "forgets to rescale the old sums when the maximum rises",
      loses: [definition, stable, flops, bytes],
      answer: stepped({ rescales: false }),
    },
    {
      name: "sums over the past anew for each token",
      loses: [flops, bytes],
      answer: summed(paper),
    },
    {
      name: "makes a table of all weights",
      loses: [flops, bytes],
      answer: (w, u, k, v) => {
        const [T, C] = k.shape;
        const position = tf.range(0, T);
        const age = tf.sub(tf.reshape(position, [T, 1]), tf.add(position, 1));
        const perChannel = (x: tf.Tensor) => tf.reshape(x, [C, 1, 1]);
        const own = tf.mul(tf.eye(T), perChannel(u));
        const scores = tf.add(
          tf.add(tf.mul(tf.maximum(age, 0), perChannel(w)), own),
          tf.reshape(tf.transpose(k), [C, 1, T]),
        );
        const future = tf.mul(tf.cast(tf.less(age, -1), "float32"), -1e38);
        const weights = tf.softmax(tf.add(scores, future)); // [C, T, T]
        const mixed = tf.matMul(weights, tf.reshape(tf.transpose(v), [C, T, 1]));
        return tf.transpose(tf.reshape(mixed, [C, T])) as tf.Tensor2D;
      },
    },
  ],
  bothTexts: [
    {
      name: "lets the earlier text age by one token",
      loses: [joined, empty, extreme],
      answer: joining({ aged: (first, _length, w) => tf.add(first, w) }),
    },
    { name: "lets nothing age", loses: [joined, extreme], answer: joining({ aged: (first) => first }) },
    {
      name: "lets the later text age too",
      loses: [joined, empty, extreme],
      answer: joining({ later: (second, w) => tf.add(second, w) }),
    },
    {
      name: "adds exponentials as they are",
      loses: [extreme],
      answer: joining({ top: (one) => tf.zerosLike(one) }),
    },
    {
      name: "forgets to hand on the new maximum",
      loses: [joined, empty, extreme],
      answer: (first, second, length, w) => ({ ...joining({})(first, second, length, w), m: first.m }),
    },
    {
      name: "keeps the earlier text's maximum",
      loses: [empty, extreme],
      answer: joining({ top: (one) => one }),
    },
  ],
  keysForMean: [
    {
      name: "equal keys for all marked tokens",
      loses: [mean],
      answer: (marked) => marked.map((mark) => (mark === 1 ? 0 : -1000)),
    },
    {
      name: "the wrong sign",
      loses: [mean],
      answer: (marked, w) => marked.map((mark, i) => (mark === 1 ? -i * w : -1000)),
    },
    {
      name: "counts from the other end",
      loses: [mean],
      answer: (marked, w) => marked.map((mark, i) => (mark === 1 ? (marked.length - 1 - i) * w : -1000)),
    },
    {
      name: "gives the others a key of 0",
      loses: [mean, others],
      answer: (marked, w) => marked.map((mark, i) => (mark === 1 ? i * w : 0)),
    },
    {
      name: "gives the others a key that is too near",
      loses: [mean, others],
      answer: (marked, w) => marked.map((mark, i) => (mark === 1 ? i * w : i * w - 10)),
    },
    {
      name: "hides the others with −∞",
      loses: [others],
      answer: (marked, w) => marked.map((mark, i) => (mark === 1 ? i * w : Number.NEGATIVE_INFINITY)),
    },
  ],
  decayOfTokenThree: [
    { name: "counts from the newest", loses: ["the factor"], answer: "e^(2w)" },
    { name: "no decay", loses: ["the factor"], answer: "1" },
  ],
  numbersKept: [
    { name: "WKV alone", loses: ["numbers kept for the next token"], answer: 2304 },
    { name: "one token shift", loses: ["numbers kept for the next token"], answer: 3072 },
  ],
  raisedKeys: [
    { name: "a factor", loses: ["the channel's outputs"], answer: "they grow by e^5" },
    { name: "older ones", loses: ["the channel's outputs"], answer: "older tokens count more" },
  ],
  whoCompares: [
    { name: "as in attention", loses: ["what compares two tokens"], answer: "receptance and key" },
    { name: "key and value", loses: ["what compares two tokens"], answer: "key and value" },
  ],
});
