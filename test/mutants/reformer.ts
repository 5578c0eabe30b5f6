import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/reformer.js";

type Round = typeof Answers.lshRound;
type Rebuild = typeof Answers.rebuildInputs;

const oneBit = "one bit, one round: the share of hyperplanes that do not pass between the two vectors";
const allBits = "several bits: all of them must agree";
const anyRound = "several rounds: one success is enough";

const farthest = "the bucket is the direction, or opposite direction, in which a vector points farthest";
const opposite = "a vector and its opposite land half of the buckets apart";

const averages = "row i averages the earlier values of its bucket that stand in its chunk or the one before";
const alone = "a position that meets only itself keeps its own value";
const alike = "when all queries are alike, row i is the plain mean of the values before it";
const longer = "making a vector longer changes no other row";
const later = "row i does not change when later vectors change and keep their buckets";

const equal = "it equals the definition, whatever T and the chunk";
const flops = "operations grow like T";
const bytes = "memory grows like T";

const oneLayer = "one layer: the inputs come back from the outputs";
const layers = "several layers: the inputs of the first come back from the outputs of the last";

const different = "no two vectors are alike, and lengths stay between 0.01 and 1,000";
const shared = "all share one bucket under every one of 200 random rotations";

/** A round by its definition, with one choice made differently. */
function round({
  unit = true,
  scale = 1,
  self = -1e5,
  byBucket = true,
  byTime = 1,
  causal = true,
  back = 1,
  sameBucket = true,
}: {
  unit?: boolean;
  scale?: number;
  self?: number;
  /** Whether positions are sorted by bucket. */
  byBucket?: boolean;
  /** −1 sorts a bucket's positions against time. */
  byTime?: number;
  causal?: boolean;
  /** Chunks that are looked back. */
  back?: number;
  sameBucket?: boolean;
}): Round {
  return (qk, v, buckets, chunk) => {
    const kinds = Array.from(buckets.dataSync());
    const positions = kinds.map((_, t) => t);
    const order = (a: number, b: number) => (byBucket ? kinds[a]! - kinds[b]! : 0) || byTime * (a - b);
    const sorted = [...positions].sort(order);
    const chunkOf = positions.map((t) => Math.floor(sorted.indexOf(t) / chunk));
    const sees = (i: number, j: number) => {
      const apart = chunkOf[i]! - chunkOf[j]!;
      const near = apart >= 0 && apart <= back;
      return (!sameBucket || kinds[i] === kinds[j]) && (!causal || j < i) && near;
    };
    const bias = positions.map((i) => positions.map((j) => (i === j ? self : sees(i, j) ? 0 : -1e9)));
    const keys = unit ? tf.div(qk, tf.norm(qk, 2, 1, true)) : qk;
    const scores = tf.add(tf.mul(tf.matMul(qk, keys as tf.Tensor2D, false, true), scale), tf.tensor2d(bias));
    return tf.matMul(tf.softmax(scores) as tf.Tensor2D, v);
  };
}

/** A round by chunks, with one choice made differently. */
function chunks({
  looksBack = true,
  sameBucket = true,
  firstFill = -1,
  putsBack = true,
}: {
  looksBack?: boolean;
  sameBucket?: boolean;
  /** The bucket of what stands before the first chunk. */
  firstFill?: number;
  putsBack?: boolean;
}): Round {
  return (qk, v, buckets, chunk) => {
    const [[T, D], E] = [qk.shape, v.shape[1]];
    const N = T / chunk;
    const kinds = Array.from(buckets.dataSync());
    const sorted = kinds.map((_, t) => t).sort((a, b) => kinds[a]! - kinds[b]! || a - b);
    const place = new Array<number>(T);
    for (const [n, t] of sorted.entries()) place[t] = n;
    const order = tf.tensor1d(sorted, "int32");
    const rows = (x: tf.Tensor2D, F: number): tf.Tensor3D => tf.reshape(tf.gather(x, order), [N, chunk, F]);
    const withBefore = (x: tf.Tensor3D, fill: number): tf.Tensor3D => {
      if (!looksBack) return x;
      const first: tf.Tensor3D = tf.fill([1, chunk, x.shape[2]], fill);
      return tf.concat([tf.concat([first, tf.slice(x, 0, N - 1)], 0), x], 1);
    };
    const column = (numbers: number[]): tf.Tensor3D =>
      tf.tensor3d(
        sorted.map((t) => numbers[t]!),
        [N, chunk, 1],
      );
    const across = (x: tf.Tensor3D) => tf.transpose(x, [0, 2, 1]);
    const [time, kind] = [column(kinds.map((_, t) => t)), column(kinds)];
    const keyTime = across(withBefore(time, -1));
    const same = tf.equal(kind, across(withBefore(kind, firstFill)));
    const earlier = tf.less(keyTime, time);
    const sees = sameBucket ? tf.logicalAnd(same, earlier) : earlier;
    const keys = withBefore(rows(tf.div(qk, tf.norm(qk, 2, 1, true)), D), 0);
    const scores = tf.where(sees, tf.matMul(rows(qk, D), keys, false, true), -1e9);
    const weights = tf.softmax(tf.where(tf.equal(keyTime, time), -1e5, scores)) as tf.Tensor3D;
    const mixed: tf.Tensor2D = tf.reshape(tf.matMul(weights, withBefore(rows(v, E), 0)), [T, E]);
    return putsBack ? tf.gather(mixed, tf.tensor1d(place, "int32")) : mixed;
  };
}

const branch = (x: tf.Tensor2D, w: tf.Tensor2D) => tf.tanh(tf.matMul(x, w));

/** Layer by layer, last first unless told otherwise. */
function undo(
  step: (y1: tf.Tensor2D, y2: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D) => [tf.Tensor2D, tf.Tensor2D],
  { lastFirst = true, swap = false } = {},
): Rebuild {
  return (y1, y2, a, b) => {
    let [x1, x2] = [y1, y2];
    const order = a.map((_, n) => (lastFirst ? a.length - 1 - n : n));
    for (const n of order) [x1, x2] = step(x1, x2, a[n]!, b[n]!);
    return tf.concat(swap ? [x2, x1] : [x1, x2], 1);
  };
}

const rightStep: Parameters<typeof undo>[0] = (y1, y2, a, b) => {
  const x2: tf.Tensor2D = tf.sub(y2, branch(y1, b));
  return [tf.sub(y1, branch(x2, a)), x2];
};

export default mutants<typeof Answers>({
  sharingProbability: [
    {
      name: "takes the whole circle for the half",
      loses: [oneBit, allBits, anyRound],
      answer: (angle, bits, rounds) => 1 - (1 - (1 - angle / (2 * Math.PI)) ** bits) ** rounds,
    },
    {
      name: "takes the cosine for the probability",
      loses: [oneBit, allBits, anyRound],
      answer: (angle, bits, rounds) => 1 - (1 - ((1 + Math.cos(angle)) / 2) ** bits) ** rounds,
    },
    {
      name: "one bit is enough",
      loses: [allBits, anyRound],
      answer: (angle, bits, rounds) => 1 - (angle / Math.PI) ** (bits * rounds),
    },
    {
      name: "adds the rounds' probabilities",
      loses: [anyRound],
      answer: (angle, bits, rounds) => rounds * (1 - angle / Math.PI) ** bits,
    },
    {
      name: "asks for all rounds",
      loses: [anyRound],
      answer: (angle, bits, rounds) => (1 - angle / Math.PI) ** (bits * rounds),
    },
  ],
  hashVectors: [
    {
      name: "forgets the opposite directions: argmax(x R)",
      loses: [farthest, opposite],
      answer: (x, rotation) => tf.argMax(tf.matMul(x, rotation), 1),
    },
    {
      name: "throws opposite directions together: argmax |x R|",
      loses: [farthest, opposite],
      answer: (x, rotation) => tf.argMax(tf.abs(tf.matMul(x, rotation)), 1),
    },
    {
      name: "opposite directions first: argmax([−x R ; x R])",
      loses: [farthest],
      answer: (x, rotation) => {
        const turned = tf.matMul(x, rotation);
        return tf.argMax(tf.concat([tf.neg(turned), turned], 1), 1);
      },
    },
    {
      name: "stacks along the vectors instead of the directions",
      loses: [farthest, opposite],
      answer: (x, rotation) => {
        const turned = tf.matMul(x, rotation);
        return tf.slice(tf.argMax(tf.concat([turned, tf.neg(turned)], 0), 1), 0, x.shape[0]) as tf.Tensor1D;
      },
    },
  ],
  lshRound: [
    { name: "keys keep their length", loses: [averages, longer], answer: round({ unit: false }) },
    { name: "divides by √D as well", loses: [averages], answer: round({ scale: 6 ** -0.5 }) },
    { name: "attends to itself as to others", loses: [averages, alike], answer: round({ self: 0 }) },
    {
      name: "hides itself like everybody else, by −10⁹",
      loses: [averages, alone, alike, later],
      answer: round({ self: -1e9 }),
    },
    { name: "does not look back", loses: [averages], answer: round({ back: 0 }) },
    { name: "looks at the whole bucket", loses: [averages], answer: round({ back: 1000 }) },
    {
      name: "sees all buckets of its chunks",
      loses: [averages, alone],
      answer: round({ sameBucket: false }),
    },
    { name: "sees later positions", loses: [averages, alike, later], answer: round({ causal: false }) },
    { name: "does not sort", loses: [averages], answer: round({ byBucket: false }) },
    { name: "sorts a bucket against time", loses: [averages], answer: round({ byTime: -1 }) },
  ],
  lshRoundInChunks: [
    { name: "masks a T × T table", loses: [flops, bytes], answer: round({}) },
    { name: "does not look back", loses: [equal, flops, bytes], answer: chunks({ looksBack: false }) },
    {
      name: "sees all buckets of its chunks",
      loses: [equal, flops, bytes],
      answer: chunks({ sameBucket: false }),
    },
    {
      name: "sees what fills the place before the first chunk",
      loses: [equal, flops, bytes],
      answer: chunks({ firstFill: 0 }),
    },
    {
      name: "leaves the rows in the order of the buckets",
      loses: [equal, flops, bytes],
      answer: chunks({ putsBack: false }),
    },
  ],
  rebuildInputs: [
    {
      name: "undoes F before G",
      loses: [oneLayer, layers],
      answer: undo((y1, y2, a, b) => {
        const x1: tf.Tensor2D = tf.sub(y1, branch(y2, a));
        return [x1, tf.sub(y2, branch(x1, b))];
      }),
    },
    {
      name: "undoes both from the outputs",
      loses: [oneLayer, layers],
      answer: undo((y1, y2, a, b) => [tf.sub(y1, branch(y2, a)), tf.sub(y2, branch(y1, b))]),
    },
    {
      name: "undoes the first layer first",
      loses: [layers],
      answer: undo(rightStep, { lastFirst: false }),
    },
    {
      name: "runs forwards once more",
      loses: [oneLayer, layers],
      answer: undo((y1, y2, a, b) => {
        const z1: tf.Tensor2D = tf.add(y1, branch(y2, a));
        return [z1, tf.add(y2, branch(z1, b))];
      }),
    },
    { name: "swaps the halves", loses: [oneLayer, layers], answer: undo(rightStep, { swap: true }) },
  ],
  oneBucket: [
    { name: "the same vector T times", loses: [different], answer: (T, D) => tf.ones([T, D]) },
    {
      name: "vectors that lie close together",
      loses: [shared],
      answer: (T, D) => {
        const along = tf.oneHot(tf.zeros([T], "int32"), D);
        return tf.add(tf.ones([T, D]), tf.mul(along, tf.reshape(tf.mul(tf.range(0, T), 0.05), [T, 1])));
      },
    },
    {
      name: "multiples of one vector, of either sign",
      loses: [shared],
      answer: (T, D) => tf.mul(tf.reshape(tf.sub(tf.range(0, T), T / 2 - 0.5), [T, 1]), tf.ones([1, D])),
    },
    {
      name: "multiples beyond the lengths that are allowed",
      loses: [different],
      answer: (T, D) => tf.mul(tf.reshape(tf.range(1, T + 1), [T, 1]), tf.fill([1, D], 1000)),
    },
  ],
  roundsForNineTenths: [
    { name: "one too few", loses: ["the smallest n with 0.75ⁿ at most 0.1"], answer: 8 },
    { name: "adds the probabilities", loses: ["the smallest n with 0.75ⁿ at most 0.1"], answer: 4 },
    { name: "forgets the second bit", loses: ["the smallest n with 0.75ⁿ at most 0.1"], answer: 5 },
  ],
  foundTwice: [
    {
      name: "thinks that merging averages",
      loses: ["e^s stands in the sums of both rounds"],
      answer: "is right",
    },
    {
      name: "thinks that it is shared out",
      loses: ["e^s stands in the sums of both rounds"],
      answer: "is too small",
    },
  ],
  oneRotationFor: [
    {
      name: "thinks of the products of attention",
      loses: ["T D b/2 products with b in proportion to T"],
      answer: "T",
    },
    { name: "thinks of sorting", loses: ["T D b/2 products with b in proportion to T"], answer: "T log T" },
  ],
  twiceTheLayers: [
    {
      name: "thinks of stored activations",
      loses: ["the outputs of the last layer are enough, whatever the depth"],
      answer: "double",
    },
    {
      name: "halves what doubles",
      loses: ["the outputs of the last layer are enough, whatever the depth"],
      answer: "grow by half",
    },
  ],
});
