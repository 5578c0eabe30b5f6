import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { chunkwiseRetentionIdentities, retentionIdentities } from "workbook/identities/retnet";
import type { Random } from "workbook/random";
import { retention } from "workbook/variants/retnet";
import type * as Answers from "../../solutions/retnet.js";

const single = { tolerance: 1e-4, because: "float32 sums of at most 256 decaying terms" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

/** Inputs of `retainInChunks` with chunks of 16. */
function chunkArgs(T: number, random: Random): Parameters<typeof Answers.retainInChunks> {
  const x = () => random.normalTensor<tf.Rank.R2>([T, 8]);
  return [x(), x(), x(), 0.9, 16];
}

function verifyChunks(
  value: tf.Tensor2D,
  ...[q, k, v, gamma]: Parameters<typeof Answers.retainInChunks>
): void {
  const expected = tf.tidy(() =>
    tf.squeeze(retention({ q: fourAxes(q), k: fourAxes(k), v: fourAxes(v), decays: [gamma] }), [0, 1]),
  );
  assertClose(value, expected, single, "output");
}

/** Operations of a token in a chunk of c, as the exercise counts them. */
const perToken = (c: number, D: number, E: number) => 2 * c * (D + E) + 4 * D * E + (2 * D * E) / c;

const lengths = [64, 128, 256, 512];

const exercises: GradedExercises<typeof Answers> = {
  cheapestChunk: {
    title: "1. The cheapest chunk",
    returns: "number",
    hint: "Operations for a token: 2c(D + E) + 4DE + 2DE/c. Where is the derivative with respect to c zero?",
    tests: [
      property({
        sentence: "a chunk a little longer, and one a little shorter, both cost more",
        points: 2,
        inputs: ({ integer }) => ({ D: integer({ min: 1, max: 512 }), E: integer({ min: 1, max: 512 }) }),
        holds: async ({ answer }, { D, E }) => {
          const c = await answer(D, E);
          if (!(c > 0)) throw new AssertionError(`expected a positive chunk length, got ${c}`);
          for (const other of [0.99 * c, 1.01 * c]) {
            if (perToken(other, D, E) > perToken(c, D, E)) continue;
            throw new AssertionError(
              `a token costs ${perToken(c, D, E).toPrecision(7)} operations at your c = ${c.toPrecision(4)}, and no more, ${perToken(other, D, E).toPrecision(7)}, at c = ${other.toPrecision(4)}`,
            );
          }
        },
      }),
      {
        sentence: "at the cheapest length, weights inside chunks and carrying the state cost the same",
        hint: "Of the three terms one falls with c, one rises with c, and one does not depend on it.",
        run: async ({ answer, random }) => {
          const [D, E] = [8 + random.integer(500), 8 + random.integer(500)];
          const c = await answer(D, E);
          const [inside, carrying] = [2 * c * (D + E), (2 * D * E) / c];
          if (Math.abs(inside / carrying - 1) < 1e-6) return;
          throw new AssertionError(
            `D = ${D}, E = ${E}: at your c = ${c} they cost ${inside} and ${carrying} operations a token`,
          );
        },
      },
    ],
  },

  retain: {
    title: "2. Retention, from its definition",
    returns: "float32 tensor [T, E]",
    hint: "Three steps: dot products over √D; times γ to the power of the distance, zero for the future; times V.",
    tests: retentionIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  retainInChunks: {
    title: "3. In chunks, in linear cost",
    returns: "float32 tensor [T, E]",
    hint: "For each chunk: its own weights times D, plus its queries times the state, faded; then the state, faded, plus the chunk's keys and values, faded.",
    tests: [
      ...chunkwiseRetentionIdentities.map((identity) =>
        identityTest<typeof Answers.retainInChunks>(identity as Identity<never>),
      ),
      gradedComplexity<typeof Answers.retainInChunks>({
        sentence: "operations grow like T",
        hint: "Each chunk may meet its own positions and the state, nothing else.",
        sizes: lengths,
        args: chunkArgs,
        quantity: "flops",
        exponent: 1,
        // All T × T weights fit an exponent above 1.9 here; nothing pulls the linear one off.
        tolerance: 0.1,
        // 4 D E + 2 c (D + E) = 768 a token, and as much again for small things.
        atMost: (T) => 4_000 * T,
        verify: verifyChunks,
      }),
      gradedComplexity<typeof Answers.retainInChunks>({
        sentence: "memory grows like T",
        hint: "Never make a T × T table: chunk × chunk is enough.",
        sizes: lengths,
        args: chunkArgs,
        quantity: "peakBytes",
        exponent: 1,
        // The weights of one chunk and the state still show at T = 64 where they are freed early.
        tolerance: 0.3,
        atMost: (T) => 4_000 * T,
        verify: verifyChunks,
      }),
    ],
  },

  decayTable: {
    title: "4. Decays that do not overflow",
    returns: "float32 tensor [T, T]",
    hint: "Never let γ⁻ᵐ appear. Compute the distance n − m first, and take the power of that; where m > n the distance is negative: make it harmless before the power.",
    tests: [
      {
        sentence: "row n, column m is γⁿ⁻ᵐ on and below the diagonal, and zero above",
        points: 2,
        run: async ({ answer, random }) => {
          for (const T of [1, 5 + random.integer(8)]) {
            const gamma = 0.5 + 0.4 * random.uniform();
            assertClose(await answer(T, gamma), table(T, gamma), single, `T = ${T}, γ = ${gamma.toFixed(3)}`);
          }
        },
      },
      {
        sentence: "it stays finite and right at T = 300 with a γ as small as 10⁻³",
        hint: "Look for an infinity above the diagonal that was multiplied by 0: that is NaN, not 0.",
        points: 2,
        run: async ({ answer, random }) => {
          for (const gamma of [0.5 - 0.2 * random.uniform(), 1e-3]) {
            assertClose(
              await answer(300, gamma),
              table(300, gamma),
              single,
              `T = 300, γ = ${gamma.toFixed(3)}`,
            );
          }
        },
      },
    ],
  },

  turningState: {
    title: "5. The state turns, and nobody counts",
    returns: "float32 tensor [D, E]",
    hint: "Only the difference n θ − m θ matters. It grows by θ with each new token: for which side is the query's turn the same as turning all old keys?",
    tests: [
      {
        sentence: "read with queries that are not turned, the state answers as retention does that turns",
        hint: "Leaving the query at rest instead of turning it forwards by θ means turning what is stored backwards, by −θ, along its rows: they are the key's entries.",
        points: 2,
        run: async ({ answer, random }) => {
          const [T, D, E] = [2 + random.integer(5), 4, 3];
          const angles = [0.3 + random.uniform(), 0.05 + 0.2 * random.uniform()];
          const [k, v] = [random.normalTensor<tf.Rank.R2>([T, D]), random.normalTensor<tf.Rank.R2>([T, E])];
          const query = random.normalTensor<tf.Rank.R2>([1, D]);
          let state = tf.zeros([D, E]) as tf.Tensor2D;
          for (let n = 0; n < T; n++) {
            state = await answer(state, tf.slice(k, n, 1), tf.slice(v, n, 1), 0.8, angles);
            if (state.shape[0] !== D || state.shape[1] !== E) {
              throw new AssertionError(`expected a state of shape [${D}, ${E}], got [${state.shape}]`);
            }
          }
          const q = fourAxes(tf.tile(query, [T, 1]));
          const all = retention({ q, k: fourAxes(k), v: fourAxes(v), decays: [0.8], angles });
          const expected = tf.reshape(tf.slice(all, [0, 0, T - 1, 0], [1, 1, 1, E]), [1, E]);
          const read = tf.div(tf.matMul(query, state), Math.sqrt(D));
          assertClose(read, expected, single, `answer after ${T} tokens`);
        },
      },
      {
        sentence: "the newest token is neither turned nor faded: from zeros, the state is kᵀ v",
        hint: "Its distance to the query is zero: turn and fade the old state, then add.",
        run: async ({ answer, random }) => {
          const [k, v] = [random.normalTensor<tf.Rank.R2>([1, 4]), random.normalTensor<tf.Rank.R2>([1, 3])];
          const state = await answer(tf.zeros([4, 3]), k, v, 0.7, [1, 0.1]);
          assertClose(state, tf.matMul(k, v, true, false), single, "state");
        },
      },
      {
        sentence: "a token of zeros only turns and fades: the state keeps its length times γ",
        hint: "A turn changes no lengths; the decay shrinks all of them by γ.",
        run: async ({ answer, random }) => {
          const before = random.normalTensor<tf.Rank.R2>([4, 3]);
          const gamma = 0.5 + 0.4 * random.uniform();
          const state = await answer(before, tf.zeros([1, 4]), tf.zeros([1, 3]), gamma, [1, 0.1]);
          assertClose(tf.norm(state), tf.mul(tf.norm(before), gamma), single, "length");
        },
      },
    ],
  },

  memoryOfSlowestHead: {
    title: "Quiz: the slowest head",
    is: "number",
    hint: "A geometric series: 1 / (1 − γ). Heads are counted from h = 0.",
    tests: [
      { sentence: "the sum of the weights", run: async ({ answer }) => expectNumber(await answer(), 4096) },
    ],
  },
  tenfoldKeys: {
    title: "Quiz: longer keys",
    is: "text",
    hint: "Follow a factor of 10 from the keys into the head's output. What comes next, before the gate?",
    tests: [
      {
        sentence: "what the layer returns",
        run: async ({ answer }) => expectWord(await answer(), "nothing"),
      },
    ],
  },
  tokensUntilEven: {
    title: "Quiz: state against cache",
    is: "number",
    hint: "C / 256 heads keep 256 × 512 numbers each; a Transformer keeps 2 C numbers for a token.",
    tests: [
      { sentence: "where both keep as much", run: async ({ answer }) => expectNumber(await answer(), 256) },
    ],
  },
  nearerWeighsMore: {
    title: "Quiz: near and far",
    is: "text",
    hint: "The weight has two factors. The decay orders tokens by distance; what does the other do?",
    tests: [
      {
        sentence: "distance against content",
        run: async ({ answer }) => expectWord(await answer(), "it depends on the keys"),
      },
    ],
  },
};

export default graded("retnet", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/variants/retnet",
    "workbook/variants/retnet-layer",
    "workbook/learn/retnet-mixer",
    "workbook/chunks",
    "workbook/linear-attention",
    "workbook/rotation",
  ],
});

/** D in float64. */
function table(T: number, gamma: number) {
  const at = (i: number) => [Math.floor(i / T), i % T] as const;
  const data = Float64Array.from({ length: T * T }, (_, i) => {
    const [n, m] = at(i);
    return m <= n ? gamma ** (n - m) : 0;
  });
  return { shape: [T, T], data };
}

function fourAxes(x: tf.Tensor2D): tf.Tensor4D {
  return tf.reshape(x, [1, 1, ...x.shape]);
}

/** Says only that an answer is wrong: the report must not give the right one away. */
function expectNumber(got: number, right: number): void {
  if (!(Math.abs(got - right) < 1e-6)) throw new AssertionError(`${got} is not it`);
}
