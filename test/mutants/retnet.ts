import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/retnet.js";

type Retain = typeof Answers.retain;
type InChunks = typeof Answers.retainInChunks;
type Turning = typeof Answers.turningState;

const dearer = "a chunk a little longer, and one a little shorter, both cost more";
const balance = "at the cheapest length, weights inside chunks and carrying the state cost the same";
const definition = "row n is the sum of γⁿ⁻ᵐ (q_n · k_m / √D) v_m over m ≤ n";
const causality = "row n does not change when later keys and values change";
const fades = "what was said once counts γ times as much one position later";
const linear = "doubling all queries doubles every row";
const dividing = "chunks of any length that divides T give the definition";
const remainder = "a last chunk that is shorter, and a chunk longer than T, give the definition too";
const flops = "operations grow like T";
const bytes = "memory grows like T";
const entries = "row n, column m is γⁿ⁻ᵐ on and below the diagonal, and zero above";
const finite = "it stays finite and right at T = 300 with a γ as small as 10⁻³";
const reads = "read with queries that are not turned, the state answers as retention does that turns";
const newest = "the newest token is neither turned nor faded: from zeros, the state is kᵀ v";
const keeps = "a token of zeros only turns and fades: the state keeps its length times γ";

/** A T × T table of a function of row and column. */
function table(T: number, entry: (n: number, m: number) => number): tf.Tensor2D {
  return tf.tensor2d(
    Array.from({ length: T }, (_, n) => Array.from({ length: T }, (_, m) => entry(n, m))),
    [T, T],
  );
}

const decays = (T: number, gamma: number) => table(T, (n, m) => (m <= n ? gamma ** (n - m) : 0));

/** Retention with one choice made differently. */
function retaining({
  scale = (D: number) => 1 / Math.sqrt(D),
  D = decays,
  weights = (x: tf.Tensor2D) => x,
}: {
  scale?: (D: number) => number;
  D?: (T: number, gamma: number) => tf.Tensor2D;
  weights?: (x: tf.Tensor2D) => tf.Tensor;
}): Retain {
  return (q, k, v, gamma) => {
    const scores = tf.mul(tf.matMul(q, k, false, true), scale(q.shape[1]));
    return tf.matMul(weights(tf.mul(scores, D(q.shape[0], gamma))) as tf.Tensor2D, v);
  };
}

/** The chunkwise form with one choice made differently. */
function inChunks({
  queries = (j: number, _c: number) => j + 1,
  values = (j: number, c: number) => c - 1 - j,
  carried = (gamma: number, c: number) => gamma ** c,
  reads = (before: tf.Tensor2D, _after: tf.Tensor2D) => before,
  D = decays,
  last = (_c: number, _chunk: number) => true,
}: {
  queries?: (j: number, c: number) => number;
  values?: (j: number, c: number) => number;
  carried?: (gamma: number, c: number) => number;
  reads?: (before: tf.Tensor2D, after: tf.Tensor2D) => tf.Tensor2D;
  D?: (T: number, gamma: number) => tf.Tensor2D;
  last?: (c: number, chunk: number) => boolean;
}): InChunks {
  return (q, k, v, gamma, chunk) => {
    const [[T, width], E] = [q.shape, v.shape[1]];
    let state = tf.zeros([width, E]) as tf.Tensor2D;
    const outputs: tf.Tensor2D[] = [];
    for (let start = 0; start < T; start += chunk) {
      const c = Math.min(chunk, T - start);
      if (!last(c, chunk)) {
        outputs.push(tf.zeros([c, E]));
        continue;
      }
      const cut = (x: tf.Tensor2D) => tf.slice(x, [start, 0], [c, x.shape[1]]);
      const powers = (exponent: (j: number, c: number) => number) =>
        tf.tensor2d(
          Array.from({ length: c }, (_, j) => [gamma ** exponent(j, c)]),
          [c, 1],
        );
      const [Q, K, V] = [tf.div(cut(q), Math.sqrt(width)) as tf.Tensor2D, cut(k), cut(v)];
      const scores = tf.mul(tf.matMul(Q, K, false, true), D(c, gamma)) as tf.Tensor2D;
      const added = tf.matMul(K, tf.mul(V, powers(values)) as tf.Tensor2D, true, false);
      const after = tf.add(tf.mul(state, carried(gamma, c)), added) as tf.Tensor2D;
      const earlier = tf.mul(tf.matMul(Q, reads(state, after)), powers(queries));
      outputs.push(tf.add(tf.matMul(scores, V), earlier) as tf.Tensor2D);
      state = after;
    }
    return tf.concat(outputs, 0);
  };
}

/** Pairs of rows turned by angles of one's own. */
function turnRows(x: tf.Tensor2D, angles: number[]): tf.Tensor2D {
  const rows = x.arraySync();
  return tf.tensor2d(
    rows.map((row, d) => {
      const [cos, sin] = [Math.cos(angles[Math.floor(d / 2)]!), Math.sin(angles[Math.floor(d / 2)]!)];
      const other = rows[d % 2 === 0 ? d + 1 : d - 1]!;
      return row.map((entry, e) => entry * cos + (d % 2 === 0 ? -1 : 1) * other[e]! * sin);
    }),
    x.shape,
  );
}

/** The turning state with one choice made differently. */
function turning({
  old = (state: tf.Tensor2D, angles: number[]) =>
    turnRows(
      state,
      angles.map((x) => -x),
    ),
  fade = (old: tf.Tensor2D, added: tf.Tensor2D, gamma: number): tf.Tensor =>
    tf.add(tf.mul(old, gamma), added),
  key = (k: tf.Tensor2D, _angles: number[]) => k,
}: {
  old?: (state: tf.Tensor2D, angles: number[]) => tf.Tensor2D;
  fade?: (old: tf.Tensor2D, added: tf.Tensor2D, gamma: number) => tf.Tensor;
  key?: (k: tf.Tensor2D, angles: number[]) => tf.Tensor2D;
}): Turning {
  return (state, k, v, gamma, angles) =>
    fade(old(state, angles), tf.matMul(key(k, angles), v, true, false), gamma) as tf.Tensor2D;
}

export default mutants<typeof Answers>({
  cheapestChunk: [
    { name: "the square of the right one", loses: [dearer, balance], answer: (D, E) => (D * E) / (D + E) },
    {
      name: "the geometric mean of the widths",
      loses: [dearer, balance],
      answer: (D, E) => Math.sqrt(D * E),
    },
    {
      name: "sets the derivative of the rising term alone",
      loses: [dearer, balance],
      answer: (D, E) => D + E,
    },
    {
      name: "counts the state's 4DE as if it were carried",
      loses: [dearer, balance],
      answer: (D, E) => Math.sqrt((2 * D * E) / (D + E)),
    },
  ],
  retain: [
    { name: "forgets to divide by √D", loses: [definition], answer: retaining({ scale: () => 1 }) },
    { name: "divides by D", loses: [definition], answer: retaining({ scale: (D) => 1 / D }) },
    {
      name: "sees the future as far as the past",
      loses: [definition, causality],
      answer: retaining({ D: (T, gamma) => table(T, (n, m) => gamma ** Math.abs(n - m)) }),
    },
    {
      name: "fades the present too",
      loses: [definition],
      answer: retaining({ D: (T, gamma) => table(T, (n, m) => (m <= n ? gamma ** (n - m + 1) : 0)) }),
    },
    {
      name: "does not decay",
      loses: [definition, fades],
      answer: retaining({ D: (T) => table(T, (n, m) => (m <= n ? 1 : 0)) }),
    },
    {
      name: "counts positions from the front instead of the distance",
      loses: [definition, fades],
      answer: retaining({ D: (T, gamma) => table(T, (n, m) => (m <= n ? gamma ** m : 0)) }),
    },
    {
      name: "makes every row's weights sum to one in size, as softmax does",
      loses: [definition, fades, linear],
      answer: retaining({ weights: (x) => tf.div(x, tf.sum(tf.abs(x), 1, true)) }),
    },
  ],
  retainInChunks: [
    {
      name: "all T × T weights, whatever the chunk",
      loses: [flops, bytes],
      answer: (q, k, v, gamma) => retaining({})(q, k, v, gamma),
    },
    {
      name: "reads the state one decay too early",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ queries: (j) => j }),
    },
    {
      name: "adds a chunk's keys without their decay",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ values: () => 0 }),
    },
    {
      name: "fades the state by γ once for a whole chunk",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ carried: (gamma) => gamma }),
    },
    {
      name: "reads the state after adding its own chunk",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ reads: (_before, after) => after }),
    },
    {
      name: "forgets the mask inside a chunk",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ D: (T, gamma) => table(T, (n, m) => gamma ** Math.abs(n - m)) }),
    },
    {
      name: "drops a last chunk that is shorter",
      loses: [remainder],
      answer: inChunks({ last: (c, chunk) => c === chunk }),
    },
  ],
  decayTable: [
    {
      name: "the product of powers, cut off where it overflows",
      loses: [finite],
      answer: (T, gamma) =>
        table(T, (n, m) => (m <= n ? Math.fround(gamma ** n) * Math.min(gamma ** -m, 3e38) : 0)),
    },
    {
      name: "a distance both ways",
      loses: [entries, finite],
      answer: (T, gamma) => table(T, (n, m) => gamma ** Math.abs(n - m)),
    },
    {
      name: "transposed",
      loses: [entries, finite],
      answer: (T, gamma) => table(T, (n, m) => (m >= n ? gamma ** (m - n) : 0)),
    },
    {
      name: "normalised rows",
      loses: [entries, finite],
      answer: (T, gamma) => {
        const D = decays(T, gamma);
        return tf.div(D, tf.sqrt(tf.sum(D, 1, true)));
      },
    },
    {
      name: "zero on the diagonal",
      loses: [entries, finite],
      answer: (T, gamma) => table(T, (n, m) => (m < n ? gamma ** (n - m) : 0)),
    },
  ],
  turningState: [
    { name: "does not turn", loses: [reads], answer: turning({ old: (state) => state }) },
    { name: "turns forwards", loses: [reads], answer: turning({ old: turnRows }) },
    {
      name: "turns the new key too",
      loses: [reads, newest],
      answer: turning({ key: (k, angles) => tf.transpose(turnRows(tf.transpose(k), angles)) }),
    },
    {
      name: "fades the new token as well",
      loses: [reads, newest],
      answer: turning({ fade: (old, added, gamma) => tf.mul(tf.add(old, added), gamma) }),
    },
    {
      name: "forgets to fade",
      loses: [reads, keeps],
      answer: turning({ fade: (old, added) => tf.add(old, added) }),
    },
  ],
  memoryOfSlowestHead: [
    { name: "counts heads from 1", loses: ["the sum of the weights"], answer: 8192 },
    { name: "the fastest head", loses: ["the sum of the weights"], answer: 32 },
    { name: "the half-life", loses: ["the sum of the weights"], answer: 2839 },
  ],
  tenfoldKeys: [
    {
      name: "forgets the norm",
      loses: ["what the layer returns"],
      answer: "that head counts ten times",
    },
    { name: "thinks of softmax", loses: ["what the layer returns"], answer: "its weights become sharper" },
  ],
  tokensUntilEven: [
    { name: "forgets that the values are wider", loses: ["where both keep as much"], answer: 128 },
    { name: "counts keys alone", loses: ["where both keep as much"], answer: 512 },
  ],
  nearerWeighsMore: [
    { name: "sees the decay alone", loses: ["distance against content"], answer: "always" },
    { name: "the other extreme", loses: ["distance against content"], answer: "never" },
  ],
});
