import * as tf from "@tensorflow/tfjs";
import { mutants } from "workbook/grading/mutants";
import type * as Answers from "../../solutions/mamba.js";

type Scan = typeof Answers.scan;

const meet = "at the length you return, cache and state hold equally many numbers";
const library = "it is where the library's own block and a cache meet";
const large = "for large steps it is (exp(Δ a) − 1) / a";
const small = "for small steps it is right to four digits, down to 10⁻⁹";
const zero = "a step of 0 gives 0";
const definition = "each channel follows h_t = exp(Δ A) h_(t−1) + Δ B x, y_t = C · h_t";
const silent = "a token with Δ = 0 changes nothing: without it, the others have the same outputs";
const forgets = "a huge Δ forgets: what came before that token no longer shows";
const convolution = "with Δ, B and C the same for all tokens it is a convolution with the kernel C · Ā^k B̄";
const causality = "row t does not change when later tokens change";
const flops = "operations grow like T";
const bytes = "memory hardly grows with N, for 64 tokens";
const joined = "the joined steps reach the states h_2, h_4, …, h_T";
const thrice = "halved three times, eight steps are one";
const closed = "gates of exactly 0 do no harm";
const finite = "there is a finite step for each token, none of them negative";
const mean = "the last state is the mean of the marked tokens";
const past = "what the state was before the first token, and what the others are, does not matter";

/** The scan with one choice made differently; a step sees column vectors `[D, 1]`, rows `[1, N]` and A `[D, N]`. */
function scan({
  decay = (step: tf.Tensor, A: tf.Tensor): tf.Tensor => tf.exp(tf.mul(step, A)),
  write = (step: tf.Tensor, x: tf.Tensor, B: tf.Tensor, _A: tf.Tensor): tf.Tensor =>
    tf.mul(tf.mul(step, x), B),
  reads = (_before: tf.Tensor, after: tf.Tensor) => after,
  order = (T: number) => Array.from({ length: T }, (_, t) => t),
}): Scan {
  return (x, delta, A, B, C) => {
    const [[T, D], N] = [x.shape, A.shape[1]];
    const row = (tensor: tf.Tensor2D, t: number) => tf.slice(tensor, [t, 0], [1, tensor.shape[1]]);
    let h = tf.zeros([D, N]) as tf.Tensor;
    const outputs: tf.Tensor[] = [];
    for (const t of order(T)) {
      const [next, y] = tf.tidy(() => {
        const [step, input] = [tf.reshape(row(delta, t), [D, 1]), tf.reshape(row(x, t), [D, 1])];
        const after = tf.add(tf.mul(decay(step, A), h), write(step, input, row(B, t), A)) as tf.Tensor;
        return [after, tf.sum(tf.mul(reads(h, after), row(C, t)), 1)] as [tf.Tensor, tf.Tensor];
      });
      h.dispose();
      h = next;
      outputs[t] = y;
    }
    return tf.stack(outputs) as tf.Tensor2D;
  };
}

/** Every state as a sum over all earlier tokens: right, in T² D N operations. */
const sumOverThePast: Scan = (x, delta, A, B, C) => {
  const [[T, D], N] = [x.shape, A.shape[1]];
  const time = tf.cumsum(delta, 0); // [T, D]
  const writes = tf.mul(tf.reshape(tf.mul(delta, x), [T, D, 1]), tf.reshape(B, [T, 1, N])); // [T, D, N]
  const rows = Array.from({ length: T }, (_, t) =>
    tf.tidy(() => {
      const since = tf.sub(tf.slice(time, [t, 0], [1, D]), tf.slice(time, 0, [t + 1, D])); // [t + 1, D]
      const decays = tf.exp(tf.mul(tf.reshape(since, [t + 1, D, 1]), tf.reshape(A, [1, D, N])));
      const h = tf.sum(tf.mul(decays, tf.slice(writes, 0, [t + 1, D, N])), 0); // [D, N]
      return tf.sum(tf.mul(h, tf.slice(C, [t, 0], [1, N])), 1);
    }),
  );
  return tf.stack(rows) as tf.Tensor2D;
};

/** Right, but the states of all tokens are kept until the end. */
const keepsAllStates: Scan = (x, delta, A, B, C) => {
  const [[T, D], N] = [x.shape, A.shape[1]];
  const decays = tf.exp(tf.mul(tf.reshape(delta, [T, D, 1]), tf.reshape(A, [1, D, N]))); // [T, D, N]
  const writes = tf.mul(tf.reshape(tf.mul(delta, x), [T, D, 1]), tf.reshape(B, [T, 1, N]));
  const [a, u] = [tf.unstack(decays), tf.unstack(writes)];
  const states: tf.Tensor[] = [];
  for (let t = 0; t < T; t++) states.push(t === 0 ? u[0]! : tf.add(tf.mul(a[t]!, states[t - 1]!), u[t]!));
  return tf.sum(tf.mul(tf.stack(states), tf.reshape(C, [T, 1, N])), 2) as tf.Tensor2D;
};

/** Every two steps, joined in some way. */
function halved(
  join: (a1: tf.Tensor, a2: tf.Tensor, u1: tf.Tensor, u2: tf.Tensor) => [tf.Tensor, tf.Tensor],
): typeof Answers.halved {
  return (a, u) => {
    const [T, F] = a.shape;
    const [a1, a2] = tf.unstack(tf.reshape(a, [T / 2, 2, F]), 1);
    const [u1, u2] = tf.unstack(tf.reshape(u, [T / 2, 2, F]), 1);
    const [joinedA, joinedU] = join(a1!, a2!, u1!, u2!);
    return { a: joinedA as tf.Tensor2D, u: joinedU as tf.Tensor2D };
  };
}

/** The gate of the k-th marked token, counted from 1, turned into steps; other tokens get `other`. */
function steps(gate: (k: number, marks: number) => number, other = 0): typeof Answers.stepsForMean {
  return (marked) => {
    const total = marked.reduce((a, b) => a + b, 0);
    let k = 0;
    return marked.map((mark) => {
      if (mark === 0) return other;
      k++;
      return Math.min(100, -Math.log1p(-gate(k, total)));
    });
  };
}

export default mutants<typeof Answers>({
  breakEvenTokens: [
    {
      name: "forgets the convolution",
      // W = 1 needs no past inputs, but three draws are never all like that.
      loses: [meet, library],
      answer: (C, E, N) => (E * N) / (2 * C),
    },
    {
      name: "keeps the present input as well",
      loses: [meet, library],
      answer: (C, E, N, W) => (E * (N + W)) / (2 * C),
    },
    {
      name: "forgets the values in the cache",
      loses: [meet, library],
      answer: (C, E, N, W) => (E * (N + W - 1)) / C,
    },
    { name: "takes E = 2 C for granted", loses: [meet], answer: (_C, _E, N, W) => N + W - 1 },
    {
      name: "upside down",
      loses: [meet, library],
      answer: (C, E, N, W) => (2 * C) / (E * (N + W - 1)),
    },
  ],
  heldInput: [
    {
      name: "exp first, then minus one",
      loses: [small],
      answer: (delta, a) => tf.div(tf.sub(tf.exp(tf.mul(delta, a)), 1), a),
    },
    {
      name: "divides by Δ a, and multiplies by Δ again",
      loses: [zero],
      answer: (delta, a) => {
        const z = tf.mul(delta, a);
        const factor = tf.mul(tf.div(tf.expm1(z), z), delta);
        // 0 / 0 would be NaN; a guard with the wrong value hides it.
        return tf.where(tf.equal(delta, 0), tf.onesLike(delta), factor) as tf.Tensor1D;
      },
    },
    { name: "Euler", loses: [large, small, zero], answer: (delta) => tf.mul(delta, 1) },
    {
      name: "forgets to divide by a",
      loses: [large, small],
      answer: (delta, a) => tf.neg(tf.expm1(tf.mul(delta, a))),
    },
    {
      name: "the first two terms of the series",
      loses: [large, small, zero],
      answer: (delta, a) => tf.mul(delta, tf.add(1, tf.mul(delta, a / 2))),
    },
  ],
  scan: [
    {
      name: "decays with the wrong sign",
      loses: [definition, forgets, convolution, flops, bytes],
      answer: scan({ decay: (step, A) => tf.exp(tf.clipByValue(tf.neg(tf.mul(step, A)), -80, 20)) }),
    },
    {
      name: "decays linearly, 1 + Δ A",
      loses: [definition, forgets, convolution, flops, bytes],
      answer: scan({ decay: (step, A) => tf.add(1, tf.mul(step, A)) }),
    },
    {
      name: "writes B x without Δ",
      loses: [definition, silent, convolution, flops, bytes],
      answer: scan({ write: (_step, x, B) => tf.mul(x, B) }),
    },
    {
      name: "zero-order hold instead of Euler",
      loses: [definition, convolution, flops, bytes],
      answer: scan({
        write: (step, x, B, A) => tf.mul(tf.div(tf.expm1(tf.mul(step, A)), A), tf.mul(x, B)),
      }),
    },
    {
      name: "reads the state before the token is in it",
      loses: [definition, forgets, convolution, flops, bytes],
      answer: scan({ reads: (before) => before }),
    },
    {
      name: "decays what it has just written, too",
      loses: [definition, convolution, flops, bytes],
      answer: scan({
        write: (step, x, B, A) => tf.mul(tf.exp(tf.mul(step, A)), tf.mul(tf.mul(step, x), B)),
      }),
    },
    {
      name: "runs backwards",
      loses: [definition, convolution, causality, flops, bytes],
      answer: scan({ order: (T) => Array.from({ length: T }, (_, t) => T - 1 - t) }),
    },
    { name: "sums over the past anew for each token", loses: [flops, bytes], answer: sumOverThePast },
    { name: "keeps the states of all tokens", loses: [bytes], answer: keepsAllStates },
  ],
  halved: [
    {
      name: "decays the later input instead of the earlier one",
      loses: [joined, thrice, closed],
      answer: halved((a1, a2, u1, u2) => [tf.mul(a2, a1), tf.add(u1, tf.mul(a2, u2))]),
    },
    {
      name: "decays the earlier input with its own gate",
      loses: [joined, thrice, closed],
      answer: halved((a1, a2, u1, u2) => [tf.mul(a2, a1), tf.add(tf.mul(a1, u1), u2)]),
    },
    {
      name: "keeps only the second gate",
      loses: [joined, thrice, closed],
      answer: halved((_a1, a2, u1, u2) => [a2, tf.add(tf.mul(a2, u1), u2)]),
    },
    {
      name: "adds the inputs up",
      loses: [joined, thrice, closed],
      answer: halved((a1, a2, u1, u2) => [tf.mul(a2, a1), tf.add(u1, u2)]),
    },
  ],
  stepsForMean: [
    {
      name: "the same gate for all marked tokens",
      loses: [mean],
      answer: steps((k, marks) => (k === 1 ? 1 : 1 / marks)),
    },
    { name: "starts to count at two", loses: [mean, past], answer: steps((k) => 1 / (k + 1)) },
    { name: "keeps the last marked token only", loses: [mean], answer: steps(() => 1) },
    { name: "lets the others in a little", loses: [mean, past], answer: steps((k) => 1 / k, 0.1) },
    {
      name: "gates instead of steps",
      loses: [mean, past],
      answer: (marked) => {
        let k = 0;
        return marked.map((mark) => {
          k += mark;
          return mark / Math.max(1, k);
        });
      },
    },
    {
      name: "negative steps",
      loses: [finite, mean, past],
      answer: (marked) => steps((k) => 1 / (k + 1))(marked).map((step) => -step),
    },
  ],
  passOver: [
    { name: "mixes up the ends", loses: ["the step that changes nothing"], answer: "a large Δ" },
    { name: "an ordinary step", loses: ["the step that changes nothing"], answer: "Δ = 1" },
  ],
  fixed: [
    { name: "the step size", loses: ["the parameter that stays"], answer: "Δ" },
    { name: "the readout", loses: ["the parameter that stays"], answer: "C" },
  ],
  rounds: [
    { name: "one round for each token", loses: ["2 to the power of the rounds is 1,024"], answer: 1024 },
    { name: "half of them", loses: ["2 to the power of the rounds is 1,024"], answer: 512 },
  ],
  noConvolution: [
    {
      name: "size",
      loses: ["what a convolution needs and selection gives up"],
      answer: "its state is too large",
    },
    { name: "shape", loses: ["what a convolution needs and selection gives up"], answer: "A is diagonal" },
  ],
});
