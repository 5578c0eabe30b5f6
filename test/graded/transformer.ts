import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { causalAttentionIdentities, shiftIdentities } from "workbook/identities/transformer";
import type { Random } from "workbook/random";
import type * as Answers from "../../solutions/transformer.js";

const single = { tolerance: 1e-4, because: "float32 products of width 16 and one softmax" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, run: ({ answer, random }) => check(answer, random) };
}

/** Inputs of `lastOutput`: x [T, C], projections [C, D]. */
function lastOutputArgs(T: number, random: Random): Parameters<typeof Answers.lastOutput> {
  const [C, D] = [16, 8];
  const w = () => random.normalTensor<tf.Rank.R2>([C, D], C ** -0.5);
  return [random.normalTensor<tf.Rank.R2>([T, C]), w(), w(), w()];
}

/** The whole causal pass, of which only the last row is wanted. */
function lastRow(...[x, wq, wk, wv]: Parameters<typeof Answers.lastOutput>): tf.Tensor2D {
  return tf.tidy(() => {
    const [q, k, v] = [wq, wk, wv].map((w) => tf.matMul(x, w) as tf.Tensor2D) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const weights = tf.softmax(tf.div(tf.matMul(q, k, false, true), Math.sqrt(q.shape[1])));
    return tf.slice(tf.matMul(weights, v), [x.shape[0] - 1, 0], [1, v.shape[1]]) as tf.Tensor2D;
  });
}

const lengths = [64, 128, 256, 512];

const exercises: GradedExercises<typeof Answers> = {
  dotProductVariance: {
    title: "1. How large do dot products get?",
    returns: "number",
    hint: "Each product qᵢkᵢ has mean 0 and variance E[qᵢ²] E[kᵢ²]. Variances of independent terms add up.",
    tests: [
      {
        sentence: "with unit variances the variance is d",
        run: async ({ answer, random }) => {
          const d = 1 + random.integer(500);
          expect(await answer(d, 1, 1), `d = ${d}`).to.be.closeTo(d, 1e-9 * d);
        },
      },
      {
        sentence: "it agrees with 40,000 sampled dot products",
        points: 2,
        run: async ({ answer, random }) => {
          const [d, n] = [3 + random.integer(6), 40_000];
          // One below 1 and one above 2: their sum is nowhere near their product.
          const variances = [0.5 + 0.5 * random.uniform(), 2 + 1.5 * random.uniform()];
          const [a, b] = random.shuffle(variances) as [number, number];
          let squares = 0;
          for (let sample = 0; sample < n; sample++) {
            let dot = 0;
            for (let i = 0; i < d; i++) dot += Math.sqrt(a * b) * random.normal() * random.normal();
            squares += dot * dot;
          }
          // The sample variance of n dot products has a relative standard error below √(8/n) = 0.014; allow 5 of them.
          const label = `d = ${d}, variances ${a.toFixed(2)} and ${b.toFixed(2)}, relative to the sample`;
          expect((await answer(d, a, b)) / (squares / n), label).to.be.closeTo(1, 0.07);
        },
      },
    ],
  },

  causalAttention: {
    title: "2. Causal attention, from its definition",
    returns: "float32 tensor [T, E]",
    hint: "Four steps: scores q kᵀ / √D; hide the future (tf.where, a large negative number); softmax; times v.",
    tests: causalAttentionIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  crossoverLength: {
    title: "3. Where attention overtakes the feed-forward block",
    returns: "number",
    hint: "A product of an m × k with a k × n matrix takes 2 m k n FLOPs. Write both costs down and solve for T.",
    tests: [
      property({
        sentence: "at the length you return, both cost the same",
        points: 2,
        inputs: ({ integer }) => ({
          C: integer({ min: 1, max: 1024 }),
          ratio: integer({ min: 1, max: 8 }),
        }),
        holds: async ({ answer }, { C, ratio }) => {
          const T = await answer(C, ratio);
          const scores = 2 * T * C * T + 2 * T * T * C;
          const ffn = 2 * T * C * (ratio * C) + 2 * T * (ratio * C) * C;
          if (Math.abs(scores / ffn - 1) < 1e-9) return;
          throw new AssertionError(
            `at your T = ${T} the score products take ${scores.toLocaleString("en")} FLOPs, the feed-forward block ${ffn.toLocaleString("en")}`,
          );
        },
      }),
    ],
  },

  lastOutput: {
    title: "4. Only the last position, in linear cost",
    returns: "float32 tensor [1, D]",
    hint: "One position asks, so one query is enough. All positions answer, so all keys and values are needed.",
    tests: [
      {
        sentence: "the result equals the last row of the full causal pass",
        points: 2,
        hint: "The last position sees every key: no mask is needed. Scale by √D, D the width of a query.",
        run: async ({ answer, random }) => {
          for (const T of [1, 2, 17]) {
            const args = lastOutputArgs(T, random);
            assertClose(await answer(...args), lastRow(...args), single, `output at T = ${T}`);
          }
        },
      },
      gradedComplexity<typeof Answers.lastOutput>({
        sentence: "operations grow like T",
        hint: "Which of the T queries do you need? Project only that one.",
        sizes: lengths,
        args: lastOutputArgs,
        quantity: "flops",
        exponent: 1,
        // The T × T scores of the full pass fit an exponent above 1.7 here; constants pull the linear one just below 1.
        tolerance: 0.1,
        // Keys and values alone take 4 T C D = 512 T; scores and softmax little more.
        atMost: (T) => 2_000 * T,
        verify: (value, ...args) => assertClose(value, lastRow(...args), single, "output"),
      }),
      gradedComplexity<typeof Answers.lastOutput>({
        sentence: "memory grows like T",
        hint: "A T × T table of scores is never needed: one row of it is.",
        sizes: lengths,
        args: lastOutputArgs,
        quantity: "peakBytes",
        exponent: 1,
        tolerance: 0.1,
        // Keys and values take 64 T bytes, a row of scores 4 T.
        atMost: (T) => 500 * T,
        verify: (value, ...args) => assertClose(value, lastRow(...args), single, "output"),
      }),
    ],
  },

  shiftPositions: {
    title: "5. Move through positions without knowing them",
    returns: "float32 tensor [T, C]",
    hint: "Each pair of columns is a point on a circle. What does moving by `shift` positions do to a clock's hand?",
    tests: shiftIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  patternsWithTwiceTheHeads: {
    title: "Quiz: twice the heads, bytes of the patterns",
    is: "text",
    hint: "Each head has a T × T pattern of its own, however narrow the head is.",
    tests: [
      {
        sentence: "H patterns of T × T numbers",
        run: async ({ answer }) => expectWord(await answer(), "double"),
      },
    ],
  },
  flopsWithTwiceTheHeads: {
    title: "Quiz: twice the heads, FLOPs of the scores",
    is: "text",
    hint: "One head costs 2 T² D for Q Kᵀ. Twice the heads, half the D.",
    tests: [
      { sentence: "H heads of 4 T² D FLOPs", run: async ({ answer }) => expectWord(await answer(), "stay") },
    ],
  },
  growthFromDoubling: {
    title: "Quiz: twice the tokens",
    is: "number",
    hint: "Per layer: 8 T C² for projections, 4 T² C for scores, 16 T C² for the FFN. Put T = C, then T = 2 C.",
    tests: [
      {
        sentence: "(24 T C² + 4 T² C) at T = 2,048 over the same at T = 1,024",
        run: async ({ answer }) => {
          const flops = (T: number, C: number) => 8 * T * C * C + 4 * T * T * C + 16 * T * C * C;
          const off = Math.abs((await answer()) - flops(2048, 1024) / flops(1024, 1024));
          if (!(off <= 0.005)) throw new AssertionError("not this number, to two decimals");
        },
      },
    ],
  },
  oneCausalLayerIsBlindToEarlierOrder: {
    title: "Quiz: order in one causal layer",
    is: "text",
    hint: "For the last position every token is visible: its output is a weighted average. Does an average know an order?",
    tests: [
      {
        sentence: "the last output is a weighted sum over a set",
        run: async ({ answer }) => expectWord(await answer(), "yes"),
      },
    ],
  },
};

export default graded("transformer", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/attention",
    "workbook/block-sparse",
    "workbook/packed-attention",
    "workbook/variants/transformer",
    "workbook/learn/mixer",
  ],
});

/** Says only that a word is wrong: the report must not give the right one away. */
