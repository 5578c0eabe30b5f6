import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import {
  favorIdentities,
  orthogonaliseIdentities,
  positiveIdentities,
  stableIdentities,
} from "workbook/identities/performer";
import type { Random } from "workbook/random";
import { positiveError } from "workbook/random-features";
import { performerAttention } from "workbook/variants/performer";
import type * as Answers from "../../solutions/performer.js";

const single = { tolerance: 1e-4, because: "float32 exponentials, and sums of at most 2,048 positive terms" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

const identityTests = <A>(identities: readonly Identity<never>[]) =>
  identities.map((one) => identityTest<A>(one));

function favorArgs(T: number, random: Random): Parameters<typeof Answers.favor> {
  const x = (rows: number) => random.normalTensor<tf.Rank.R2>([rows, 8], 0.5);
  return [x(T), x(T), x(T), random.normalTensor<tf.Rank.R2>([16, 8])];
}

function verifyFavor(value: tf.Tensor2D, ...[q, k, v, w]: Parameters<typeof Answers.favor>): void {
  const expected = tf.tidy(() =>
    tf.squeeze(performerAttention({ q: four(q), k: four(k), v: four(v), w, eps: 0 }), [0, 1]),
  );
  assertClose(value, expected, single, "output");
}

const sizes = [256, 512, 1024, 2048];

const exercises: GradedExercises<typeof Answers> = {
  featuresNeeded: {
    title: "1. How many features does a weight need?",
    returns: "number",
    hint: "Divide lemma 2's mean squared error by the square of the weight. What is left depends on ‖x + y‖² and m alone.",
    tests: [
      property({
        sentence: "with that many features, lemma 2 gives the standard deviation asked for",
        points: 2,
        inputs: ({ double }) => ({
          zz: double({ min: 0.01, max: 12, noNaN: true }),
          delta: double({ min: 0.01, max: 1, noNaN: true }),
        }),
        holds: async ({ answer }, { zz, delta }) => {
          const m = await answer(zz, delta);
          // Any pair with that sum will do: here x = y.
          const pair = { xx: zz / 4, yy: zz / 4, xy: zz / 4 };
          const relative = Math.sqrt(positiveError(pair, m)) / Math.exp(pair.xy);
          if (!(Math.abs(relative / delta - 1) < 1e-9)) {
            throw new AssertionError(
              `with your ${m} features the deviation is ${Number(relative.toPrecision(6))} of the weight, not ${delta} (‖x + y‖² = ${zz})`,
            );
          }
        },
      }),
      {
        sentence: "opposite vectors need none",
        hint: "There the estimate is exact.",
        run: async ({ answer }) => assertClose(await answer(0, 0.1), 0, single, "features"),
      },
    ],
  },

  positive: {
    title: "2. Positive random features",
    returns: "float32 tensor [T, m]",
    hint: "Divide x by D^(1/4) first; everything after that is written in the scaled x.",
    tests: identityTests(positiveIdentities as readonly Identity<never>[]),
  },

  orthogonalise: {
    title: "3. Orthogonal vectors that are still Gaussian",
    returns: "float32 tensor [m, D]",
    hint: "Loop over the rows with the unit directions of the same block; arraySync() gives plain numbers to work with.",
    tests: identityTests(orthogonaliseIdentities as readonly Identity<never>[]),
  },

  stableKeys: {
    title: "4. Repair: exponentials that overflow",
    returns: "float32 tensor [S, m]",
    hint: "Which factors stand in every term of numerator and denominator alike?",
    tests: [
      {
        sentence: "attention over your features gives what it gave before",
        points: 2,
        hint: "A factor for each key weights the keys anew; a factor for each feature weights the features anew.",
        run: async ({ answer, random }) => {
          const exponents = random.normalTensor<tf.Rank.R2>([7, 5], 2);
          const [q, v] = [random.uniformTensor<tf.Rank.R2>([4, 5]), random.normalTensor<tf.Rank.R2>([7, 3])];
          const read = (features: tf.Tensor2D) =>
            tf.div(
              tf.matMul(q, tf.matMul(features, v, true, false)),
              tf.matMul(q, tf.reshape(tf.sum(features, 0), [-1, 1]) as tf.Tensor2D),
            );
          assertClose(read(await answer(exponents)), read(tf.exp(exponents)), single, "outputs");
        },
      },
      {
        sentence: "with exponents of a thousand the largest feature is 1",
        hint: "Subtract the largest exponent, before exp.",
        run: async ({ answer, random }) => {
          const exponents = tf.add<tf.Tensor2D>(random.normalTensor<tf.Rank.R2>([6, 4], 3), 1000);
          assertClose(tf.max(await answer(exponents)), 1, single, "largest feature");
        },
      },
      {
        sentence: "with exponents of minus a thousand it is 1 too",
        hint: "Far below zero all features would vanish.",
        run: async ({ answer, random }) => {
          const exponents = tf.sub<tf.Tensor2D>(random.normalTensor<tf.Rank.R2>([6, 4], 3), 1000);
          assertClose(tf.max(await answer(exponents)), 1, single, "largest feature");
        },
      },
    ],
  },

  favor: {
    title: "5. FAVOR+, in linear cost",
    returns: "float32 tensor [T, E]",
    hint: "Features first; then φ(K)ᵀV and the sum of φ(K), which know no query; then read both with φ(Q).",
    tests: [
      ...identityTests<typeof Answers.favor>(favorIdentities as readonly Identity<never>[]),
      ...identityTests<typeof Answers.favor>(stableIdentities as readonly Identity<never>[]),
      gradedComplexity<typeof Answers.favor>({
        sentence: "operations grow like T",
        hint: "No product of all queries with all keys.",
        sizes,
        args: favorArgs,
        quantity: "flops",
        exponent: 1,
        tolerance: 0.1,
        points: 2,
        verify: verifyFavor,
      }),
      gradedComplexity<typeof Answers.favor>({
        sentence: "memory grows like T",
        hint: "Never make a T × T table.",
        sizes,
        args: favorArgs,
        quantity: "peakBytes",
        exponent: 1,
        tolerance: 0.1,
        points: 2,
        verify: verifyFavor,
      }),
    ],
  },

  halveTheError: {
    title: "Quiz: half the error",
    is: "number",
    hint: "The variance of a mean of m independent numbers falls like 1/m; the deviation is its root.",
    tests: [
      { sentence: "times as many features", run: async ({ answer }) => expectNumber(await answer(), 4) },
    ],
  },
  withoutError: {
    title: "Quiz: the weight without error",
    is: "text",
    hint: "Relative variance: (e^‖x+y‖² − 1) / m. When is it zero?",
    tests: [
      { sentence: "the exact key", run: async ({ answer }) => expectWord(await answer(), "its opposite") },
    ],
  },
  negativeDenominator: {
    title: "Quiz: negative denominators",
    is: "text",
    hint: "Which features can be negative numbers?",
    tests: [
      {
        sentence: "features that can sum below zero",
        run: async ({ answer }) => expectWord(await answer(), "trigonometric"),
      },
    ],
  },
  laterKeyLeaks: {
    title: "Quiz: the shared maximum",
    is: "text",
    hint: "exp(z − max) cancels its maximum. Does exp(z − max) + ε?",
    tests: [
      { sentence: "whether the future leaks", run: async ({ answer }) => expectWord(await answer(), "yes") },
    ],
  },
};

export default graded("performer", exercises, {
  // What the exercises ask for stands in these.
  withheld: ["workbook/variants/performer", "workbook/random-features"],
});

function four(x: tf.Tensor2D): tf.Tensor4D {
  return tf.reshape(x, [1, 1, ...x.shape]);
}

/** Says only that an answer is wrong: the report must not give the right one away. */
function expectNumber(got: number, right: number): void {
  if (!(Math.abs(got - right) < 1e-6)) throw new AssertionError(`${got} is not it`);
}
