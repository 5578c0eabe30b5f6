import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/flash-attention.js";

const machine = "it is what the machine counts";
const once = "with all queries in the fast memory at once, everything crosses once";
const statistics = "m and l are the largest score so far, and the sum of e^(score − m)";
const average = "o / l after the last tile is the softmax average of all values";
const steep = "scores of several hundred, rising or falling from tile to tile, stay finite and right";
const definition = "tiles of any size give softmax attention";
const finite = "scores of several hundred stay finite and right, rising or falling along the keys";
const order = "the order of the keys and their values changes nothing";
const constant = "when all values are equal, every row is that value";
const bytes = "memory grows like T";
const slope = (name: string) => `${name} is the slope of the loss, measured`;
const share = "given half of the keys, with `out` and L of all of them, it gives that half's share";
const kernel = "it is softmax attention, at sizes that fill no workgroup";
const kernelSteep = "scores of several hundred, rising or falling along the keys, overflow nothing";
const counted = "for up to six tiles it is the average over all orders, counted";
const simulated = "for a thousand tiles it is about what 4,000 random orders give";

const column = (x: tf.Tensor) => tf.expandDims(x, 1);

/** The step of online softmax with one choice made differently. */
function step({
  next = (m: tf.Tensor, own: tf.Tensor) => tf.maximum(m, own),
  under = (next: tf.Tensor, _own: tf.Tensor) => next,
  keepL = (keep: tf.Tensor) => keep,
  keepO = (keep: tf.Tensor) => keep,
  finish = (o: tf.Tensor2D, _l: tf.Tensor1D) => o,
}: {
  next?: (m: tf.Tensor, own: tf.Tensor) => tf.Tensor;
  under?: (next: tf.Tensor, own: tf.Tensor) => tf.Tensor;
  keepL?: (keep: tf.Tensor) => tf.Tensor;
  keepO?: (keep: tf.Tensor) => tf.Tensor;
  finish?: (o: tf.Tensor2D, l: tf.Tensor1D) => tf.Tensor2D;
}): typeof Answers.absorb {
  return (m, l, o, s, v) => {
    const own = tf.max(s, 1);
    const highest = next(m, own) as tf.Tensor1D;
    const keep = tf.exp(tf.sub(m, highest));
    const p = tf.exp(tf.sub(s, column(under(highest, own)))) as tf.Tensor2D;
    const sum = tf.add(tf.mul(keepL(keep), l), tf.sum(p, 1)) as tf.Tensor1D;
    const total = tf.add(tf.mul(column(keepO(keep)), o), tf.matMul(p, v)) as tf.Tensor2D;
    return { m: highest, l: sum, o: finish(total, sum) };
  };
}

/** Tiles, each in a tidy of its own, with one choice made differently. */
function tiled({
  absorb = step({}),
  scale = (D: number) => D ** -0.5,
  keys = (S: number, _block: number) => S,
  divide = (o: tf.Tensor2D, l: tf.Tensor1D): tf.Tensor => tf.div(o, column(l)),
}: {
  absorb?: typeof Answers.absorb;
  scale?: (D: number) => number;
  keys?: (S: number, block: number) => number;
  divide?: (o: tf.Tensor2D, l: tf.Tensor1D) => tf.Tensor;
}): typeof Answers.tiledAttention {
  return (q, k, v, block) => {
    const [[T, D], E] = [q.shape, v.shape[1]];
    const S = keys(k.shape[0], block);
    const part = (x: tf.Tensor2D, at: number, end: number): tf.Tensor2D =>
      tf.slice(x, [at, 0], [Math.min(block, end - at), x.shape[1]]);
    const parts: tf.Tensor2D[] = [];
    for (let i = 0; i < T; i += block) {
      const rows = tf.tidy(() => {
        const Q = tf.mul(part(q, i, T), scale(D)) as tf.Tensor2D;
        const t = Q.shape[0];
        let state: Answers.Running = { m: tf.fill([t], -1e9), l: tf.zeros([t]), o: tf.zeros([t, E]) };
        for (let j = 0; j < S; j += block) {
          const old = state;
          state = tf.tidy(() => {
            const s = tf.matMul(Q, part(k, j, S), false, true) as tf.Tensor2D;
            return { ...absorb(old.m, old.l, old.o, s, part(v, j, S)) };
          });
          tf.dispose({ ...old });
        }
        return divide(state.o, state.l) as tf.Tensor2D;
      });
      parts.push(rows);
    }
    return tf.concat(parts, 0);
  };
}

/** The whole table at once. */
const table: typeof Answers.tiledAttention = (q, k, v) =>
  tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), q.shape[1] ** -0.5)), v);

/** The backward pass with one choice made differently. */
function back({
  weights = (s: tf.Tensor, lse: tf.Tensor1D): tf.Tensor => tf.exp(tf.sub(s, column(lse))),
  delta = ({ dOut, out }: Record<"dOut" | "out" | "P" | "dP", tf.Tensor>): tf.Tensor =>
    tf.sum(tf.mul(dOut, out), 1, true),
  scale = (D: number) => D ** -0.5,
}: {
  weights?: (s: tf.Tensor, lse: tf.Tensor1D) => tf.Tensor;
  delta?: (known: Record<"dOut" | "out" | "P" | "dP", tf.Tensor>) => tf.Tensor;
  scale?: (D: number) => number;
}): typeof Answers.gradients {
  return (q, k, v, out, lse, dOut) => {
    const D = q.shape[1];
    const P = weights(tf.mul(tf.matMul(q, k, false, true), D ** -0.5), lse) as tf.Tensor2D;
    const dP = tf.matMul(dOut, v, false, true) as tf.Tensor2D;
    const dS = tf.mul(tf.mul(P, tf.sub(dP, delta({ dOut, out, P, dP }))), scale(D)) as tf.Tensor2D;
    return {
      dq: tf.matMul(dS, k),
      dk: tf.matMul(dS, q, true, false),
      dv: tf.matMul(P, dOut, true, false),
    } as Answers.Gradients;
  };
}

/** The kernel with one choice made differently. */
function row({
  next = "max(m, score)",
  keep = "exp(m - next)",
  keepO = "keep",
  kept = "next",
  value = "v[s * E + e]",
}: {
  next?: string;
  keep?: string;
  keepO?: string;
  kept?: string;
  value?: string;
}): typeof Answers.rowKernel {
  return () => `
    override D: u32;
    override E: u32;
    struct Sizes { T: u32, S: u32 }
    @group(0) @binding(0) var<storage, read> q: array<f32>;
    @group(0) @binding(1) var<storage, read> k: array<f32>;
    @group(0) @binding(2) var<storage, read> v: array<f32>;
    @group(0) @binding(3) var<storage, read_write> out: array<f32>;
    @group(0) @binding(4) var<uniform> n: Sizes;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) {
      let t = id.x;
      if (t >= n.T) { return; }
      var m = -1e30;
      var l = 0.0;
      var o: array<f32, 64>;
      for (var s = 0u; s < n.S; s++) {
        var score = 0.0;
        for (var d = 0u; d < D; d++) { score += q[t * D + d] * k[s * D + d]; }
        score /= sqrt(f32(D));
        let next = ${next};
        let keep = ${keep};
        let weight = exp(score - next);
        l = keep * l + weight;
        for (var e = 0u; e < E; e++) { o[e] = ${keepO} * o[e] + weight * ${value}; }
        m = ${kept};
      }
      for (var e = 0u; e < E; e++) { out[t * E + e] = o[e] / l; }
    }`;
}

export default mutants<typeof Answers>({
  numbersMoved: [
    { name: "reads keys and values once", loses: [machine], answer: (N, d) => 4 * N * d },
    {
      name: "forgets the values",
      loses: [machine, once],
      answer: (N, d, B) => 2 * N * d + (N / B) * N * d,
    },
    {
      name: "reads and writes the result in every round, as with keys outside",
      loses: [machine],
      answer: (N, d, B) => 2 * N * d + (N / B) * 2 * N * d + (N / B - 1) * 2 * N * d,
    },
    {
      name: "counts the table as well",
      loses: [machine, once],
      answer: (N, d, B) => 2 * N * d + (N / B) * 2 * N * d + 2 * N * N,
    },
    {
      name: "fetches whole rows of keys for each query",
      loses: [machine, once],
      answer: (N, d) => 2 * N * d + N * 2 * N * d + 1,
    },
  ],
  absorb: [
    {
      name: "forgets to shrink o",
      loses: [average, steep],
      answer: step({ keepO: (keep) => tf.onesLike(keep) }),
    },
    {
      name: "forgets to shrink l",
      loses: [statistics, average, steep],
      answer: step({ keepL: (keep) => tf.onesLike(keep) }),
    },
    {
      name: "adds a tile under its own maximum to a sum under the running one",
      loses: [statistics, average, steep],
      answer: step({ under: (_next, own) => own }),
    },
    {
      name: "divides o by l after each tile",
      loses: [average, steep],
      answer: step({ finish: (o, l) => tf.div(o, column(l)) }),
    },
    {
      name: "takes over the tile's own maximum, even when it is smaller",
      loses: [statistics, steep],
      answer: step({ next: (_m, own) => own }),
    },
    {
      name: "sums exponentials without any maximum",
      loses: [statistics, steep],
      answer: step({
        next: (m) => tf.zerosLike(m),
        keepL: (k) => tf.onesLike(k),
        keepO: (k) => tf.onesLike(k),
      }),
    },
  ],
  tiledAttention: [
    { name: "the whole table, whatever the block", loses: [bytes], answer: table },
    {
      name: "forgets to shrink what was added up",
      loses: [definition, finite, order, bytes],
      answer: tiled({
        absorb: step({ keepL: (k) => tf.onesLike(k), keepO: (k) => tf.onesLike(k) }),
      }),
    },
    {
      name: "forgets 1/√D",
      loses: [definition, finite, bytes],
      answer: tiled({ scale: () => 1 }),
    },
    {
      name: "drops a last block of keys that is smaller",
      loses: [definition],
      answer: tiled({ keys: (S, block) => S - (S % block) }),
    },
    {
      name: "softmax in each tile, then the average over tiles",
      loses: [definition, finite, order, bytes],
      answer: tiled({
        absorb: (m, l, o, s, v) => ({
          m,
          l: tf.add(l, 1),
          o: tf.add(o, tf.matMul(tf.softmax(s), v)),
        }),
      }),
    },
    {
      name: "never divides",
      loses: [definition, constant, finite, bytes],
      answer: tiled({ divide: (o) => o }),
    },
  ],
  gradients: [
    {
      name: "forgets the row's number in dS",
      loses: [slope("dq"), slope("dk"), share],
      answer: back({ delta: () => tf.scalar(0) }),
    },
    {
      name: "forgets 1/√D on the way back",
      loses: [slope("dq"), slope("dk"), share],
      answer: back({ scale: () => 1 }),
    },
    {
      name: "does not use L: weights that do not sum to one",
      loses: [slope("dq"), slope("dk"), slope("dv"), share],
      answer: back({ weights: (s) => tf.exp(s) }),
    },
    {
      name: "a softmax over the keys at hand instead of L",
      loses: [share],
      answer: back({ weights: (s) => tf.softmax(s) }),
    },
    {
      name: "rowsum(P ∘ dP) over the keys at hand instead of rowsum(dO ∘ O)",
      loses: [share],
      answer: back({ delta: ({ P, dP }) => tf.sum(tf.mul(P, dP), 1, true) }),
    },
    {
      name: "sums dO alone",
      loses: [slope("dq"), slope("dk"), share],
      answer: back({ delta: ({ dOut }) => tf.sum(dOut, 1, true) }),
    },
  ],
  averageRises: [
    { name: "every tile", loses: [counted, simulated], answer: (n) => n },
    { name: "every second tile", loses: [counted, simulated], answer: (n) => (n + 1) / 2 },
    { name: "the logarithm to base 2", loses: [counted, simulated], answer: (n) => 1 + Math.log2(n) },
    { name: "the integral in place of the sum", loses: [counted, simulated], answer: (n) => 1 + Math.log(n) },
    {
      name: "forgets the first tile",
      loses: [counted, simulated],
      answer: (n) => Array.from({ length: n - 1 }, (_, i) => 1 / (i + 2)).reduce((a, b) => a + b, 0),
    },
  ],
  rowKernel: [
    {
      name: "exponentials without a maximum",
      loses: [kernelSteep],
      answer: row({ next: "0.0", keep: "1.0" }),
    },
    { name: "never shrinks", loses: [kernel, kernelSteep], answer: row({ keep: "1.0" }) },
    { name: "shrinks l alone", loses: [kernel, kernelSteep], answer: row({ keepO: "1.0" }) },
    { name: "keeps the old maximum", loses: [kernel, kernelSteep], answer: row({ kept: "m" }) },
    {
      name: "takes over each score as the maximum",
      loses: [kernelSteep],
      answer: row({ next: "score" }),
    },
    {
      name: "reads row t of the values",
      loses: [kernel, kernelSteep],
      answer: row({ value: "v[t * E + e]" }),
    },
  ],
  scoresComputed: [
    {
      name: "thinks that fast means less work",
      loses: ["scores computed in forward and backward together"],
      answer: "fewer",
    },
    {
      name: "forgets the recomputation",
      loses: ["scores computed in forward and backward together"],
      answer: "as many",
    },
  ],
  keptForBackward: [
    { name: "the table", loses: ["one number for each query"], answer: 4096 * 4096 },
    { name: "m and l", loses: ["one number for each query"], answer: 2 * 4096 },
    { name: "nothing", loses: ["one number for each query"], answer: 0 },
  ],
  twiceTheMemory: [
    { name: "no change", loses: ["the factor of the accesses"], answer: 1 },
    { name: "squared", loses: ["the factor of the accesses"], answer: 0.25 },
    { name: "upside down", loses: ["the factor of the accesses"], answer: 2 },
  ],
  causalTiles: [
    { name: "exactly half", loses: ["tiles on and below the diagonal"], answer: 128 },
    { name: "without the diagonal", loses: ["tiles on and below the diagonal"], answer: 120 },
    { name: "all", loses: ["tiles on and below the diagonal"], answer: 256 },
  ],
});
