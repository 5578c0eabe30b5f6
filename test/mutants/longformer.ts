import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/longformer.js";

type Head = typeof Answers.longformerHead;
type Window = typeof Answers.slidingWindow;
type Projections = Answers.Projections;

const plainPairs = "without dilation it agrees with counting pair by pair";
const dilatedPairs = "with dilation it agrees with counting pair by pair";

const inWindow = "without global tokens, row i averages the values of i − w/2 … i + w/2, both ends included";
const seesGlobals = "every token also sees every global token, in the same softmax as its window";
const globalSees = "a global token sees every token, through the global projections alone";
const otherRows = "the global projections change no other row than the global tokens'";
const once = "when all tokens are alike but for their values, a global token inside the window counts once";
const whole = "a window over everything is softmax attention";
const allGlobal = "with every token global it is softmax attention through the global projections";

const equal = "row i averages the values of i − w/2 … i + w/2, whatever T and w";
const flops = "operations grow like T";
const bytes = "memory grows like T";

const both = "the result equals one softmax over both sets of keys";
const alone = "a part whose scores are larger by 1,000 decides alone, in either order";

const usable = "one whole dilation of at least 1 for each layer";
const noHoles = "the view has no holes";
const farthest = "no other choice sees farther without a hole";

/** Scores of one set of projections, `[T, T]`, and its values. */
function scored(x: tf.Tensor2D, { wq, wk, wv }: Projections, scale = Math.sqrt(wq.shape[1])) {
  const scores = tf.div(tf.matMul(tf.matMul(x, wq), tf.matMul(x, wk), false, true), scale);
  return { scores, values: tf.matMul(x, wv) as tf.Tensor2D };
}

const hide = (scores: tf.Tensor, visible: tf.Tensor) => tf.where(visible, scores, -1e9);

/** What the rows of tokens that are not global become, from the two masks `[T, T]`. */
type LocalRows = (options: {
  x: tf.Tensor2D;
  local: Projections;
  global: Projections;
  near: tf.Tensor;
  toGlobal: tf.Tensor;
}) => tf.Tensor;

const rightRows: LocalRows = ({ x, local, near, toGlobal }) => {
  const { scores, values } = scored(x, local);
  return tf.matMul(tf.softmax(hide(scores, tf.logicalOr(near, toGlobal)) as tf.Tensor2D), values);
};

/** A head with one choice made differently. */
function head({
  inside = (distance: tf.Tensor, radius: number) => tf.lessEqual(distance, radius),
  localRows = rightRows,
  globalRows = (_local: Projections, global: Projections) => global,
  globalSight = (near: tf.Tensor) => tf.onesLike(near),
  scale,
}: {
  inside?: (distance: tf.Tensor, radius: number) => tf.Tensor;
  localRows?: LocalRows;
  globalRows?: (local: Projections, global: Projections) => Projections;
  globalSight?: (near: tf.Tensor) => tf.Tensor;
  scale?: number;
}): Head {
  return (x, local, global, window, globals) => {
    const T = x.shape[0];
    const i = tf.reshape(tf.range(0, T), [T, 1]);
    const near = inside(tf.abs(tf.sub(i, tf.range(0, T))), window / 2);
    const isGlobal = tf.tensor1d(
      Array.from({ length: T }, (_, t) => globals.includes(t)),
      "bool",
    );
    const toGlobal = tf.logicalAnd(tf.onesLike(near), isGlobal);
    const wide = scored(x, globalRows(local, global), scale);
    const full = tf.matMul(tf.softmax(hide(wide.scores, globalSight(near)) as tf.Tensor2D), wide.values);
    const own = localRows({ x, local, global, near, toGlobal });
    return tf.where(tf.reshape(isGlobal, [T, 1]), full, own) as tf.Tensor2D;
  };
}

/** Blocks of w/2 queries with one choice made differently. */
function blocks({
  neighbours = [0, 1, 2],
  hidesPadding = true,
  within = (distance: tf.Tensor, radius: number) => tf.lessEqual(distance, radius),
}: {
  neighbours?: number[];
  hidesPadding?: boolean;
  within?: (distance: tf.Tensor, radius: number) => tf.Tensor;
}): Window {
  return (q, k, v, window) => {
    const [T, D] = q.shape;
    const r = window / 2;
    const N = Math.ceil(T / r);
    const pad = (x: tf.Tensor2D, ahead: number) =>
      tf.pad(x, [
        [ahead * r, (N + ahead) * r - T],
        [0, 0],
      ]);
    const around = (x: tf.Tensor2D) => {
      const chunks = tf.reshape(pad(x, 1), [N + 2, r, D]);
      return tf.concat(
        neighbours.map((n) => tf.slice(chunks, [n, 0, 0], [N, r, D])),
        1,
      );
    };
    const scores = tf.div(tf.matMul(tf.reshape(pad(q, 0), [N, r, D]), around(k), false, true), Math.sqrt(D));
    const i = tf.reshape(tf.range(0, N * r), [N, r, 1]);
    const offsets = neighbours.flatMap((n) => Array.from({ length: r }, (_, a) => (n - 1) * r + a));
    const j = tf.add(tf.reshape(tf.mul(tf.range(0, N), r), [N, 1, 1]), tf.tensor1d(offsets));
    const near = within(tf.abs(tf.sub(i, j)), r);
    const inside = tf.logicalAnd(tf.greaterEqual(j, 0), tf.less(j, T));
    const visible = hidesPadding ? tf.logicalAnd(near, inside) : near;
    const mixed = tf.matMul(tf.softmax(hide(scores, visible)), around(v));
    return tf.slice(tf.reshape(mixed, [N * r, D]), [0, 0], [T, D]) as tf.Tensor2D;
  };
}

export default mutants<typeof Answers>({
  windowPairs: [
    {
      name: "leaves the ends of the window out: |i − j| < w/2",
      loses: [plainPairs, dilatedPairs],
      answer: (T, window, dilation) => T * (window - 1) - (dilation * (window / 2 - 1) * window) / 2,
    },
    {
      name: "forgets the ends of the sequence",
      loses: [plainPairs, dilatedPairs],
      answer: (T, window) => T * (window + 1),
    },
    {
      name: "forgets that a dilated window loses more at the ends",
      loses: [dilatedPairs],
      answer: (T, window) => T * (window + 1) - (window / 2) * (window / 2 + 1),
    },
    {
      name: "takes the window for w positions on each side",
      loses: [plainPairs, dilatedPairs],
      answer: (T, window, dilation) => T * (2 * window + 1) - dilation * window * (window + 1),
    },
  ],
  longformerHead: [
    {
      name: "leaves the ends of the window out: |i − j| < w/2",
      loses: [inWindow, seesGlobals, once],
      answer: head({ inside: (distance, radius) => tf.less(distance, radius) }),
    },
    {
      name: "global tokens have no projections of their own",
      loses: [globalSees, allGlobal],
      answer: head({ globalRows: (local) => local }),
    },
    {
      name: "not symmetric: nobody else sees the global tokens",
      loses: [seesGlobals],
      answer: head({
        localRows: (options) => rightRows({ ...options, toGlobal: tf.zerosLike(options.near) }),
      }),
    },
    {
      name: "not symmetric: a global token sees its window only",
      loses: [globalSees, allGlobal],
      answer: head({ globalSight: (near) => near }),
    },
    {
      name: "counts a global token inside the window twice",
      loses: [seesGlobals, once],
      answer: head({
        localRows: ({ x, local, near, toGlobal }) => {
          const { scores, values } = scored(x, local);
          const twice = tf.concat([hide(scores, near), hide(scores, toGlobal)], 1) as tf.Tensor2D;
          return tf.matMul(tf.softmax(twice), tf.concat([values, values], 0));
        },
      }),
    },
    {
      name: "two softmaxes, averaged",
      loses: [seesGlobals, once],
      answer: head({
        localRows: ({ x, local, near, toGlobal }) => {
          const { scores, values } = scored(x, local);
          const own = tf.matMul(tf.softmax(hide(scores, near) as tf.Tensor2D), values);
          if (!tf.any(toGlobal).dataSync()[0]) return own;
          const far = tf.matMul(tf.softmax(hide(scores, toGlobal) as tf.Tensor2D), values);
          return tf.div(tf.add(own, far), 2);
        },
      }),
    },
    {
      name: "looks at global tokens through the global projections",
      loses: [seesGlobals, otherRows, once],
      answer: head({
        localRows: ({ x, local, global, near, toGlobal }) => {
          const [own, wide] = [scored(x, local), scored(x, global)];
          const rest = tf.logicalAnd(near, tf.logicalNot(toGlobal));
          const weights = tf.softmax(tf.concat([hide(own.scores, rest), hide(wide.scores, toGlobal)], 1));
          return tf.matMul(weights as tf.Tensor2D, tf.concat([own.values, wide.values], 0));
        },
      }),
    },
    {
      name: "forgets 1/√D for the global tokens",
      loses: [globalSees, allGlobal],
      answer: head({ scale: 1 }),
    },
    {
      name: "takes the window for w positions on each side",
      loses: [inWindow, seesGlobals, once],
      answer: head({ inside: (distance, radius) => tf.lessEqual(distance, 2 * radius) }),
    },
    {
      name: "looks ahead only",
      loses: [inWindow, seesGlobals, once, whole],
      answer: head({
        localRows: (options) => {
          const T = options.x.shape[0];
          const ahead = tf.greaterEqual(tf.range(0, T), tf.reshape(tf.range(0, T), [T, 1]));
          return rightRows({ ...options, near: tf.logicalAnd(options.near, ahead) });
        },
      }),
    },
  ],
  slidingWindow: [
    {
      name: "masks a T × T table",
      loses: [flops, bytes],
      answer: (q, k, v, window) => {
        const [T, D] = q.shape;
        const distance = tf.abs(tf.sub(tf.reshape(tf.range(0, T), [T, 1]), tf.range(0, T)));
        const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(D));
        const weights = tf.softmax(hide(scores, tf.lessEqual(distance, window / 2)) as tf.Tensor2D);
        return tf.matMul(weights, v) as tf.Tensor2D;
      },
    },
    {
      name: "blocks that do not see their neighbours",
      loses: [equal, flops, bytes],
      answer: blocks({ neighbours: [1] }),
    },
    {
      name: "blocks that see the one before them only",
      loses: [equal, flops, bytes],
      answer: blocks({ neighbours: [0, 1] }),
    },
    {
      name: "sees the padding",
      loses: [equal, flops, bytes],
      answer: blocks({ hidesPadding: false }),
    },
    {
      name: "leaves the ends of the window out: |i − j| < w/2",
      loses: [equal, flops, bytes],
      answer: blocks({ within: (distance, radius) => tf.less(distance, radius) }),
    },
    {
      name: "takes the three blocks for the window",
      loses: [equal, flops, bytes],
      answer: blocks({ within: (distance) => tf.greaterEqual(distance, 0) }),
    },
  ],
  oneSoftmax: [
    {
      name: "averages the parts",
      loses: [both, alone],
      answer: (a, _lseA, b) => tf.div(tf.add(a, b), 2) as tf.Tensor2D,
    },
    {
      name: "exponentiates without subtracting",
      loses: [alone],
      answer: (a, lseA, b, lseB) => {
        const [wa, wb] = [tf.expandDims(tf.exp(lseA), 1), tf.expandDims(tf.exp(lseB), 1)];
        return tf.div(tf.add(tf.mul(wa, a), tf.mul(wb, b)), tf.add(wa, wb)) as tf.Tensor2D;
      },
    },
    {
      name: "weighs by the logarithms",
      loses: [both, alone],
      answer: (a, lseA, b, lseB) => {
        const share = tf.expandDims(tf.div(lseA, tf.add(lseA, lseB)), 1);
        return tf.add(tf.mul(share, a), tf.mul(tf.sub(1, share), b)) as tf.Tensor2D;
      },
    },
    {
      name: "gives each part the other's share",
      loses: [both, alone],
      answer: (a, lseA, b, lseB) => {
        const share = tf.expandDims(tf.sigmoid(tf.sub(lseB, lseA)), 1);
        return tf.add(tf.mul(share, a), tf.mul(tf.sub(1, share), b)) as tf.Tensor2D;
      },
    },
    {
      name: "adds the parts",
      loses: [both, alone],
      answer: (a, _lseA, b) => tf.add(a, b) as tf.Tensor2D,
    },
  ],
  dilations: [
    {
      name: "no dilation at all",
      loses: [farthest],
      answer: (_w, layers) => new Array<number>(layers).fill(1),
    },
    {
      name: "the same dilation everywhere",
      loses: [noHoles, farthest],
      answer: (window, layers) => new Array<number>(layers).fill(window + 1),
    },
    {
      name: "doubles from layer to layer, whatever the window",
      loses: [farthest],
      answer: (_w, layers) => Array.from({ length: layers }, (_, n) => 2 ** n),
    },
    {
      name: "powers of w: forgets the step of zero",
      loses: [farthest],
      answer: (window, layers) => Array.from({ length: layers }, (_, n) => window ** n),
    },
    {
      name: "powers of w + 2: too far apart",
      loses: [noHoles, farthest],
      answer: (window, layers) => Array.from({ length: layers }, (_, n) => (window + 2) ** n),
    },
    {
      name: "forgets the layer without dilation",
      loses: [noHoles, farthest],
      answer: (window, layers) => Array.from({ length: layers }, (_, n) => (window + 1) ** (n + 1)),
    },
    {
      name: "one layer too many",
      loses: [usable],
      answer: (window, layers) => Array.from({ length: layers + 1 }, (_, n) => (window + 1) ** n),
    },
  ],
  layersToCross: [
    {
      name: "takes w for the step",
      loses: ["the fewest layers of w/2 = 256 steps that make 4,095"],
      answer: 8,
    },
    { name: "one too few", loses: ["the fewest layers of w/2 = 256 steps that make 4,095"], answer: 15 },
    { name: "one more", loses: ["the fewest layers of w/2 = 256 steps that make 4,095"], answer: 17 },
  ],
  layersWithOneGlobalToken: [
    { name: "thinks that one layer is enough", loses: ["one layer to gather, one to spread"], answer: 1 },
    { name: "one layer more", loses: ["one layer to gather, one to spread"], answer: 3 },
  ],
  everySixtyFourthGlobal: [
    {
      name: "thinks that few is constant",
      loses: ["g = T/64 tokens with T scores each, and T tokens with g more each"],
      answer: "T",
    },
    {
      name: "thinks of a tree",
      loses: ["g = T/64 tokens with T scores each, and T tokens with g more each"],
      answer: "T log T",
    },
  ],
  doublingTheWindow: [
    {
      name: "thinks that the view is free",
      loses: ["distance ℓ w/2, scores about 3/2 T w"],
      answer: "only the distance doubles",
    },
    {
      name: "forgets the view",
      loses: ["distance ℓ w/2, scores about 3/2 T w"],
      answer: "only the cost doubles",
    },
  ],
});
