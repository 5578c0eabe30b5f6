import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/performer.js";

type Positive = typeof Answers.positive;
type Orthogonalise = typeof Answers.orthogonalise;
type Favor = typeof Answers.favor;

const asked = "with that many features, lemma 2 gives the standard deviation asked for";
const none = "opposite vectors need none";
const opposite = "φ(x) · φ(−x) is exp(−‖x‖² / √D), whatever w is";
const growth = "feature i grows by exp(w_i · s / D^(1/4)) when x grows from 0 to s, times exp(−‖s‖² / (2√D))";
const unbiased = "the mean of φ(q) · φ(k) over many w is exp(q · k / √D)";
const orthogonal = "rows of one block are orthogonal to each other";
const lengthKept = "each row has its given length";
const direction = "the first row of every block keeps its direction";
const same = "attention over your features gives what it gave before";
const high = "with exponents of a thousand the largest feature is 1";
const low = "with exponents of minus a thousand it is 1 too";
const definition = "row t is the average of all values weighted by φ(q_t) · φ(k_s)";
const constant = "when all values are equal, every row is that value";
const mean = "with no query or key, all exponents zero, every row is the plain mean";
const stable = "queries and keys a hundred times as long: finite, and equal values still come out";
const flops = "operations grow like T";
const bytes = "memory grows like T";
const times = "times as many features";
const exact = "the exact key";
const sums = "features that can sum below zero";
const leaks = "whether the future leaks";

/** Positive features with one choice made differently. */
function features({
  scale = (D: number) => D ** 0.25,
  halved = 2,
  share = (m: number) => Math.sqrt(m),
}: {
  scale?: (D: number) => number;
  halved?: number;
  share?: (m: number) => number;
}): Positive {
  return (x, w) => {
    const scaled = tf.div<tf.Tensor2D>(x, scale(x.shape[1]));
    const norm = tf.div(tf.sum(tf.square(scaled), 1, true), halved);
    return tf.div(tf.exp(tf.sub(tf.matMul(scaled, w, false, true), norm)), share(w.shape[0]));
  };
}

/** Gram and Schmidt's procedure with one choice made differently. */
function procedure({
  block = (D: number) => D,
  lengthOf = (target: number, _row: number[]) => target,
  along = (rest: number[], unit: number[]) => dot(rest, unit),
}: {
  block?: (D: number) => number;
  lengthOf?: (target: number, row: number[]) => number;
  along?: (rest: number[], unit: number[]) => number;
}): Orthogonalise {
  return (gaussian, lengths) => {
    const [size, target] = [block(gaussian.shape[1]), lengths.arraySync()];
    const units: number[][] = [];
    const rows = gaussian.arraySync().map((row, i) => {
      let rest = row;
      for (const unit of units.slice(i - (i % size))) {
        const part = along(rest, unit);
        rest = rest.map((x, d) => x - part * unit[d]!);
      }
      const length = Math.max(Math.sqrt(dot(rest, rest)), 1e-9);
      units.push(rest.map((x) => x / length));
      return units[i]!.map((x) => x * lengthOf(target[i]!, row));
    });
    return tf.tensor2d(rows);
  };
}

const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

function exponents(x: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D {
  const scaled = tf.div<tf.Tensor2D>(x, x.shape[1] ** 0.25);
  const norm = tf.div(tf.sum(tf.square(scaled), 1, true), 2);
  return tf.sub(tf.matMul(scaled, w, false, true), norm);
}

/** Linear attention over features of both, with one choice made differently. */
function attend({
  query = (z: tf.Tensor2D) => tf.max(z, 1, true),
  key = (z: tf.Tensor2D) => tf.max(z),
  map = exponents,
  eps = 1e-7,
  denominator = (sum: tf.Tensor, _S: number) => sum,
}: {
  query?: (z: tf.Tensor2D) => tf.Tensor | number;
  key?: (z: tf.Tensor2D) => tf.Tensor | number;
  map?: (x: tf.Tensor2D, w: tf.Tensor2D) => tf.Tensor2D;
  eps?: number;
  denominator?: (sum: tf.Tensor, S: number) => tf.Tensor | number;
}): Favor {
  return (q, k, v, w) => {
    const [Q, K] = [map(q, w), map(k, w)];
    const phiQ = tf.add<tf.Tensor2D>(tf.exp(tf.sub(Q, query(Q))), eps);
    const phiK = tf.add<tf.Tensor2D>(tf.exp(tf.sub(K, key(K))), eps);
    const ones = tf.ones<tf.Rank.R2>([k.shape[0], 1]);
    const under = tf.matMul(phiQ, tf.matMul(phiK, ones, true, false));
    return tf.div(tf.matMul(phiQ, tf.matMul(phiK, v, true, false)), denominator(under, k.shape[0]));
  };
}

export default mutants<typeof Answers>({
  featuresNeeded: [
    { name: "forgets the square of delta", loses: [asked], answer: (zz, delta) => Math.expm1(zz) / delta },
    {
      name: "forgets to subtract one",
      loses: [asked, none],
      answer: (zz, delta) => Math.exp(zz) / delta ** 2,
    },
    { name: "polynomial in the norm", loses: [asked], answer: (zz, delta) => zz / delta ** 2 },
  ],
  positive: [
    {
      name: "divides by √D instead of D^(1/4)",
      loses: [opposite, growth, unbiased],
      answer: features({ scale: Math.sqrt }),
    },
    { name: "forgets the half", loses: [opposite, growth, unbiased], answer: features({ halved: 1 }) },
    {
      name: "forgets the norm",
      loses: [opposite, growth, unbiased],
      answer: features({ halved: Number.POSITIVE_INFINITY }),
    },
    { name: "divides by m", loses: [opposite, unbiased], answer: features({ share: (m) => m }) },
    { name: "forgets the √m", loses: [opposite, unbiased], answer: features({ share: () => 1 }) },
  ],
  orthogonalise: [
    { name: "unit length", loses: [lengthKept, direction], answer: procedure({ lengthOf: () => 1 }) },
    {
      name: "keeps the lengths of the Gaussian rows",
      loses: [lengthKept, direction],
      answer: procedure({ lengthOf: (_target, row) => Math.sqrt(dot(row, row)) }),
    },
    {
      name: "never starts a new block",
      loses: [lengthKept, direction],
      answer: procedure({ block: () => 1000 }),
    },
    {
      name: "blocks one row too short",
      loses: [orthogonal, direction],
      answer: procedure({ block: (D) => D - 1 }),
    },
    { name: "independent rows, rescaled", loses: [orthogonal], answer: procedure({ along: () => 0 }) },
  ],
  stableKeys: [
    { name: "each key's own maximum", loses: [same], answer: (z) => tf.exp(tf.sub(z, tf.max(z, 1, true))) },
    {
      name: "each feature's own maximum",
      loses: [same],
      answer: (z) => tf.exp(tf.sub(z, tf.max(z, 0, true))),
    },
    { name: "subtracts nothing", loses: [high, low], answer: (z) => tf.exp(z) },
    { name: "cuts at 80", loses: [high, low], answer: (z) => tf.exp(tf.minimum(z, 80)) },
    { name: "subtracts the mean", loses: [high, low], answer: (z) => tf.exp(tf.sub(z, tf.mean(z))) },
  ],
  favor: [
    {
      name: "a maximum for each key",
      loses: [definition, flops, bytes],
      answer: attend({ key: (z) => tf.max(z, 1, true) }),
    },
    {
      name: "subtracts nothing",
      loses: [stable],
      answer: attend({ query: () => 0, key: () => 0, eps: 0 }),
    },
    {
      name: "no D^(1/4)",
      loses: [definition, flops, bytes],
      answer: attend({
        map: (x, w) => tf.sub(tf.matMul(x, w, false, true), tf.div(tf.sum(tf.square(x), 1, true), 2)),
      }),
    },
    {
      name: "forgets the norms, which only queries may",
      loses: [definition, flops, bytes],
      answer: attend({
        map: (x, w) => tf.matMul(tf.div<tf.Tensor2D>(x, x.shape[1] ** 0.25), w, false, true),
      }),
    },
    {
      name: "divides by the number of keys",
      loses: [definition, constant, mean, stable, flops, bytes],
      answer: attend({ denominator: (_sum, S) => S }),
    },
    {
      name: "all T × T weights",
      loses: [flops, bytes],
      answer: (q, k, v, w) => {
        const [Q, K] = [exponents(q, w), exponents(k, w)];
        const phiQ = tf.add(tf.exp(tf.sub(Q, tf.max(Q, 1, true))), 1e-7) as tf.Tensor2D;
        const phiK = tf.add(tf.exp(tf.sub(K, tf.max(K))), 1e-7) as tf.Tensor2D;
        const weights = tf.matMul(phiQ, phiK, false, true);
        return tf.div(tf.matMul(weights, v), tf.sum(weights, 1, true)) as tf.Tensor2D;
      },
    },
    {
      name: "softmax attention itself",
      loses: [definition, flops, bytes],
      answer: (q, k, v) =>
        tf.matMul(tf.softmax(tf.div(tf.matMul(q, k, false, true), Math.sqrt(q.shape[1]))), v) as tf.Tensor2D,
    },
  ],
  halveTheError: [
    { name: "as if errors fell like 1/m", loses: [times], answer: 2 },
    { name: "root the wrong way", loses: [times], answer: Math.SQRT2 },
  ],
  withoutError: [
    { name: "thinks of trigonometric features", loses: [exact], answer: "the query" },
    { name: "thinks of independence", loses: [exact], answer: "at a right angle" },
  ],
  negativeDenominator: [
    { name: "mixes them up", loses: [sums], answer: "positive" },
    { name: "trusts averages", loses: [sums], answer: "neither" },
    { name: "distrusts all", loses: [sums], answer: "both" },
  ],
  laterKeyLeaks: [
    { name: "thinks the maximum cancels", loses: [leaks], answer: "no" },
    { name: "is not an answer", loses: [leaks], answer: "maybe" as "no" },
  ],
});
