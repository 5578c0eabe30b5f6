import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/linear-transformer.js";

type Attend = typeof Answers.causalLinear;
type Chunkwise = typeof Answers.chunkwise;

const meet = "at the length you return, cache and state hold equally many numbers";
const library = "with F = D it is where the library's own state and cache meet";
const above = "above zero it is x + 1, finite up to a million";
const below = "below zero it is exp(x), right to four digits down to −60";
const definition = "row t is the average of values 0 … t weighted by φ(q_t) · φ(k_s)";
const causality = "row t does not change when later keys and values change";
const constant = "when all values are equal, every row is that value";
const order = "the last row does not depend on the order of keys and values";
const cancels = "lowering every entry of negative queries by one changes nothing";
const dividing = "chunks of any length that divides T give the definition";
const remainder = "a last chunk that is shorter, and a chunk longer than T, give the definition too";
const flops = "operations grow like T";
const bytes = "memory grows like T";
const unnoticed = "no query notices: the outputs after the last token stay the same";
const length = "the change has length 1";

const phi = (x: tf.Tensor2D): tf.Tensor2D => tf.add(tf.relu(x), tf.exp(tf.minimum(x, 0)));

/** True at (t, s) where s ≤ t. */
function lower(T: number): tf.Tensor2D {
  const positions = tf.range(0, T);
  return tf.cast(tf.lessEqual(positions, tf.reshape(positions, [T, 1])), "float32");
}

/** Causal linear attention with one choice made differently. */
function attend({
  query = phi,
  key = phi,
  visible = lower,
  denominator = (weights: tf.Tensor2D, _all: tf.Tensor2D): tf.Tensor => tf.sum(weights, 1, true),
}: {
  query?: (x: tf.Tensor2D) => tf.Tensor2D;
  key?: (x: tf.Tensor2D) => tf.Tensor2D;
  visible?: (T: number) => tf.Tensor2D;
  denominator?: (weights: tf.Tensor2D, all: tf.Tensor2D) => tf.Tensor;
}): Attend {
  return (q, k, v) => {
    const all = tf.matMul(query(q), key(k), false, true) as tf.Tensor2D;
    const weights = tf.mul(all, visible(q.shape[0])) as tf.Tensor2D;
    return tf.div(tf.matMul(weights, v), tf.maximum(denominator(weights, all), 1e-6));
  };
}

/** The chunkwise form with one choice made differently. */
function inChunks({
  visible = lower,
  own = (sums: tf.Tensor) => sums,
  reads = (before: tf.Tensor2D, _after: tf.Tensor2D) => before,
  keeps = (_before: tf.Tensor2D, after: tf.Tensor2D) => after,
  denominators = (sums: tf.Tensor2D, _own: tf.Tensor2D) => sums,
  last = (_size: number, _chunk: number) => true,
}: {
  visible?: (size: number) => tf.Tensor2D;
  own?: (sums: tf.Tensor) => tf.Tensor;
  reads?: (before: tf.Tensor2D, after: tf.Tensor2D) => tf.Tensor2D;
  keeps?: (before: tf.Tensor2D, after: tf.Tensor2D) => tf.Tensor2D;
  denominators?: (sums: tf.Tensor2D, own: tf.Tensor2D) => tf.Tensor2D;
  last?: (size: number, chunk: number) => boolean;
}): Chunkwise {
  return (q, k, v, chunk) => {
    const [T, D] = q.shape;
    const E = v.shape[1];
    const [Q, K, V] = [phi(q), phi(k), tf.concat([v, tf.ones<tf.Rank.R2>([T, 1])], 1)];
    let state = tf.zeros([D, E + 1]) as tf.Tensor2D;
    const outputs: tf.Tensor2D[] = [];
    for (let start = 0; start < T; start += chunk) {
      const size = Math.min(chunk, T - start);
      if (!last(size, chunk)) {
        outputs.push(tf.zeros([size, E]));
        continue;
      }
      const cut = (x: tf.Tensor2D) => tf.slice(x, [start, 0], [size, x.shape[1]]);
      const weights = tf.mul(tf.matMul(cut(Q), cut(K), false, true), visible(size)) as tf.Tensor2D;
      const inside = own(tf.matMul(weights, cut(V))) as tf.Tensor2D;
      const after = tf.add(state, tf.matMul(cut(K), cut(V), true, false)) as tf.Tensor2D;
      const sums = tf.add(inside, tf.matMul(cut(Q), reads(state, after))) as tf.Tensor2D;
      const under = tf.slice(denominators(sums, inside), [0, E], [size, 1]);
      outputs.push(tf.div(tf.slice(sums, [0, 0], [size, E]), tf.maximum(under, 1e-6)));
      state = keeps(state, after);
    }
    return tf.concat(outputs, 0);
  };
}

/** What is left of alternating numbers once their parts along the columns are gone, as a vector of length 1. */
function orthogonalTo(columns: number[][], T: number): tf.Tensor1D {
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const basis: number[][] = [];
  for (const vector of [...columns, Array.from({ length: T }, (_, s) => (-1) ** s * (s + 1))]) {
    let rest = vector;
    for (const direction of basis) {
      const along = dot(rest, direction);
      rest = rest.map((x, i) => x - along * direction[i]!);
    }
    const size = Math.sqrt(dot(rest, rest));
    basis.push(rest.map((x) => x / size));
  }
  return tf.tensor1d(basis.at(-1)!);
}

const columnsOf = (x: tf.Tensor2D) => tf.transpose(x).arraySync() as number[][];

export default mutants<typeof Answers>({
  breakEvenTokens: [
    { name: "forgets z", loses: [meet, library], answer: (D, E, F) => (F * E) / (D + E) },
    {
      name: "forgets the values in the cache",
      loses: [meet, library],
      answer: (D, E, F) => (F * (E + 1)) / D,
    },
    { name: "takes F = D for granted", loses: [meet], answer: (D, E) => (D * (E + 1)) / (D + E) },
    { name: "upside down", loses: [meet, library], answer: (D, E, F) => (D + E) / (F * (E + 1)) },
  ],
  features: [
    { name: "elu first, then plus one", loses: [below], answer: (x) => tf.add(tf.elu(x), 1) },
    { name: "exp everywhere", loses: [above], answer: (x) => tf.exp(tf.minimum(x, 80)) },
    { name: "relu plus one", loses: [below], answer: (x) => tf.add(tf.relu(x), 1) },
    { name: "softplus", loses: [above, below], answer: (x) => tf.softplus(x) },
    {
      name: "elu plus one with a floor of 10⁻⁶",
      loses: [below],
      answer: (x) => tf.maximum(tf.add(tf.elu(x), 1), 1e-6),
    },
  ],
  causalLinear: [
    { name: "features of queries alone", loses: [definition], answer: attend({ key: (x) => tf.abs(x) }) },
    {
      name: "divides queries and keys by √D first, as softmax attention does",
      loses: [definition],
      answer: attend({
        query: (x) => phi(tf.div(x, x.shape[1] ** 0.25)),
        key: (x) => phi(tf.div(x, x.shape[1] ** 0.25)),
      }),
    },
    {
      name: "sees the future",
      loses: [definition, causality],
      answer: attend({ visible: (T) => tf.ones([T, T]) }),
    },
    {
      name: "leaves the present out",
      loses: [definition, constant, order],
      answer: attend({ visible: (T) => tf.sub(lower(T), tf.eye(T)) }),
    },
    {
      name: "no normaliser",
      loses: [definition, constant, cancels],
      answer: attend({ denominator: () => tf.scalar(1) }),
    },
    {
      name: "divides by the number of visible positions",
      loses: [definition, constant, cancels],
      answer: attend({
        denominator: (weights) => tf.reshape(tf.range(1, weights.shape[0] + 1), [-1, 1]),
      }),
    },
    {
      name: "normalises by all keys, the future ones too",
      loses: [definition, causality, constant],
      answer: attend({ denominator: (_weights, all) => tf.sum(all, 1, true) }),
    },
    {
      name: "softmax attention",
      loses: [definition, cancels],
      answer: (q, k, v) => {
        const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(q.shape[1]));
        return tf.matMul(
          tf.softmax(tf.where(tf.cast(lower(q.shape[0]), "bool"), scores, -1e9)),
          v,
        ) as tf.Tensor2D;
      },
    },
  ],
  chunkwise: [
    {
      name: "all T × T weights, whatever the chunk",
      loses: [flops, bytes],
      answer: (q, k, v) => attend({})(q, k, v),
    },
    {
      name: "reads the state after adding its own chunk",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ reads: (_before, after) => after }),
    },
    {
      name: "forgets the mask inside a chunk",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ visible: (size) => tf.ones([size, size]) }),
    },
    {
      name: "forgets the earlier chunks",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ keeps: (before) => before }),
    },
    {
      name: "normalises by the own chunk alone",
      loses: [dividing, remainder, flops, bytes],
      answer: inChunks({ denominators: (_sums, own) => own }),
    },
    {
      name: "drops a last chunk that is shorter",
      loses: [remainder],
      answer: inChunks({ last: (size, chunk) => size === chunk }),
    },
  ],
  invisibleChange: [
    {
      name: "changes nothing at all",
      loses: [length],
      answer: (k) => tf.zeros([k.shape[0]]),
    },
    {
      name: "any vector of length 1",
      loses: [unnoticed],
      answer: (k) => tf.fill([k.shape[0]], k.shape[0] ** -0.5),
    },
    {
      name: "a change whose entries sum to zero",
      loses: [unnoticed],
      answer: (k) => tf.concat1d([tf.tensor1d([Math.SQRT1_2, -Math.SQRT1_2]), tf.zeros([k.shape[0] - 2])]),
    },
    {
      name: "orthogonal to the keys instead of their features",
      loses: [unnoticed],
      answer: (k) => orthogonalTo(columnsOf(k), k.shape[0]),
    },
    {
      name: "right, but of any length",
      loses: [length],
      answer: (k) => tf.mul(orthogonalTo(columnsOf(phi(k)), k.shape[0]), 0.01),
    },
  ],
  chunksOfOne: [
    { name: "mixes up the ends", loses: ["the chunk of length 1"], answer: "parallel" },
    { name: "not causal", loses: ["the chunk of length 1"], answer: "bidirectional" },
  ],
  oneMoreToken: [
    {
      name: "thinks a cache makes softmax constant",
      loses: ["operations for one more token"],
      answer: "both stay",
    },
    { name: "thinks a state must grow", loses: ["operations for one more token"], answer: "both grow" },
  ],
  stateGrowth: [
    { name: "linear", loses: ["F · E numbers, before and after"], answer: 2 },
    { name: "cubic", loses: ["F · E numbers, before and after"], answer: 8 },
  ],
  pairsReadExactly: [
    { name: "the width of keys", loses: ["independent features"], answer: 32 },
    { name: "the size of the state", loses: ["independent features"], answer: 64 * 64 },
  ],
});
