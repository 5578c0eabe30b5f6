import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/hyena.js";

type Operator = typeof Answers.hyenaOperator;
type Fast = typeof Answers.fastConvolution;
type Recall = typeof Answers.recallByGates;

const circleRight = "on a circle of that length, outputs first … T − 1 are right";
const circleTight = "on a circle one place shorter, one of them is not";
const recurrence = "each order convolves first and multiplies by its gate then";
const operatorCausal = "entry t does not change when later values and gates change";
const asRetention =
  "with h¹ = 1, 0, 0, … and h² = γᵗ it is retention with queries x², keys x¹ and heads of width 1";
const sums = "entry t is the sum of h_(t−s) u_s over s ≤ t";
const causal = "entry t does not change when later inputs change";
const impulse = "an input of a single 1 gives the filter, from there on";
const flops = "operations grow like T log T";
const bytes = "memory grows like T";
const gradientSums = "entry s is the sum of h_(t−s) g_t over t ≥ s";
const adjoint = "whatever the input, ⟨g, h * u⟩ = ⟨∂L/∂u, u⟩";
const forwards = "what is asked of early outputs says nothing about later inputs";
const follows = "in a text of keys and values, each key gets the values that followed it so far";
const directly = "a value counts only directly behind its key";
const lasts = "what was told 100 tokens ago counts as much as what was told just now";
const silent = "where no key stands, the output is 0";

/** Σ over all s of weight(t, s, T) · h at place(t, s, T) · u_s, by a table for each channel. */
function byTable(place: (t: number, s: number, T: number) => number | undefined): Fast {
  return (u, h) => {
    const T = u.shape[1];
    const cells = Array.from({ length: T * T }, (_, i) => place(Math.floor(i / T), i % T, T));
    const index = tf.tensor1d(
      cells.map((at) => at ?? 0),
      "int32",
    );
    const seen = tf.tensor2d(
      cells.map((at) => (at === undefined ? 0 : 1)),
      [T, T],
    );
    const table = tf.mul(tf.reshape(tf.gather(h, index, 1), [h.shape[0], T, T]), seen);
    return tf.reshape(tf.matMul(table, tf.expandDims(u, 2)), u.shape);
  };
}

const right = byTable((t, s) => (s <= t ? t - s : undefined));
const circular = byTable((t, s, T) => (t - s + T) % T);

/** By transforms of a length of one's own. */
function byTransforms(
  length: (T: number) => number,
  {
    first = () => 0,
    filter = (h: tf.Tensor2D) => h,
  }: { first?: (T: number) => number; filter?: (h: tf.Tensor2D) => tf.Tensor2D } = {},
): Fast {
  return (u, h) => {
    const [C, T] = u.shape;
    const n = length(T);
    const spectrum = (x: tf.Tensor2D) => tf.spectral.rfft(tf.pad(x, [[0, 0], [0, n - T]])); // biome-ignore format: one pad
    const rows = tf.spectral.irfft(tf.mul(spectrum(u), spectrum(filter(h)))) as tf.Tensor2D;
    return tf.slice(rows, [0, first(T)], [C, T]);
  };
}

const power = (least: number) => 2 ** Math.ceil(Math.log2(Math.max(least, 2)));

/** The recurrence with one choice made differently. */
function operator({
  convolution = right,
  step = (z: tf.Tensor2D, x: tf.Tensor2D, h: tf.Tensor2D, convolve: Fast): tf.Tensor =>
    tf.mul(x, convolve(z, h)),
  order = <X>(list: X[]) => list,
}: {
  convolution?: Fast;
  step?: (z: tf.Tensor2D, x: tf.Tensor2D, h: tf.Tensor2D, convolve: Fast) => tf.Tensor;
  order?: <X>(list: X[]) => X[];
}): Operator {
  return (v, gates, filters) => {
    const [X, H] = [tf.unstack(gates), tf.unstack(filters)].map(order) as [tf.Tensor2D[], tf.Tensor2D[]];
    return X.reduce((z, x, n) => step(z, x, H[n]!, convolution) as tf.Tensor2D, v);
  };
}

/** Recall with one choice made differently. */
function recall({
  channel = (key: number[][], value: number[][]) => key.flatMap((k) => value.map((v) => ({ k, v }))),
  late = 1,
  memory = (_t: number) => 1,
  value = (v: number[]) => v,
  asks = (k: number[]) => k,
}: {
  channel?: (key: number[][], value: number[][]) => { k: number[]; v: number[] }[];
  late?: number;
  memory?: (t: number) => number;
  value?: (v: number[]) => number[];
  asks?: (k: number[]) => number[];
}): Recall {
  return (keys, values) => {
    const T = keys.shape[0];
    const rows = channel(
      keys.transpose().arraySync() as number[][],
      values.transpose().arraySync() as number[][],
    );
    const matrix = (of: (row: { k: number[]; v: number[] }) => number[]) =>
      tf.tensor2d(rows.map(of), [rows.length, T]);
    const filter = (entry: (t: number) => number) =>
      matrix(() => Array.from({ length: T }, (_, t) => entry(t)));
    return {
      v: matrix(({ k }) => k),
      h1: filter((t) => Number(t === late)),
      x1: matrix(({ v }) => value(v)),
      h2: filter(memory),
      x2: matrix(({ k }) => asks(k)),
    };
  };
}

export default mutants<typeof Answers>({
  smallestCircle: [
    { name: "twice the text, whatever the filter", loses: [circleTight], answer: (T) => 2 * T },
    { name: "adds no zeros", loses: [circleRight], answer: (T) => T },
    { name: "looks at all outputs", loses: [circleTight], answer: (T, K) => T + K - 1 },
    {
      name: "one place too few",
      loses: [circleRight],
      answer: (T, K, first) => Math.max(T, T + K - 2 - first),
    },
    {
      name: "forgets that the text itself must fit",
      loses: [circleRight],
      answer: (T, K, first) => T + K - 1 - first,
    },
  ],
  hyenaOperator: [
    {
      name: "multiplies by the gate before it convolves",
      loses: [recurrence, asRetention],
      answer: operator({ step: (z, x, h, convolve) => convolve(tf.mul(x, z), h) }),
    },
    {
      name: "adds the gate",
      loses: [recurrence, asRetention],
      answer: operator({ step: (z, x, h, convolve) => tf.add(x, convolve(z, h)) }),
    },
    {
      name: "starts with the last order",
      loses: [recurrence, asRetention],
      answer: operator({ order: (list) => list.toReversed() }),
    },
    {
      name: "convolves on a circle of T places",
      loses: [recurrence, operatorCausal, asRetention],
      answer: operator({ convolution: circular }),
    },
    {
      name: "convolves v each time",
      loses: [recurrence, asRetention],
      answer: (v, gates, filters) => {
        const [X, H] = [tf.unstack(gates), tf.unstack(filters)] as [tf.Tensor2D[], tf.Tensor2D[]];
        return X.reduce((z, x, n) => (n === 0 ? tf.mul(x, right(v, H[n]!)) : tf.mul(z, tf.mul(x, right(v, H[n]!)))), v); // biome-ignore format: one step
      },
    },
    {
      name: "looks forwards",
      loses: [recurrence, operatorCausal, asRetention],
      answer: operator({ convolution: byTable((t, s) => (s >= t ? s - t : undefined)) }),
    },
  ],
  fastConvolution: [
    {
      name: "adds no zeros: what runs off the end comes back at the start",
      loses: [sums, causal, impulse, flops, bytes],
      answer: byTransforms((T) => (T % 2 === 0 ? T : T + 1)),
    },
    {
      name: "adds half the zeros",
      loses: [sums, causal, impulse, flops, bytes],
      answer: byTransforms((T) => 2 * Math.ceil((1.5 * T) / 2)),
    },
    {
      name: "keeps the last T places",
      loses: [sums, causal, impulse, flops, bytes],
      answer: byTransforms((T) => power(2 * T), { first: (T) => power(2 * T) - T }),
    },
    {
      name: "reverses the filter, as a correlation does",
      loses: [sums, impulse, flops, bytes],
      answer: byTransforms((T) => power(2 * T), { filter: (h) => tf.reverse(h, 1) }),
    },
    { name: "multiplies with a Toeplitz matrix", loses: [flops, bytes], answer: right },
    {
      name: "looks forwards",
      loses: [sums, causal, impulse, flops, bytes],
      answer: byTable((t, s) => (s >= t ? s - t : undefined)),
    },
  ],
  gradientThrough: [
    {
      name: "convolves the gradient as it is",
      loses: [gradientSums, adjoint, forwards],
      answer: (g, h) => right(g, h),
    },
    {
      name: "reverses the filter instead",
      loses: [gradientSums, adjoint, forwards],
      answer: (g, h) => right(g, tf.reverse(h, 1)),
    },
    {
      name: "forgets to turn the result round again",
      loses: [gradientSums, adjoint, forwards],
      answer: (g, h) => right(tf.reverse(g, 1), h),
    },
    {
      name: "reverses everything",
      loses: [gradientSums, adjoint],
      answer: (g, h) => tf.reverse(right(tf.reverse(g, 1), tf.reverse(h, 1)), 1),
    },
    {
      name: "correlates on a circle",
      loses: [gradientSums, adjoint, forwards],
      answer: (g, h) => tf.reverse(circular(tf.reverse(g, 1), h), 1),
    },
  ],
  recallByGates: [
    {
      name: "lets key and value meet at the same place",
      loses: [follows, directly, lasts, silent],
      answer: recall({ late: 0 }),
    },
    {
      name: "looks two places back",
      loses: [follows, directly, lasts, silent],
      answer: recall({ late: 2 }),
    },
    {
      name: "forgets nothing before the value, so any earlier key will do",
      loses: [follows, directly, lasts, silent],
      answer: (keys, values) => {
        const parts = recall({})(keys, values);
        return { ...parts, h1: tf.onesLike(parts.h1) };
      },
    },
    {
      name: "lets the memory fade",
      loses: [follows, directly, lasts, silent],
      answer: recall({ memory: (t) => 0.98 ** t }),
    },
    {
      name: "remembers the last value only",
      loses: [follows, directly, lasts, silent],
      answer: recall({ memory: (t) => Number(t === 1) }),
    },
    {
      name: "does not ask: the last gate is open",
      loses: [follows, directly, lasts, silent],
      answer: recall({ asks: (k) => k.map(() => 1) }),
    },
    {
      name: "lays the channels out the other way round",
      loses: [follows, directly, lasts],
      answer: recall({ channel: (key, value) => value.flatMap((v) => key.map((k) => ({ k, v }))) }),
    },
  ],
  longerFilters: [
    { name: "thinks of stored entries", loses: ["what is stored of a filter"], answer: "it doubles" },
    { name: "thinks of waves", loses: ["what is stored of a filter"], answer: "it grows like log T" },
  ],
  transformsOfOrder3: [
    { name: "one order alone", loses: ["there and back, order by order"], answer: 3 },
    { name: "forgets the filters", loses: ["there and back, order by order"], answer: 6 },
    { name: "forgets the way back", loses: ["there and back, order by order"], answer: 8 },
  ],
  oneMoreToken: [
    { name: "thinks of a state", loses: ["what a new output is made of"], answer: "the same at every T" },
    {
      name: "transforms the whole text",
      loses: ["what a new output is made of"],
      answer: "it grows like T log T",
    },
  ],
  movedText: [
    {
      name: "takes the features for positions",
      loses: ["what a filter knows of positions"],
      answer: "they change",
    },
    {
      name: "thinks of bags",
      loses: ["what a filter knows of positions"],
      answer: "they stay where they are",
    },
  ],
});
