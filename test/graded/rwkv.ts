import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { stableWkvIdentities, wkvIdentities } from "workbook/identities/rwkv";
import type { Random } from "workbook/random";
import { wkv, wkvState } from "workbook/variants/rwkv";
import type * as Answers from "../../solutions/rwkv.js";

const single = { tolerance: 1e-4, because: "float32 exponentials, and averages of at most 200 values" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

type Inputs = Parameters<typeof Answers.stableAverage>;

function inputs(T: number, C: number, random: Random): Inputs {
  return [
    random.uniformTensor<tf.Rank.R1>([C], -1, -0.05),
    random.normalTensor<tf.Rank.R1>([C]),
    random.normalTensor<tf.Rank.R2>([T, C], 2),
    random.normalTensor<tf.Rank.R2>([T, C]),
  ];
}

const rows = (x: tf.Tensor2D) => tf.expandDims(x, 0) as tf.Tensor3D;

function verify(value: tf.Tensor2D, ...[w, u, k, v]: Inputs): void {
  const expected = tf.tidy(() => tf.squeeze(wkv({ w, u, k: rows(k), v: rows(v) }), [0]));
  assertClose(value, expected, single, "output");
}

/** Weight of the newest token over the sum of all, term by term. */
function shareByCounting(t: number, w: number, u: number): number {
  let sum = Math.exp(u);
  for (let i = 1; i < t; i++) sum += Math.exp((t - 1 - i) * w);
  return Math.exp(u) / sum;
}

/** The summary of a text, `[C]` each, from the library. */
function summaryOf(w: tf.Tensor1D, k: tf.Tensor2D, v: tf.Tensor2D): Answers.Summary {
  const { a, b, m } = wkvState({ w, k: rows(k), v: rows(v) });
  const [A, B, M] = [a, b, m].map((x) => tf.squeeze(x, [0])) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  return { a: A, b: B, m: M };
}

/** Throws unless two summaries say the same: one average, and one logarithm of all weights. */
function assertSame(got: Answers.Summary, expected: Answers.Summary): void {
  const meaning = ({ a, b, m }: Answers.Summary) => ({
    average: tf.div(a, b),
    weight: tf.add(m, tf.log(b)),
  });
  const [one, other] = [meaning(got), meaning(expected)];
  assertClose(one.average, other.average, single, "average a / b");
  assertClose(one.weight, other.weight, single, "logarithm of all weights, m + ln b");
}

/** What the channel puts out after keys and values, for a next token that weighs nothing; in float64. */
function readAfter(keys: readonly number[], values: readonly number[], w: number): number {
  const scores = keys.map((key, i) => key + (keys.length - 1 - i) * w);
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.reduce((total, weight, i) => total + (weight / sum) * values[i]!, 0);
}

const lengths = [16, 32, 64, 128];

export default graded<typeof Answers>(
  "rwkv",
  {
    ownShare: {
      title: "1. The newest token's share",
      returns: "number",
      hint: "The token before the newest has not decayed, the one before it once: 1 + e^w + e^(2w) + …, a geometric series. How many terms?",
      tests: [
        property({
          sentence: "it is the newest weight over the sum of all weights, added up one by one",
          points: 2,
          // Tenths, since fast-check's floats are mostly so small that they count for nothing.
          inputs: ({ integer }) => ({
            t: integer({ min: 2, max: 60 }),
            w: integer({ min: -30, max: -1 }).map((tenths) => tenths / 10),
            u: integer({ min: -20, max: 20 }).map((tenths) => tenths / 10),
          }),
          holds: async ({ answer }, { t, w, u }) => {
            const [share, counted] = [await answer(t, w, u), shareByCounting(t, w, u)];
            if (Math.abs(share - counted) < 1e-9) return;
            throw new AssertionError(`the weights, added up, give a share of ${counted}; got ${share}`);
          },
        }),
        {
          sentence: "the first token has only itself",
          hint: "With t = 1 there are no earlier tokens: the series has t − 1 = 0 terms.",
          run: async ({ answer, random }) => {
            const [w, u] = [-0.1 - random.uniform(), random.normal()];
            expect(await answer(1, w, u), `w = ${w.toFixed(3)}, u = ${u.toFixed(3)}`).to.be.closeTo(1, 1e-9);
          },
        },
      ],
    },

    average: {
      title: "2. WKV, from its definition",
      returns: "float32 tensor [T, C]",
      hint: "For row t: scores (t − 1 − i) w + k_i for the earlier tokens, u + k_t for the newest, and a softmax over them, channel by channel.",
      tests: wkvIdentities.map((identity) => identityTest(identity as Identity<never>)),
    },

    stableAverage: {
      title: "3. A state with a running maximum",
      returns: "float32 tensor [T, C]",
      hint: "Twice per token: a maximum for the output, of m and u + k; then one for the state, of m + w and k. Each exponential is relative to it.",
      tests: [
        ...[...wkvIdentities.slice(0, 2), ...stableWkvIdentities].map((identity) =>
          identityTest<typeof Answers.stableAverage>(identity as Identity<never>),
        ),
        gradedComplexity<typeof Answers.stableAverage>({
          sentence: "operations grow like T",
          hint: "Each token touches the state once. No sum over all earlier tokens.",
          sizes: lengths,
          args: (T, random) => inputs(T, 8, random),
          quantity: "flops",
          exponent: 1,
          // A sum over all earlier tokens fits 1.9 here; nothing pulls the linear one off.
          tolerance: 0.15,
          // The solution takes 23 operations for each of 8 channels.
          atMost: (T) => 8 * 100 * T,
          verify,
        }),
        gradedComplexity<typeof Answers.stableAverage>({
          sentence: "memory grows like T",
          hint: "Never make a table of T × T weights. One state of three numbers a channel is enough.",
          sizes: lengths,
          args: (T, random) => inputs(T, 8, random),
          quantity: "peakBytes",
          exponent: 1,
          // The state and one step's numbers still show at T = 16 where they are freed early.
          tolerance: 0.3,
          atMost: (T) => 8 * 4 * 60 * (T + 16),
          verify,
        }),
      ],
    },

    bothTexts: {
      title: "4. Two texts in one",
      returns: { a: "float32 tensor [C]", b: "float32 tensor [C]", m: "float32 tensor [C]" },
      hint: "While the later text was read, the earlier one grew older by all of its tokens. Bring both to a common m before you add.",
      tests: [
        {
          sentence: "joined, two summaries are the summary of both texts in a row",
          points: 2,
          hint: "The earlier text decays by e^(length · w), the later one not at all.",
          run: async ({ answer, random }) => {
            for (const [n, length] of [
              [1, 1],
              [3, 1],
              [2, 5],
            ] as const) {
              const [w, , k, v] = inputs(n + length, 3, random);
              const [first, second] = [
                [0, n],
                [n, length],
              ].map(([from, size]) => summaryOf(w, tf.slice(k, from!, size!), tf.slice(v, from!, size!)));
              assertSame(await answer(first!, second!, length, w), summaryOf(w, k, v));
            }
          },
        },
        {
          sentence: "a text without tokens changes nothing, before or after",
          hint: "Its m is −1e38, and length is 0 when it comes last. Only differences of m's may be exponentiated.",
          run: async ({ answer, random }) => {
            const [w, , k, v] = inputs(4, 3, random);
            const text = summaryOf(w, k, v);
            const empty = () => ({
              a: tf.zeros<tf.Rank.R1>([3]),
              b: tf.zeros<tf.Rank.R1>([3]),
              m: tf.fill<tf.Rank.R1>([3], -1e38),
            });
            assertSame(await answer(empty(), text, 4, w), text);
            assertSame(await answer(text, empty(), 0, w), text);
          },
        },
        {
          sentence: "keys of ±1,000 stay finite and right",
          hint: "Take the larger of both m's, once the earlier one has aged, and exponentiate only differences from it.",
          run: async ({ answer, random }) => {
            for (const shifts of [
              [1000, -1000],
              [-1000, 1000],
              [1000, 1000],
            ]) {
              const [w, , k, v] = inputs(5, 3, random);
              const places = tf.tensor2d(
                [0, 1, 2, 3, 4].map((t) => [t < 2 ? shifts[0]! : shifts[1]!]),
                [5, 1],
              );
              const keys = tf.add(k, places) as tf.Tensor2D;
              const parts = [
                [0, 2],
                [2, 3],
              ].map(([from, size]) => summaryOf(w, tf.slice(keys, from!, size!), tf.slice(v, from!, size!)));
              assertSame(await answer(parts[0]!, parts[1]!, 3, w), summaryOf(w, keys, v));
            }
          },
        },
      ],
    },

    keysForMean: {
      title: "5. Keys that undo forgetting",
      returns: "numbers",
      hint: "Write down what token i weighs in the end. Which k_i makes that the same number for every marked token?",
      tests: [
        {
          sentence: "after the last token the channel holds the mean of the marked tokens",
          points: 2,
          hint: "Token i weighs e^((T − 1 − i) w + k_i): the decay is an exponent, and a key is one too.",
          run: async ({ answer, random }) => {
            for (const T of [1, 6, 40]) {
              const marked = marks(random, T);
              const w = -0.05 - random.uniform();
              const keys = await answer(marked, w);
              expect(keys.length, "how many keys").to.equal(T);
              const values = marked.map(() => 2 * random.normal());
              const chosen = values.filter((_, i) => marked[i] === 1);
              const mean = chosen.reduce((a, b) => a + b, 0) / chosen.length;
              const held = readAfter(keys, values, w);
              expect(
                held,
                `what is held for marks [${marked.join(", ")}], w = ${w.toFixed(3)}`,
              ).to.be.closeTo(mean, 1e-6);
            }
          },
        },
        {
          sentence: "the other tokens do not matter, wherever they stand",
          hint: "Late tokens have decayed least: an unmarked one must weigh nothing even beside marked ones that are much older.",
          run: async ({ answer, random }) => {
            const marked = [0, 1, ...Array.from({ length: 60 }, () => 0)];
            const w = -0.5 - random.uniform();
            const keys = await answer(marked, w);
            expect(keys.every(Number.isFinite), `[${keys.join(", ")}] are finite`).to.equal(true);
            const values = marked.map((mark) => (mark === 1 ? 1 : 100 * random.normal()));
            expect(readAfter(keys, values, w), "what is held").to.be.closeTo(1, 1e-6);
          },
        },
      ],
    },

    decayOfTokenThree: {
      title: "Quiz: when decay begins",
      is: "text",
      hint: "Token 4, the one before the newest, has not decayed.",
      tests: [{ sentence: "the factor", run: async ({ answer }) => expectWord(await answer(), "e^w") }],
    },
    numbersKept: {
      title: "Quiz: what a block keeps",
      is: "number",
      hint: "WKV keeps three numbers a channel, and each of the two token shifts its last input.",
      tests: [
        {
          sentence: "numbers kept for the next token",
          run: async ({ answer }) => {
            const given = await answer();
            if (given !== 5 * 768) throw new AssertionError(`${given} is not right`);
          },
        },
      ],
    },
    raisedKeys: {
      title: "Quiz: raised keys",
      is: "text",
      hint: "Follow a factor of e^5 through numerator and denominator.",
      tests: [
        {
          sentence: "the channel's outputs",
          run: async ({ answer }) => expectWord(await answer(), "nothing"),
        },
      ],
    },
    whoCompares: {
      title: "Quiz: who compares",
      is: "text",
      hint: "In attention the score of a pair is q · k. Which symbols of the WKV sum carry both t and i?",
      tests: [
        {
          sentence: "what compares two tokens",
          run: async ({ answer }) => expectWord(await answer(), "none"),
        },
      ],
    },
  },
  {
    withheld: [
      "workbook/variants/rwkv",
      "workbook/variants/rwkv-sums",
      "workbook/variants/rwkv-block",
      "workbook/learn/rwkv-mixer",
    ],
  },
);

/** Zeros and ones, at least one of them 1. */
function marks(random: Random, T: number): number[] {
  const drawn = Array.from({ length: T }, () => random.integer(2));
  drawn[random.integer(T)] = 1;
  return drawn;
}
