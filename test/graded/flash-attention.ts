import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { composedAttention } from "workbook/attention";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded, type Handle } from "workbook/grading/graded";
import { finiteDifferences } from "workbook/grading/gradient";
import { property } from "workbook/grading/property";
import { gradedWgsl, type WgslLaunch } from "workbook/grading/wgsl";
import { expectWord } from "workbook/grading/word";
import { tiledIdentities } from "workbook/identities/flash-attention";
import type { Identity } from "workbook/identities/identity";
import type { Random } from "workbook/random";
import { flashByQueriesOnMachine } from "workbook/variants/flash-attention-io";
import { zeros } from "workbook/variants/flash-attention-machine";
import type * as Answers from "../../solutions/flash-attention.js";

const single = { tolerance: 1e-5, because: "float32 sums of at most 64 terms" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, run: ({ answer, random }) => check(answer, random) };
}

const lengths = [64, 128, 256];

const exercises: GradedExercises<typeof Answers> = {
  numbersMoved: {
    title: "1. What moves when queries stay",
    returns: "number",
    hint: "Four matrices of N · d numbers. Which of them cross once, and which once in each round?",
    tests: [
      property({
        sentence: "it is what the machine counts",
        points: 2,
        inputs: ({ integer }) => ({
          blocks: integer({ min: 1, max: 6 }),
          B: integer({ min: 1, max: 8 }),
          d: integer({ min: 1, max: 6 }),
        }),
        holds: async ({ answer }, { blocks, B, d }) => {
          const N = blocks * B;
          const x = zeros(N, d);
          // Exactly room for Q, K, V, O, the tile, m and l.
          const { reads, writes } = flashByQueriesOnMachine({
            q: x,
            k: x,
            v: x,
            sram: 4 * B * d + B * B + 2 * B,
          });
          expect(await answer(N, d, B), `N = ${N}, d = ${d}, B = ${B}`).to.equal(reads + writes);
        },
      }),
      {
        sentence: "with all queries in the fast memory at once, everything crosses once",
        hint: "One round: Q, K and V come in, O goes out.",
        run: async ({ answer, random }) => {
          const [N, d] = [10 + random.integer(1000), 1 + random.integer(128)];
          expect(await answer(N, d, N)).to.equal(4 * N * d);
        },
      },
    ],
  },

  absorb: {
    title: "2. One more tile",
    returns: { m: "float32 tensor [t]", l: "float32 tensor [t]", o: "float32 tensor [t, E]" },
    hint: "First the new maximum. Then everything that was added up under the old one shrinks by e^(old − new). Then the tile is added.",
    tests: [
      {
        sentence: "m and l are the largest score so far, and the sum of e^(score − m)",
        hint: "The maximum of the old m and the tile's largest score, row by row; l shrinks with it.",
        run: async ({ answer, random }) => {
          for (const slope of [0, 10, -10]) {
            const { tiles, scores } = tileProblem(random, slope);
            const { m, l } = (await absorbAll(answer, tiles)).at(-1)!;
            const largest = scores.map((row) => Math.max(...row));
            const sums = scores.map((row, i) => row.reduce((sum, s) => sum + Math.exp(s - largest[i]!), 0));
            assertClose(m, { shape: [3], data: largest }, single, "m");
            assertClose(l, { shape: [3], data: sums }, single, "l");
          }
        },
      },
      {
        sentence: "o / l after the last tile is the softmax average of all values",
        points: 2,
        hint: "o shrinks by the same factor as l, and must not be divided by l on the way.",
        run: async ({ answer, random }) => {
          for (const slope of [0, 10]) await verifyAverage(answer, tileProblem(random, slope));
        },
      },
      {
        sentence: "scores of several hundred, rising or falling from tile to tile, stay finite and right",
        hint: "Every exponent must be zero or less: subtract the running maximum, never the tile's own.",
        run: async ({ answer, random }) => {
          for (const slope of [200, -200]) await verifyAverage(answer, tileProblem(random, slope));
        },
      },
    ],
  },

  tiledAttention: {
    title: "3. Attention in tiles, in linear memory",
    returns: "float32 tensor [T, E]",
    hint: "For each block of queries: start at −10⁹, 0 and 0, absorb all blocks of keys, divide.",
    tests: [
      ...tiledIdentities.map((identity) =>
        identityTest<typeof Answers.tiledAttention>(identity as Identity<never>),
      ),
      gradedComplexity<typeof Answers.tiledAttention>({
        sentence: "memory grows like T",
        points: 4,
        hint: "A tensor lives until the tf.tidy around it ends: give every tile a tidy of its own, and dispose of the old m, l and o.",
        sizes: lengths,
        args: (T, random) => {
          const x = () => random.normalTensor<tf.Rank.R2>([T, 16]);
          return [x(), x(), x(), 16];
        },
        quantity: "peakBytes",
        exponent: 1,
        // One tile and its neighbours beside T rows pull a right answer down to 0.7; a table fits 1.9.
        tolerance: 0.45,
        verify: (value, q, k, v) => assertClose(value, softmaxAttention(q, k, v), single, "output"),
      }),
    ],
  },

  gradients: {
    title: "4. Backward without the table",
    returns: { dq: "float32 tensor [T, D]", dk: "float32 tensor [S, D]", dv: "float32 tensor [S, E]" },
    hint: "P = e^(S − L) is the table again. dV = Pᵀ dO; dP = dO Vᵀ; dS = P ∘ (dP − one number for each row); and the 1/√D of the scores comes back.",
    tests: [
      ...(["dq", "dk", "dv"] as const).map(
        (name, i): GradedTest<typeof Answers.gradients> => ({
          sentence: `${name} is the slope of the loss, measured`,
          hint: "Compare with the derivation in the lesson, line by line.",
          run: async ({ answer, random }) => {
            const { inputs, kept, dOut } = backwardProblem(random);
            const got = (await answer(...inputs, ...kept, dOut))[name];
            const loss = (x: tf.Tensor2D) => {
              const out = softmaxAttention(...(inputs.with(i, x) as typeof inputs));
              return tf.sum(tf.mul(out, dOut)).dataSync()[0]!;
            };
            const slope = await finiteDifferences<tf.Rank.R2>((x) => loss(x as tf.Tensor2D), inputs[i]!);
            assertClose(got, slope, { tolerance: 2e-3, because: "differences of float32 losses" }, name);
          },
        }),
      ),
      {
        sentence: "given half of the keys, with `out` and L of all of them, it gives that half's share",
        points: 2,
        hint: "In a tile nobody sees the other keys: all that is known of them stands in `lse` and `out`. A softmax over the tile, or a sum over the tile's P ∘ dP, is wrong there.",
        run: async ({ answer, random }) => {
          const {
            inputs: [q, k, v],
            kept,
            dOut,
          } = backwardProblem(random);
          const half = (x: tf.Tensor2D, from: number) =>
            tf.slice(x, [from, 0], [3, x.shape[1]]) as tf.Tensor2D;
          const all = await expectedGradients(q, k, v, dOut);
          const parts = [];
          for (const from of [0, 3]) {
            const part = await answer(q, half(k, from), half(v, from), ...kept, dOut);
            assertClose(part.dk, half(all.dk, from), single, `dk of keys ${from} … ${from + 2}`);
            assertClose(part.dv, half(all.dv, from), single, `dv of keys ${from} … ${from + 2}`);
            parts.push(part.dq);
          }
          assertClose(tf.add(parts[0]!, parts[1]!), all.dq, single, "dq of the two halves together");
        },
      },
    ],
  },

  averageRises: {
    title: "5. How often the maximum rises",
    returns: "number",
    hint: "Look at tile i alone: with which probability is it the largest of the first i? Averages add up, whatever depends on what.",
    tests: [
      {
        sentence: "for up to six tiles it is the average over all orders, counted",
        points: 2,
        run: async ({ answer }) => {
          for (let n = 1; n <= 6; n++) {
            const counts = orders(n).map(rises);
            const average = counts.reduce((a, b) => a + b, 0) / counts.length;
            expect(await answer(n), `n = ${n}`).to.be.closeTo(average, 1e-9);
          }
        },
      },
      {
        sentence: "for a thousand tiles it is about what 4,000 random orders give",
        hint: "It grows slowly: a long text hardly ever rescales.",
        run: async ({ answer, random }) => {
          let total = 0;
          for (let i = 0; i < 4000; i++) total += rises(Array.from({ length: 1000 }, () => random.uniform()));
          // The count has a variance near ln 1000 − 0.6, so that its average over 4,000 has a deviation of 0.04.
          expect(await answer(1000)).to.be.closeTo(total / 4000, 0.2);
        },
      },
    ],
  },

  rowKernel: {
    title: "6. Finish the loop, in WGSL",
    returns: "text",
    hint: "Exercise 2 with a tile of one key: five short lines and a loop over e.",
    tests: [
      gradedWgsl<typeof Answers.rowKernel, { T: number; S: number; D: number; E: number }>({
        sentence: "it is softmax attention, at sizes that fill no workgroup",
        points: 2,
        sizes: [
          { T: 1, S: 1, D: 3, E: 2 },
          { T: 65, S: 33, D: 5, E: 7 },
        ],
        launch: (size, random) => rowLaunch(size, random, 0),
        tolerance: 1e-5,
        because: "float32 sums of 33 terms",
      }),
      gradedWgsl<typeof Answers.rowKernel, { T: number; S: number; slope: number }>({
        sentence: "scores of several hundred, rising or falling along the keys, overflow nothing",
        hint: "Everything that goes into exp must be zero or less: subtract the larger of m and score.",
        sizes: [
          { T: 3, S: 40, slope: 10 },
          { T: 3, S: 40, slope: -10 },
        ],
        launch: ({ T, S, slope }, random) => rowLaunch({ T, S, D: 4, E: 2 }, random, slope),
        tolerance: 1e-3,
        because: "the rounding of scores near 400 in float32",
      }),
    ],
  },

  scoresComputed: {
    title: "Quiz: the price of forgetting",
    is: "text",
    hint: "Where does the backward pass have its P from?",
    tests: [
      {
        sentence: "scores computed in forward and backward together",
        run: async ({ answer }) => expectWord(await answer(), "more"),
      },
    ],
  },
  keptForBackward: {
    title: "Quiz: what is kept",
    is: "number",
    hint: "P = e^(S − L), and S comes from q and k. What remains to be kept?",
    tests: [
      {
        sentence: "one number for each query",
        run: async ({ answer }) => expectNumber(await answer(), 4096),
      },
    ],
  },
  twiceTheMemory: {
    title: "Quiz: a larger fast memory",
    is: "number",
    hint: "Θ(N² d² / M).",
    tests: [
      {
        sentence: "the factor of the accesses",
        run: async ({ answer }) => expectNumber(await answer(), 0.5),
      },
    ],
  },
  causalTiles: {
    title: "Quiz: half of the tiles",
    is: "number",
    hint: "A tile on the diagonal must be computed too: row i of the tiles has i + 1 of them.",
    tests: [
      {
        sentence: "tiles on and below the diagonal",
        run: async ({ answer }) => expectNumber(await answer(), 136),
      },
    ],
  },
};

export default graded("flash-attention", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/attention",
    "workbook/block-sparse",
    "workbook/packed-attention",
    "workbook/variants/flash-attention",
    "workbook/variants/flash-attention-io",
    "workbook/kernels/fused",
  ],
});

/** Scores of three rows against twelve keys and their values, whole and in three tiles of four keys. `slope` is added from tile to tile. */
function tileProblem(random: Random, slope: number) {
  const s = tf.add(
    random.normalTensor<tf.Rank.R2>([3, 12]),
    tf.tensor1d(Array.from({ length: 12 }, (_, j) => slope * Math.floor(j / 4))),
  ) as tf.Tensor2D;
  const v = random.normalTensor<tf.Rank.R2>([12, 2]);
  const tiles = [0, 4, 8].map((from) => ({
    s: tf.slice(s, [0, from], [3, 4]) as tf.Tensor2D,
    v: tf.slice(v, [from, 0], [4, 2]) as tf.Tensor2D,
  }));
  return { tiles, scores: s.arraySync(), values: v.arraySync() };
}

async function absorbAll(
  answer: Handle<typeof Answers.absorb>,
  tiles: ReturnType<typeof tileProblem>["tiles"],
): Promise<Answers.Running[]> {
  const states: Answers.Running[] = [{ m: tf.fill([3], -1e9), l: tf.zeros([3]), o: tf.zeros([3, 2]) }];
  for (const { s, v } of tiles) {
    const { m, l, o } = states.at(-1)!;
    states.push(await answer(m, l, o, s, v));
  }
  return states;
}

async function verifyAverage(
  answer: Handle<typeof Answers.absorb>,
  { tiles, scores, values }: ReturnType<typeof tileProblem>,
): Promise<void> {
  const { l, o } = (await absorbAll(answer, tiles)).at(-1)!;
  const expected = scores.flatMap((row) => {
    const largest = Math.max(...row);
    const weights = row.map((s) => Math.exp(s - largest));
    const sum = weights.reduce((a, b) => a + b, 0);
    return [0, 1].map((e) => weights.reduce((total, w, j) => total + (w / sum) * values[j]![e]!, 0));
  });
  assertClose(tf.div(o, tf.expandDims(l, 1)), { shape: [3, 2], data: expected }, single, "o / l");
}

/** Five queries, six keys; what the forward pass keeps; and the gradient that comes back. */
function backwardProblem(random: Random) {
  const D = 3 + random.integer(3);
  const inputs: [q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D] = [
    random.normalTensor([5, D]),
    random.normalTensor([6, D]),
    random.normalTensor([6, 2]),
  ];
  const [q, k] = inputs;
  const lse = tf.logSumExp(tf.div(tf.matMul(q, k, false, true), Math.sqrt(D)), 1) as tf.Tensor1D;
  const kept: [out: tf.Tensor2D, lse: tf.Tensor1D] = [softmaxAttention(...inputs), lse];
  return { inputs, kept, dOut: random.normalTensor<tf.Rank.R2>([5, 2]) };
}

function softmaxAttention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const [Q, K, V] = [q, k, v].map((x) => tf.reshape(x, [1, 1, ...x.shape]) as tf.Tensor4D);
    return tf.squeeze(composedAttention({ q: Q!, k: K!, v: V! }), [0, 1]);
  });
}

function expectedGradients(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  dOut: tf.Tensor2D,
): Answers.Gradients {
  const attend = (...inputs: tf.Tensor[]) =>
    softmaxAttention(...(inputs as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]));
  const [dq, dk, dv] = tf.grads(attend)([q, k, v], dOut) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
  return { dq, dk, dv };
}

/** One head for the kernel; a last column adds `slope` to the scores from each key to the next. */
function rowLaunch(
  { T, S, D, E }: { T: number; S: number; D: number; E: number },
  random: Random,
  slope: number,
): WgslLaunch {
  const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const [q, k, v] = [normal(T * D), normal(S * D), normal(S * E)] as const;
  if (slope !== 0) {
    for (let t = 0; t < T; t++) q[t * D + D - 1] = Math.sqrt(D);
    for (let s = 0; s < S; s++) k[s * D + D - 1] = slope * s;
  }
  const expected = Array.from({ length: T }, (_, t) => {
    const scores = Array.from({ length: S }, (_, s) => {
      let dot = 0;
      for (let d = 0; d < D; d++) dot += q[t * D + d]! * k[s * D + d]!;
      return dot / Math.sqrt(D);
    });
    const largest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((a, b) => a + b, 0);
    return Array.from({ length: E }, (_, e) =>
      weights.reduce((sum, w, s) => sum + (w / total) * v[s * E + e]!, 0),
    );
  });
  return {
    inputs: [q, k, v],
    output: [T, E],
    sizes: [T, S],
    constants: { D, E },
    workgroups: [Math.ceil(T / 64)],
    expected: expected.flat(),
  };
}

/** How often a new largest number appears, from left to right. */
function rises(values: readonly number[]): number {
  let [largest, count] = [Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    if (value <= largest) continue;
    largest = value;
    count++;
  }
  return count;
}

/** All orders of 1 … n. */
function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((order) => Array.from({ length: n }, (_, at) => order.toSpliced(at, 0, n)));
}

/** Says only that an answer is wrong: the report must not give the right one away. */
function expectNumber(got: number, right: number): void {
  if (!(Math.abs(got - right) < 1e-6)) throw new AssertionError(`${got} is not it`);
}
