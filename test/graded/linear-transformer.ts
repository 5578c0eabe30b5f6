import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { causalLinearIdentities, chunkwiseIdentities } from "workbook/identities/linear-transformer";
import type { Random } from "workbook/random";
import {
  causalLinearAttention,
  linearAttention,
  linearAttentionStep,
} from "workbook/variants/linear-transformer";
import type * as Answers from "../../solutions/linear-transformer.js";

const single = { tolerance: 1e-4, because: "float32 sums of at most 256 positive terms" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

/** Inputs of `chunkwise` with chunks of 32. */
function chunkwiseArgs(T: number, random: Random): Parameters<typeof Answers.chunkwise> {
  const x = (columns: number) => random.normalTensor<tf.Rank.R2>([T, columns]);
  return [x(8), x(8), x(8), 32];
}

function verifyChunkwise(value: tf.Tensor2D, ...[q, k, v]: Parameters<typeof Answers.chunkwise>): void {
  const expected = tf.tidy(() =>
    tf.squeeze(causalLinearAttention({ q: fourAxes(q), k: fourAxes(k), v: fourAxes(v) }), [0, 1]),
  );
  assertClose(value, expected, single, "output");
}

const lengths = [128, 256, 512, 1024];

const exercises: GradedExercises<typeof Answers> = {
  breakEvenTokens: {
    title: "1. When the cache outgrows the state",
    returns: "number",
    hint: "The cache grows by one key and one value a token. The state is the matrix S and the vector z.",
    tests: [
      property({
        sentence: "at the length you return, cache and state hold equally many numbers",
        points: 2,
        inputs: ({ integer }) => {
          const width = integer({ min: 1, max: 256 });
          return { D: width, E: width, F: width };
        },
        holds: async ({ answer }, { D, E, F }) => {
          const t = await answer(D, E, F);
          const [cache, state] = [t * D + t * E, F * E + F];
          if (!(Math.abs(cache / state - 1) < 1e-9)) {
            throw new AssertionError(
              `after your ${t} tokens the cache holds ${cache} numbers, the state ${state}`,
            );
          }
        },
      }),
      {
        sentence: "with F = D it is where the library's own state and cache meet",
        run: async ({ answer, random }) => {
          const [D, E] = [4 + random.integer(9), 2 + random.integer(9)];
          const [k, v] = [
            random.normalTensor<tf.Rank.R4>([1, 1, 1, D]),
            random.normalTensor<tf.Rank.R4>([1, 1, 1, E]),
          ];
          const { state } = linearAttentionStep({ q: k, k, v });
          const perToken = k.size + v.size;
          expect(await answer(D, E, D), `D = ${D}, E = ${E}`).to.be.closeTo(state.size / perToken, 1e-9);
        },
      },
    ],
  },

  features: {
    title: "2. elu + 1 that keeps what is small",
    returns: "float32 tensor [T, D]",
    hint: "Where x < 0, elu(x) is exp(x) − 1. Adding 1 to it afterwards cannot bring lost digits back: never subtract it.",
    tests: [
      {
        sentence: "above zero it is x + 1, finite up to a million",
        hint: "exp(1,000,000) is infinite: exponentiate only what is not above zero.",
        run: async ({ answer, random }) => {
          const xs = [0, 0.5, 10 * random.uniform(), 100, 1e6, 3];
          const expected = { shape: [2, 3], data: xs.map((x) => x + 1) };
          assertClose(await answer(tf.tensor2d(xs, [2, 3])), expected, single, "φ");
        },
      },
      {
        sentence: "below zero it is exp(x), right to four digits down to −60",
        points: 2,
        run: async ({ answer, random }) => {
          const xs = [-0.25, -1 - random.uniform(), -9, -18, -30 - random.uniform(), -60];
          const got = (await answer(tf.tensor2d(xs, [2, 3]))).dataSync();
          const digits = { tolerance: 1e-4, because: "one exponential in float32" };
          const relative = xs.map((x, i) => got[i]! / Math.exp(x));
          assertClose(
            { shape: [6], data: relative },
            { shape: [6], data: xs.map(() => 1) },
            digits,
            "φ / exp",
          );
        },
      },
    ],
  },

  causalLinear: {
    title: "3. Causal linear attention, from its definition",
    returns: "float32 tensor [T, E]",
    hint: "Four steps: φ of queries and keys; their dot products; zero the future; divide by the row sums.",
    tests: causalLinearIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  chunkwise: {
    title: "4. In chunks, in linear cost",
    returns: "float32 tensor [T, E]",
    hint: "For each chunk: weights among its own positions, plus its queries times the state; then add its keys and values to the state.",
    tests: [
      ...chunkwiseIdentities.map((identity) =>
        identityTest<typeof Answers.chunkwise>(identity as Identity<never>),
      ),
      gradedComplexity<typeof Answers.chunkwise>({
        sentence: "operations grow like T",
        hint: "No product of all queries with all keys: a chunk meets its own keys, and one matrix for all the others.",
        sizes: lengths,
        args: chunkwiseArgs,
        quantity: "flops",
        exponent: 1,
        // All T × T weights fit an exponent of 1.98 here; nothing pulls the linear one off.
        tolerance: 0.1,
        verify: verifyChunkwise,
      }),
      gradedComplexity<typeof Answers.chunkwise>({
        sentence: "memory grows like T",
        hint: "Never make a T × T table: chunk × chunk is enough.",
        sizes: lengths,
        args: chunkwiseArgs,
        quantity: "peakBytes",
        exponent: 1,
        // The weights of one chunk and the state are small beside T rows.
        tolerance: 0.15,
        verify: verifyChunkwise,
      }),
    ],
  },

  invisibleChange: {
    title: "5. Change the past without anybody noticing",
    returns: "float32 tensor [T]",
    hint: "Queries read φ(q)ᵀ Σ_s φ(k_s) v_s: a change is invisible when Σ_s φ(k_s) change_s = 0. That is D equations for T > D unknowns.",
    tests: [
      {
        sentence: "no query notices: the outputs after the last token stay the same",
        points: 2,
        hint: "Make the change orthogonal to every column of φ(K), features and not keys: subtract its part along each (Gram-Schmidt).",
        run: async ({ answer, random }) => {
          for (const extra of [1, 5]) {
            const { k, v, q } = changeProblem(random, extra);
            const change = tf.reshape(await answer(k), [-1, 1]) as tf.Tensor2D;
            assertClose(read(q, k, tf.add(v, change)), read(q, k, v), single, "answers to ten queries");
          }
        },
      },
      {
        sentence: "the change has length 1",
        hint: "Divide it by its own length at the end. All zeros are no change.",
        run: async ({ answer, random }) => {
          const { k } = changeProblem(random, 3);
          const length = tf.norm(await answer(k));
          assertClose(length, 1, { tolerance: 1e-4, because: "a float32 norm" }, "length");
        },
      },
    ],
  },

  chunksOfOne: {
    title: "Quiz: chunks of one position",
    is: "text",
    hint: "Inside a chunk of one there is a single weight. Everything else comes from the state.",
    tests: [
      {
        sentence: "the chunk of length 1",
        run: async ({ answer }) => expectWord(await answer(), "recurrent"),
      },
    ],
  },
  oneMoreToken: {
    title: "Quiz: one more token after a long text",
    is: "text",
    hint: "What does each of them read: a matrix of fixed size, or every key and value so far?",
    tests: [
      {
        sentence: "operations for one more token",
        run: async ({ answer }) => expectWord(await answer(), "only softmax grows"),
      },
    ],
  },
  stateGrowth: {
    title: "Quiz: twice the width",
    is: "number",
    hint: "S has F rows and E columns.",
    tests: [
      {
        sentence: "F · E numbers, before and after",
        run: async ({ answer }) => expectNumber(await answer(), 4),
      },
    ],
  },
  pairsReadExactly: {
    title: "Quiz: what fits into a state",
    is: "number",
    hint: "Reading pair i back means φ(kᵢ)ᵀS = vᵢ for every choice of values: how many independent rows φ(kᵢ) can there be?",
    tests: [
      { sentence: "independent features", run: async ({ answer }) => expectNumber(await answer(), 64) },
    ],
  },
};

export default graded("linear-transformer", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/variants/linear-transformer",
    "workbook/feature-maps",
    "workbook/chunks",
    "workbook/linear-attention",
    "workbook/delta-rule",
    "workbook/learn/linear-mixer",
  ],
});

/** Keys with more rows than features, values, and ten queries. */
function changeProblem(random: Random, extra: number) {
  const D = 2 + random.integer(3);
  return {
    k: random.normalTensor<tf.Rank.R2>([D + extra, D]),
    v: random.normalTensor<tf.Rank.R2>([D + extra, 1]),
    q: random.normalTensor<tf.Rank.R2>([10, D]),
  };
}

function read(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor {
  return linearAttention({ q: fourAxes(q), k: fourAxes(k), v: fourAxes(v) });
}

function fourAxes(x: tf.Tensor2D): tf.Tensor4D {
  return tf.reshape(x, [1, 1, ...x.shape]);
}

/** Says only that an answer is wrong: the report must not give the right one away. */
function expectNumber(got: number, right: number): void {
  if (!(Math.abs(got - right) < 1e-6)) throw new AssertionError(`${got} is not it`);
}
