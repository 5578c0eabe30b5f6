import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/lean-attention.js";

type Join = typeof Answers.join;
type InPieces = typeof Answers.attendInPieces;
type Stretch = typeof Answers.stretch;

const dealt = "it is what dealing out the tiles one by one gives, for any number of tiles and workers";
const full = "nobody waits when the tiles are a multiple of the workers";
const together = "two sets of keys together give m, l and o of all their keys";
const order = "it does not matter which comes first";
const groups = "it does not matter which two of three are joined first";
const nothing = "no keys change nothing";
const finite = "scores of ±1000 stay finite";
const dividing = "pieces of any length that divides S give softmax attention";
const remainder = "a last piece that is shorter, and a piece longer than S, give it too";
const flops = "operations grow like S";
const bytes = "memory does not grow with S";
const keys =
  "it holds the keys of the line from ⌊w N / W⌋ to before ⌊(w + 1) N / W⌋, in order, none of them twice";
const once = "a text appears once at most, and one without keys in the stretch does not appear";
const whole = "pieces of any lengths give the attention of all their keys";
const empty = "a piece without keys has no say";
const large = "log-sums of ±1000 stay finite";
const joined = "any number of parts gives o / l of all of them, for widths that fill no workgroup as well";
const noSay = "parts without keys have no say, and maxima of ±1000 stay finite";

/** The merge with one choice made differently. */
function joining({
  common = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.maximum(a, b),
  factor = (own: tf.Tensor, m: tf.Tensor): tf.Tensor => tf.exp(tf.sub(own, m)),
  l = (a: tf.Tensor, b: tf.Tensor, fa: tf.Tensor, fb: tf.Tensor): tf.Tensor =>
    tf.add(tf.mul(a, fa), tf.mul(b, fb)),
  o = (sum: tf.Tensor, _l: tf.Tensor): tf.Tensor => sum,
}: {
  common?: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
  factor?: (own: tf.Tensor, m: tf.Tensor) => tf.Tensor;
  l?: (a: tf.Tensor, b: tf.Tensor, fa: tf.Tensor, fb: tf.Tensor) => tf.Tensor;
  o?: (sum: tf.Tensor, l: tf.Tensor) => tf.Tensor;
}): Join {
  return (a, b) => {
    const part = (x: tf.Tensor1D, start: number, size: number) => tf.slice(x, start, size);
    const [ma, mb] = [part(a, 0, 1), part(b, 0, 1)];
    const m = common(ma, mb);
    const [fa, fb] = [factor(ma, m), factor(mb, m)];
    const sums = l(part(a, 1, 1), part(b, 1, 1), fa, fb);
    const values = tf.add(tf.mul(part(a, 2, -1), fa), tf.mul(part(b, 2, -1), fb));
    return tf.concat([m, sums, o(values, sums)] as tf.Tensor1D[]);
  };
}

/** m, l and o of one piece, `[2 + E]`. */
function pieceRow(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  { scale = true, shift = true }: { scale?: boolean; shift?: boolean } = {},
): tf.Tensor1D {
  const scores = tf.div(tf.matMul(q, k, false, true), scale ? Math.sqrt(q.shape[1]) : 1) as tf.Tensor2D;
  const m: tf.Tensor = shift ? tf.max(scores) : tf.scalar(0);
  const weights = tf.exp(tf.sub(scores, m)) as tf.Tensor2D;
  const row = [tf.reshape(m, [1]), tf.reshape(tf.sum(weights), [1]), tf.reshape(tf.matMul(weights, v), [-1])];
  return tf.concat(row) as tf.Tensor1D;
}

/** Attention in pieces with one choice made differently. */
function inPieces({
  merge = joining({}),
  row = pieceRow,
  count = (piece: number, left: number) => Math.min(piece, left),
  starts = (S: number, piece: number) => Math.ceil(S / piece),
  freed = true,
}: {
  merge?: Join;
  row?: typeof pieceRow;
  count?: (piece: number, left: number) => number;
  starts?: (S: number, piece: number) => number;
  freed?: boolean;
}): InPieces {
  return (q, k, v, piece) => {
    const [S, E] = v.shape;
    let known = tf.concat([tf.tensor1d([-1e30]), tf.zeros([1 + E])]) as tf.Tensor1D;
    for (let i = 0; i < starts(S, piece); i++) {
      const size = count(piece, S - i * piece);
      const step = () => merge(known, row(q, tf.slice(k, i * piece, size), tf.slice(v, i * piece, size)));
      const next = freed ? tf.tidy(step) : step();
      if (freed) known.dispose();
      known = next;
    }
    return tf.reshape(tf.div(tf.slice(known, 2), tf.slice(known, 1, 1)), [1, E]);
  };
}

/** All keys at once. */
const atOnce: InPieces = (q, k, v) =>
  tf.matMul(tf.softmax(tf.div(tf.matMul(q, k, false, true), Math.sqrt(q.shape[1]))) as tf.Tensor2D, v);

/** A stretch with one choice made differently. */
function cutting({
  cut = (worker: number, total: number, workers: number) => Math.floor((worker * total) / workers),
  own = (start: number) => start,
  keep = (from: number, to: number) => from < to,
}: {
  cut?: (worker: number, total: number, workers: number) => number;
  own?: (start: number) => number;
  keep?: (from: number, to: number) => boolean;
}): Stretch {
  return (lengths, workers, worker) => {
    const total = lengths.reduce((a, b) => a + b, 0);
    const [first, end] = [cut(worker, total, workers), cut(worker + 1, total, workers)];
    const found = { texts: [] as number[], from: [] as number[], to: [] as number[] };
    let start = 0;
    for (const [text, length] of lengths.entries()) {
      const [a, b] = [Math.max(first, start), Math.min(end, start + length)];
      if (keep(a, b)) {
        found.texts.push(text);
        found.from.push(a - own(start));
        found.to.push(b - own(start));
      }
      start += length;
    }
    return found;
  };
}

/** The kernel of exercise 6 with one choice made differently. */
function joinWgsl({
  guard = "if (id.x >= sizes.E) { return; }",
  largest = "max(largest, reports[p * width])",
  below = "factor * reports[p * width + 1]",
  above = "factor * reports[p * width + 2 + id.x]",
  result = "above / below",
}: Partial<Record<"guard" | "largest" | "below" | "above" | "result", string>>): string {
  return `
struct Sizes { P: u32, E: u32 }
@group(0) @binding(0) var<storage, read> reports: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${guard}
  let width = 2 + sizes.E;
  var largest = reports[0];
  for (var p = 1u; p < sizes.P; p++) { largest = ${largest}; }
  var above = 0.0;
  var below = 0.0;
  for (var p = 0u; p < sizes.P; p++) {
    let factor = exp(reports[p * width] - largest);
    below += ${below};
    above += ${above};
  }
  out[id.x] = ${result};
}`;
}

const weighted = (weights: tf.Tensor, outputs: tf.Tensor2D) =>
  tf.squeeze(tf.matMul(tf.reshape(weights, [1, -1]) as tf.Tensor2D, outputs), [0]) as tf.Tensor1D;

export default mutants<typeof Answers>({
  idleShare: [
    { name: "forgets the rounds", loses: [dealt, full], answer: (tiles, workers) => 1 - tiles / workers },
    {
      name: "counts full rounds only",
      loses: [dealt],
      answer: (tiles, workers) => 1 - tiles / (Math.max(1, Math.floor(tiles / workers)) * workers),
    },
    {
      name: "says which share of the last round is idle",
      loses: [dealt],
      answer: (tiles, workers) => (workers - (tiles % workers || workers)) / workers,
    },
    {
      name: "says how busy they are",
      loses: [dealt, full],
      answer: (tiles, workers) => tiles / (Math.ceil(tiles / workers) * workers),
    },
  ],
  join: [
    {
      name: "adds l without rescaling it",
      loses: [together, finite],
      answer: joining({ l: (a, b) => tf.add(a, b) }),
    },
    {
      name: "takes the maximum of the first set",
      loses: [together, order, nothing],
      answer: joining({ common: (a) => a }),
    },
    {
      name: "divides o by l at once",
      loses: [together, groups, nothing, finite],
      answer: joining({ o: (sum, l) => tf.div(sum, l) }),
    },
    {
      name: "rescales in the wrong direction",
      loses: [together, nothing, finite],
      answer: joining({ factor: (own, m) => tf.exp(tf.sub(m, own)) }),
    },
    {
      name: "goes back to e^score and overflows",
      loses: [finite],
      answer: (a, b) => {
        const m = tf.maximum(tf.slice(a, 0, 1), tf.slice(b, 0, 1));
        const raw = (x: tf.Tensor1D) => tf.mul(tf.slice(x, 1), tf.exp(tf.slice(x, 0, 1)));
        return tf.concat([m, tf.div(tf.add(raw(a), raw(b)), tf.exp(m))]) as tf.Tensor1D;
      },
    },
  ],
  attendInPieces: [
    { name: "all keys at once", loses: [bytes], answer: atOnce },
    {
      name: "frees nothing between pieces",
      loses: [bytes],
      answer: inPieces({ freed: false }),
    },
    {
      name: "keeps a row for each piece and joins them at the end",
      loses: [bytes],
      answer: (q, k, v, piece) => {
        const [S, E] = v.shape;
        const rows: tf.Tensor1D[] = [];
        for (let start = 0; start < S; start += piece) {
          const size = Math.min(piece, S - start);
          rows.push(tf.tidy(() => pieceRow(q, tf.slice(k, start, size), tf.slice(v, start, size))));
        }
        const known = rows.reduce((a, b) => tf.tidy(() => joining({})(a, b)));
        return tf.reshape(tf.div(tf.slice(known, 2), tf.slice(known, 1, 1)), [1, E]);
      },
    },
    {
      name: "starts over from the first key with each piece",
      loses: [flops, bytes],
      answer: (q, k, v, piece) => {
        let out = tf.zeros([1, v.shape[1]]) as tf.Tensor2D;
        for (let end = piece; end < v.shape[0] + piece; end += piece) {
          const size = Math.min(end, v.shape[0]);
          const next = tf.tidy(() => inPieces({})(q, tf.slice(k, 0, size), tf.slice(v, 0, size), piece));
          out.dispose();
          out = next;
        }
        return out;
      },
    },
    {
      name: "leaves the last, shorter piece out",
      loses: [remainder],
      answer: inPieces({ starts: (S, piece) => Math.max(1, Math.floor(S / piece)) }),
    },
    {
      name: "adds l without rescaling it",
      loses: [dividing, remainder, finite, flops, bytes],
      answer: inPieces({ merge: joining({ l: (a, b) => tf.add(a, b) }) }),
    },
    {
      name: "forgets to divide by √D",
      loses: [dividing, remainder, finite, flops, bytes],
      answer: inPieces({ row: (q, k, v) => pieceRow(q, k, v, { scale: false }) }),
    },
    {
      name: "exponentiates the scores as they are",
      loses: [finite],
      answer: inPieces({ row: (q, k, v) => pieceRow(q, k, v, { shift: false }) }),
    },
  ],
  stretch: [
    {
      name: "shares of ⌈N / W⌉",
      loses: [keys],
      answer: cutting({
        cut: (worker, total, workers) => Math.min(total, worker * Math.ceil(total / workers)),
      }),
    },
    {
      name: "rounds the cuts instead of flooring them",
      loses: [keys],
      answer: cutting({ cut: (worker, total, workers) => Math.round((worker * total) / workers) }),
    },
    { name: "counts keys along the line", loses: [keys], answer: cutting({ own: () => 0 }) },
    {
      name: "lists texts that only touch the stretch",
      loses: [once],
      answer: cutting({ keep: (from, to) => from <= to }),
    },
    {
      name: "gives whole texts to workers in turn",
      loses: [keys],
      answer: (lengths, workers, worker) => {
        const texts = lengths
          .map((_, text) => text)
          .filter((text) => text % workers === worker && lengths[text]! > 0);
        return { texts, from: texts.map(() => 0), to: texts.map((text) => lengths[text]!) };
      },
    },
  ],
  combineFinished: [
    {
      name: "the plain mean",
      loses: [whole, empty, large],
      answer: (outputs) => tf.mean(outputs, 0) as tf.Tensor1D,
    },
    {
      name: "weights e^L that overflow",
      loses: [large],
      answer: (outputs, logSums) => {
        const weights = tf.exp(logSums);
        return weighted(tf.div(weights, tf.sum(weights)), outputs);
      },
    },
    {
      name: "weights that do not sum to one",
      loses: [whole, empty, large],
      answer: (outputs, logSums) => weighted(tf.exp(tf.sub(logSums, tf.max(logSums))), outputs),
    },
    {
      name: "the piece with the largest sum alone",
      loses: [whole, empty, large],
      answer: (outputs, logSums) =>
        tf.squeeze(tf.gather(outputs, tf.reshape(tf.argMax(logSums), [1]) as tf.Tensor1D), [0]),
    },
    {
      name: "weights in proportion to L",
      loses: [whole, empty, large],
      answer: (outputs, logSums) => weighted(tf.div(logSums, tf.sum(logSums)), outputs),
    },
  ],
  joinWgsl: [
    { name: "lets every invocation write", loses: [joined, noSay], answer: joinWgsl({ guard: "" }) },
    {
      name: "adds l without rescaling it",
      loses: [joined, noSay],
      answer: joinWgsl({ below: "reports[p * width + 1]" }),
    },
    {
      name: "keeps the first maximum",
      loses: [noSay],
      answer: joinWgsl({ largest: "largest" }),
    },
    { name: "forgets to divide", loses: [joined, noSay], answer: joinWgsl({ result: "above" }) },
    {
      name: "reads o from the wrong place",
      loses: [joined, noSay],
      answer: joinWgsl({ above: "factor * reports[p * width + 1 + id.x]" }),
    },
  ],
  operationsPerByte: [
    { name: "operations for each number", loses: ["operations for each byte"], answer: 2 },
    { name: "counts a multiply-add once", loses: ["operations for each byte"], answer: 0.25 },
  ],
  busyWorkers: [
    { name: "all of them", loses: ["workers with something to do"], answer: 108 },
    { name: "the idle ones", loses: ["workers with something to do"], answer: 76 },
  ],
  mostPieces: [
    { name: "as many cuts as workers", loses: ["pieces at most"], answer: 48 },
    { name: "every tile cut for every worker", loses: ["pieces at most"], answer: 320 },
  ],
  weightedByLength: [
    { name: "always", loses: ["when it is right"], answer: "always" },
    { name: "never", loses: ["when it is right"], answer: "never" },
  ],
});
