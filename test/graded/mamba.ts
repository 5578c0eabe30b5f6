import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedTest, graded } from "workbook/grading/graded";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { scanIdentities } from "workbook/identities/mamba";
import type { Random } from "workbook/random";
import { selectiveScan } from "workbook/variants/mamba";
import { mambaBlockStep } from "workbook/variants/mamba-block";
import type * as Answers from "../../solutions/mamba.js";

const single = { tolerance: 1e-4, because: "float32 exponentials and sums of products" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

/** Inputs of `scan`: T tokens, D channels, N states each. */
function scanArgs(T: number, D: number, N: number, random: Random): Parameters<typeof Answers.scan> {
  const normal = (columns: number) => random.normalTensor<tf.Rank.R2>([T, columns]);
  const delta = random.uniformTensor<tf.Rank.R2>([T, D], 0.05, 1);
  return [normal(D), delta, random.uniformTensor<tf.Rank.R2>([D, N], -2, -0.2), normal(N), normal(N)];
}

function verifyScan(value: tf.Tensor2D, ...[x, delta, A, B, C]: Parameters<typeof Answers.scan>): void {
  const rows = (tensor: tf.Tensor2D) => tf.expandDims(tensor, 0) as tf.Tensor3D;
  const expected = tf.tidy(() =>
    tf.squeeze(selectiveScan({ x: rows(x), delta: rows(delta), A, B: rows(B), C: rows(C) }), [0]),
  );
  assertClose(value, expected, single, "output");
}

/** All states of h_t = a_t h_(t−1) + u_t, in float64, of every `stride`-th step. */
function everyState(a: tf.Tensor2D, u: tf.Tensor2D, stride: number) {
  const [gates, inputs] = [a.arraySync(), u.arraySync()];
  let state = gates[0]!.map(() => 0);
  const rows = gates.map((row, t) => {
    state = state.map((old, f) => row[f]! * old + inputs[t]![f]!);
    return state;
  });
  const kept = rows.filter((_, t) => (t + 1) % stride === 0);
  return { shape: [kept.length, a.shape[1]], data: kept.flat() };
}

/** The state after the last token of exercise 5's model, from a state that was there before. */
function lastState(steps: readonly number[], xs: readonly number[], before: number): number {
  return steps.reduce((h, delta, t) => {
    const kept = Math.exp(-delta);
    return kept * h + (1 - kept) * xs[t]!;
  }, before);
}

export default graded<typeof Answers>(
  "mamba",
  {
    breakEvenTokens: {
      title: "1. When a cache outgrows Mamba's state",
      returns: "number",
      hint: "The cache grows by 2 C numbers a token. The block keeps E · N numbers of state, and past inputs for its convolution.",
      tests: [
        {
          sentence: "at the length you return, cache and state hold equally many numbers",
          points: 2,
          run: async ({ answer, random }) => {
            for (let draw = 0; draw < 3; draw++) {
              const [C, N, W] = [8 + random.integer(120), 1 + random.integer(32), 1 + random.integer(8)];
              const E = C * (1 + random.integer(3)) + random.integer(5);
              const t = await answer(C, E, N, W);
              const [cache, kept] = [t * 2 * C, E * N + E * (W - 1)];
              if (!(Math.abs(cache / kept - 1) < 1e-9)) {
                throw new AssertionError(
                  `C = ${C}, E = ${E}, N = ${N}, W = ${W}: after your ${t} tokens the cache holds ${cache} numbers, the block ${kept}`,
                );
              }
            }
          },
        },
        {
          sentence: "it is where the library's own block and a cache meet",
          run: async ({ answer, random }) => {
            const [C, E, N, W] = [4, 8, 1 + random.integer(5), 2 + random.integer(3)];
            const zeros = (...shape: number[]) => tf.zeros(shape) as tf.Tensor;
            const weights = {
              into: zeros(C, 2 * E),
              conv: zeros(W, E),
              convBias: zeros(E),
              select: zeros(E, 1 + 2 * N),
              step: zeros(1, E),
              stepBias: zeros(E),
              logA: zeros(E, N),
              skip: zeros(E),
              out: zeros(E, C),
            } as unknown as Parameters<typeof mambaBlockStep>[0]["weights"];
            const { state } = mambaBlockStep({ x: tf.zeros([1, 1, C]), weights });
            const expected = (state.past.size + state.scan.size) / (2 * C);
            expect(await answer(C, E, N, W), `C = ${C}, E = ${E}, N = ${N}, W = ${W}`).to.be.closeTo(
              expected,
              1e-9,
            );
          },
        },
      ],
    },

    heldInput: {
      title: "2. Zero-order hold that keeps what is small",
      returns: "float32 tensor [T]",
      hint: "There is a function for exp(z) − 1 that never computes exp(z) first. And which Δ's cancel?",
      tests: [
        {
          sentence: "for large steps it is (exp(Δ a) − 1) / a",
          run: async ({ answer, random }) => {
            const a = -0.5 - random.uniform();
            const steps = [0.5, 1 + random.uniform(), 10, 1000];
            const expected = { shape: [4], data: steps.map((step) => Math.expm1(step * a) / a) };
            assertClose(await answer(tf.tensor1d(steps), a), expected, single, "factor");
          },
        },
        {
          sentence: "for small steps it is right to four digits, down to 10⁻⁹",
          points: 2,
          hint: "exp(10⁻⁹) is 1 in float32: subtract 1 and nothing is left. `tf.expm1` computes the difference itself.",
          run: async ({ answer, random }) => {
            for (const a of [-1 - random.uniform(), -0.01, -100]) {
              const steps = [1e-2, 1e-4 * (1 + random.uniform()), 1e-6, 1e-9];
              const got = (await answer(tf.tensor1d(steps), a)).dataSync();
              const relative = steps.map((step, i) => got[i]! / (Math.expm1(step * a) / a));
              const digits = { tolerance: 1e-4, because: "one exponential and one quotient in float32" };
              assertClose(
                { shape: [4], data: relative },
                { shape: [4], data: [1, 1, 1, 1] },
                digits,
                "yours / right",
              );
            }
          },
        },
        {
          sentence: "a step of 0 gives 0",
          hint: "Divide by a, which is never 0, and not by Δ a.",
          run: async ({ answer }) => {
            assertClose(
              await answer(tf.tensor1d([0, 1]), -1),
              { shape: [2], data: [0, 1 - Math.exp(-1)] },
              single,
            );
          },
        },
      ],
    },

    scan: {
      title: "3. The selective scan, with one state",
      returns: "float32 tensor [T, D]",
      hint: "A loop over tokens: decay the state, add Δ B x, read with C. Slices with `tf.slice`, `tf.tidy` around a step.",
      tests: [
        ...scanIdentities.map((identity) => identityTest<typeof Answers.scan>(identity as Identity<never>)),
        gradedComplexity<typeof Answers.scan>({
          sentence: "operations grow like T",
          hint: "Each token touches the state once. No sum over all earlier tokens.",
          sizes: [16, 32, 64, 128],
          args: (T, random) => scanArgs(T, 4, 4, random),
          quantity: "flops",
          exponent: 1,
          // A sum over all earlier tokens fits 1.9 here; nothing pulls the linear one off.
          tolerance: 0.15,
          verify: verifyScan,
        }),
        gradedComplexity<typeof Answers.scan>({
          sentence: "memory hardly grows with N, for 64 tokens",
          points: 2,
          hint: "The states of all tokens are T · D · N numbers. Read each state before the next replaces it, and let it go.",
          sizes: [4, 8, 16, 32],
          args: (N, random) => scanArgs(64, 4, N, random),
          quantity: "peakBytes",
          exponent: 0.3,
          // One state of 4 N numbers and its update, beside 64 · 4 outputs, fit exponents up to 0.55; all states fit 0.95.
          tolerance: 0.35,
          verify: verifyScan,
        }),
      ],
    },

    halved: {
      title: "4. Two steps in one",
      returns: { a: "float32 tensor [T/2, F]", u: "float32 tensor [T/2, F]" },
      hint: "Write h_2 = a_2 h_1 + u_2, put h_1 = a_1 h_0 + u_1 into it, and sort by h_0.",
      tests: [
        {
          sentence: "the joined steps reach the states h_2, h_4, …, h_T",
          points: 2,
          hint: "What came in first decays once more before it counts: a_2 u_1 + u_2.",
          run: async ({ answer, random }) => {
            for (const T of [2, 10]) {
              const [a, u] = [
                random.uniformTensor<tf.Rank.R2>([T, 3]),
                random.normalTensor<tf.Rank.R2>([T, 3]),
              ];
              const joined = await answer(a, u);
              assertClose(
                everyState(joined.a, joined.u, 1),
                everyState(a, u, 2),
                single,
                `states at T = ${T}`,
              );
            }
          },
        },
        {
          sentence: "halved three times, eight steps are one",
          hint: "The joined steps must be right for **any** state before them, not only for zero.",
          run: async ({ answer, random }) => {
            const [a, u] = [
              random.uniformTensor<tf.Rank.R2>([16, 2]),
              random.normalTensor<tf.Rank.R2>([16, 2]),
            ];
            let joined = { a, u };
            for (let round = 0; round < 3; round++) joined = await answer(joined.a, joined.u);
            assertClose(
              everyState(joined.a, joined.u, 1),
              everyState(a, u, 8),
              single,
              "states h_8 and h_16",
            );
          },
        },
        {
          sentence: "gates of exactly 0 do no harm",
          hint: "Only multiply and add. Dividing by a gate, or taking its logarithm, breaks where the gate is 0.",
          run: async ({ answer, random }) => {
            const gates = Array.from({ length: 24 }, () => [0, 0, 1, 0.5][random.integer(4)]!);
            const [a, u] = [tf.tensor2d(gates, [12, 2]), random.normalTensor<tf.Rank.R2>([12, 2])];
            const joined = await answer(a, u);
            assertClose(everyState(joined.a, joined.u, 1), everyState(a, u, 2), single, "states");
          },
        },
      ],
    },

    stepsForMean: {
      title: "5. Choose the steps",
      returns: "numbers",
      hint: "Call g = 1 − e^(−Δ) the gate: h ← (1 − g) h + g x. How does a running mean of k − 1 numbers take in the k-th?",
      tests: [
        {
          sentence: "there is a finite step for each token, none of them negative",
          run: async ({ answer, random }) => {
            const marked = marks(random, 9);
            const steps = await answer(marked);
            expect(steps.length, "how many steps").to.equal(9);
            expect(
              steps.every((step) => Number.isFinite(step) && step >= 0),
              `[${steps.join(", ")}] are finite and not negative`,
            ).to.equal(true);
          },
        },
        {
          sentence: "the last state is the mean of the marked tokens",
          points: 2,
          hint: "The k-th marked token needs the gate 1/k: Δ = −ln(1 − 1/k). The others need the gate 0.",
          run: async ({ answer, random }) => {
            for (const T of [1, 6, 40]) {
              const marked = marks(random, T);
              const xs = marked.map(() => 2 * random.normal());
              const chosen = xs.filter((_, t) => marked[t] === 1);
              const mean = chosen.reduce((a, b) => a + b, 0) / chosen.length;
              const h = lastState(await answer(marked), xs, 0);
              expect(h, `last state for marks [${marked.join(", ")}]`).to.be.closeTo(mean, 1e-6);
            }
          },
        },
        {
          sentence: "what the state was before the first token, and what the others are, does not matter",
          hint: "The first marked token must replace everything: its gate is 1/1, and a Δ of 100 comes close enough.",
          run: async ({ answer, random }) => {
            // Unmarked tokens stand before and behind the first marked one, in every draw.
            const marked = [0, 1, 0, ...marks(random, 6)];
            const steps = await answer(marked);
            const xs = marked.map(() => random.normal());
            const others = xs.map((x, t) => (marked[t] === 1 ? x : 1000 * random.normal()));
            const [one, other] = [lastState(steps, xs, 5), lastState(steps, others, -800)];
            expect(other, "last state after another past").to.be.closeTo(one, 1e-6);
          },
        },
      ],
    },

    passOver: {
      title: "Quiz: passing over a token",
      is: "text",
      hint: "The state is multiplied by exp(Δ A) and gets Δ B x. For which Δ are these 1 and 0?",
      tests: [
        {
          sentence: "the step that changes nothing",
          run: async ({ answer }) => expectWord(await answer(), "Δ near 0"),
        },
      ],
    },
    fixed: {
      title: "Quiz: what does not look at the token",
      is: "text",
      hint: "Look at what the projection W_x produces.",
      tests: [
        { sentence: "the parameter that stays", run: async ({ answer }) => expectWord(await answer(), "A") },
      ],
    },
    rounds: {
      title: "Quiz: rounds of a scan",
      is: "number",
      hint: "One round holds 2 tokens, two rounds 4, three rounds 8, …",
      tests: [
        {
          sentence: "2 to the power of the rounds is 1,024",
          run: async ({ answer }) => {
            const given = await answer();
            if (given !== 10) throw new AssertionError(`${given} is not right`);
          },
        },
      ],
    },
    noConvolution: {
      title: "Quiz: why not a convolution",
      is: "text",
      hint: "A convolution weighs what lies k tokens back by one number, wherever it stands.",
      tests: [
        {
          sentence: "what a convolution needs and selection gives up",
          run: async ({ answer }) =>
            expectWord(await answer(), "its kernel would differ from token to token"),
        },
      ],
    },
  },
  { withheld: ["workbook/scan", "workbook/variants/mamba", "workbook/variants/mamba-block"] },
);

/** Zeros and ones, at least one of them 1. */
function marks(random: Random, T: number): number[] {
  const drawn = Array.from({ length: T }, () => random.integer(2));
  drawn[random.integer(T)] = 1;
  return drawn;
}

// The message names what came in, not what was expected: that is the answer.
