import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { longformerHeadIdentities } from "workbook/identities/longformer";
import type { Random } from "workbook/random";
import type * as Answers from "../../solutions/longformer.js";

const single = { tolerance: 1e-4, because: "float32 products of width 8 and one softmax" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, run: ({ answer, random }) => check(answer, random) };
}

type WindowArgs = Parameters<typeof Answers.slidingWindow>;

const lengths = [256, 512, 1024, 2048];

function windowArgs(T: number, random: Random, window = 16): WindowArgs {
  const draw = () => random.normalTensor<tf.Rank.R2>([T, 8]);
  return [draw(), draw(), draw(), window];
}

/** Row by row in float64. */
function windowRows(...[q, k, v, window]: WindowArgs) {
  const [Q, K, V] = [q.arraySync(), k.arraySync(), v.arraySync()];
  const data = Q.flatMap((query, i) => {
    const [from, to] = [Math.max(0, i - window / 2), Math.min(Q.length - 1, i + window / 2)];
    const powers: number[] = [];
    for (let j = from; j <= to; j++) {
      const dot = query.reduce((sum, x, d) => sum + x * K[j]![d]!, 0);
      powers.push(Math.exp(dot / Math.sqrt(query.length)));
    }
    const total = powers.reduce((a, b) => a + b, 0);
    return V[0]!.map((_, e) => powers.reduce((sum, power, n) => sum + (power / total) * V[from + n]![e]!, 0));
  });
  return { shape: v.shape, data };
}

const verifyWindow = (value: tf.Tensor2D, ...args: WindowArgs) =>
  assertClose(value, windowRows(...args), single, "output");

/** A part's output and log-sum-exp, and both parts' output together, from one row of scores and one of values each. */
function parts(random: Random, T: number, shift: number) {
  const D = 3;
  const rows = Array.from({ length: T }, () => {
    const draw = (keys: number, by: number) =>
      Array.from({ length: keys }, () => ({
        score: by + 2 * random.normal(),
        value: Array.from({ length: D }, () => random.normal()),
      }));
    const [a, b] = [draw(4, shift), draw(2, 0)];
    const attend = (keys: typeof a) => {
      const largest = Math.max(...keys.map(({ score }) => score));
      const total = keys.reduce((sum, { score }) => sum + Math.exp(score - largest), 0);
      const output = Array.from({ length: D }, (_, e) =>
        keys.reduce((sum, { score, value }) => sum + (Math.exp(score - largest) / total) * value[e]!, 0),
      );
      return { output, lse: largest + Math.log(total) };
    };
    return { a: attend(a), b: attend(b), both: attend([...a, ...b]) };
  });
  return {
    args: [
      tf.tensor2d(rows.map(({ a }) => a.output)),
      tf.tensor1d(rows.map(({ a }) => a.lse)),
      tf.tensor2d(rows.map(({ b }) => b.output)),
      tf.tensor1d(rows.map(({ b }) => b.lse)),
    ] as const,
    both: { shape: [T, D], data: rows.flatMap(({ both }) => both.output) },
  };
}

/** Distances that a stack of windows can bridge: sums of one step per layer, a step m d with |m| ≤ w/2. */
function bridged(window: number, dilations: readonly number[]): Set<number> {
  let reached = new Set([0]);
  for (const dilation of dilations) {
    const next = new Set<number>();
    for (const distance of reached) {
      for (let m = -window / 2; m <= window / 2; m++) next.add(distance + m * dilation);
    }
    reached = next;
  }
  return reached;
}

/** R: every distance up to it can be bridged, the next one cannot. */
function radius(window: number, dilations: readonly number[]): number {
  const distances = bridged(window, dilations);
  let R = 0;
  while (distances.has(R + 1)) R++;
  return R;
}

const exercises: GradedExercises<typeof Answers> = {
  windowPairs: {
    title: "1. How many pairs does a window have?",
    returns: "number",
    hint: "Count by offsets, not by queries: how many pairs (i, i + m d) lie inside a sequence of T positions?",
    tests: [
      {
        sentence: "without dilation it agrees with counting pair by pair",
        hint: "The middle of the sequence has w + 1 keys for each query. How many are missing at the two ends?",
        run: async ({ answer, random }) => {
          for (const window of [2, 2 * (2 + random.integer(5))]) {
            const T = window + 1 + random.integer(40);
            expect(await answer(T, window, 1), `T = ${T}, w = ${window}`).to.equal(pairs(T, window, 1));
          }
        },
      },
      {
        sentence: "with dilation it agrees with counting pair by pair",
        points: 2,
        hint: "Offset m d has T − |m| d pairs. Sum over m = −w/2 … w/2, and use 1 + 2 + … + r = r(r + 1)/2.",
        run: async ({ answer, random }) => {
          for (const dilation of [2, 3 + random.integer(4)]) {
            const window = 2 * (1 + random.integer(6));
            const T = (window / 2) * dilation + 1 + random.integer(40);
            const label = `T = ${T}, w = ${window}, dilation ${dilation}`;
            expect(await answer(T, window, dilation), label).to.equal(pairs(T, window, dilation));
          }
        },
      },
    ],
  },

  longformerHead: {
    title: "2. One head, from its definition",
    returns: "float32 tensor [T, D]",
    hint: "Two masks, two sets of projections, one choice by row: compute both outputs for all rows, then take from each the rows it is right for.",
    tests: longformerHeadIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  slidingWindow: {
    title: "3. A sliding window in linear cost",
    returns: "float32 tensor [T, D]",
    hint: "Cut the queries into blocks of w/2. Which keys can a block need? Its own and those of its two neighbours: three blocks, and a mask inside them.",
    tests: [
      {
        sentence: "row i averages the values of i − w/2 … i + w/2, whatever T and w",
        points: 2,
        hint: "Pad to whole blocks, and hide the padding as well as what is outside of the window.",
        run: async ({ answer, random }) => {
          for (const [T, window] of [
            [1, 2],
            [5, 2],
            [13, 6],
            [16, 8],
            [7, 20],
          ] as const) {
            const args = windowArgs(T, random, window);
            assertClose(
              await answer(...args),
              windowRows(...args),
              single,
              `output at T = ${T}, w = ${window}`,
            );
          }
        },
      },
      gradedComplexity<typeof Answers.slidingWindow>({
        sentence: "operations grow like T",
        hint: "With w fixed each query may meet a fixed number of keys: no product of T queries with T keys.",
        sizes: lengths,
        args: windowArgs,
        quantity: "flops",
        exponent: 1,
        // T × T scores fit an exponent of 2 here. Blocks at both ends cost a constant, which pulls below 1.
        tolerance: 0.1,
        verify: verifyWindow,
      }),
      gradedComplexity<typeof Answers.slidingWindow>({
        sentence: "memory grows like T",
        hint: "A T × T mask counts too, even when it only holds true and false.",
        sizes: lengths,
        args: windowArgs,
        quantity: "peakBytes",
        exponent: 1,
        tolerance: 0.1,
        verify: verifyWindow,
      }),
    ],
  },

  oneSoftmax: {
    title: "4. One softmax out of two",
    returns: "float32 tensor [T, D]",
    hint: "Write the softmax over both sets as a fraction. Its numerator is e^lseA · outputA + e^lseB · outputB. What is its denominator?",
    tests: [
      {
        sentence: "the result equals one softmax over both sets of keys",
        points: 2,
        hint: "Each part counts by its share of all exponentials, not by half and not by its number of keys.",
        run: async ({ answer, random }) => {
          const { args, both } = parts(random, 6, 0.5);
          assertClose(await answer(...args), both, single, "output");
        },
      },
      {
        sentence: "a part whose scores are larger by 1,000 decides alone, in either order",
        hint: "e^1000 overflows. Only the difference of the two logarithms matters: subtract before you exponentiate.",
        run: async ({ answer, random }) => {
          for (const shift of [1000, -1000]) {
            const { args, both } = parts(random, 4, shift);
            assertClose(await answer(...args), both, single, `output with part A's scores moved by ${shift}`);
          }
        },
      },
    ],
  },

  dilations: {
    title: "5. The farthest view without holes",
    returns: "numbers",
    hint: "In each layer, information takes one of w + 1 steps. With three steps −1, 0, 1 and weights 1, 3, 9, which distances can you add up to?",
    tests: [
      {
        sentence: "one whole dilation of at least 1 for each layer",
        run: async ({ answer, random }) => {
          const layers = 1 + random.integer(4);
          const list = await answer(2 * (1 + random.integer(3)), layers);
          expect(list, `${layers} layers`).to.have.lengthOf(layers);
          for (const d of list) expect(Number.isInteger(d) && d >= 1, `dilation ${d}`).to.equal(true);
        },
      },
      {
        sentence: "the view has no holes",
        hint: "Is every distance up to the farthest one a sum of one step per layer? The gaps of one layer must be filled by the others.",
        run: async ({ answer, random }) => {
          const [window, layers] = [2 * (1 + random.integer(3)), 2 + random.integer(2)];
          const list = usable(await answer(window, layers));
          const farthest = list.reduce((sum, d) => sum + (d * window) / 2, 0);
          const R = radius(window, list);
          if (R < farthest) {
            throw new AssertionError(
              `w = ${window}, dilations [${list.join(", ")}]: the view ends at ${farthest}, but no input at distance ${R + 1} is seen`,
            );
          }
        },
      },
      {
        sentence: "no other choice sees farther without a hole",
        points: 2,
        hint: "ℓ layers have (w + 1)^ℓ ways to step. If no two ways lead to the same place, they reach (w + 1)^ℓ places.",
        run: async ({ answer, random }) => {
          for (const layers of [1, 2, 3]) {
            const window = 2 * (1 + random.integer(3));
            const list = usable(await answer(window, layers));
            const [R, best] = [radius(window, list), ((window + 1) ** layers - 1) / 2];
            if (R < best) {
              throw new AssertionError(
                `w = ${window}, dilations [${list.join(", ")}]: every distance up to ${R} is seen; more is possible`,
              );
            }
          }
        },
      },
    ],
  },

  layersToCross: {
    title: "Quiz: how many layers to cross 4,096 tokens",
    is: "number",
    hint: "From position 0 to position 4,095, at most w/2 further with each layer.",
    tests: [
      {
        sentence: "the fewest layers of w/2 = 256 steps that make 4,095",
        run: async ({ answer }) => expectNumber(await answer(), Math.ceil(4095 / 256)),
      },
    ],
  },
  layersWithOneGlobalToken: {
    title: "Quiz: how many layers with one global token",
    is: "number",
    hint: "Who sees everything after one layer? Who can see that one?",
    tests: [
      {
        sentence: "one layer to gather, one to spread",
        run: async ({ answer }) => expectNumber(await answer(), 2),
      },
    ],
  },
  everySixtyFourthGlobal: {
    title: "Quiz: every 64th token global",
    is: "text",
    hint: "g global tokens add about 2 g T scores. What is g here?",
    tests: [
      {
        sentence: "g = T/64 tokens with T scores each, and T tokens with g more each",
        run: async ({ answer }) => expectWord(await answer(), "T²"),
      },
    ],
  },
  doublingTheWindow: {
    title: "Quiz: twice the window",
    is: "text",
    hint: "The distance is ℓ w/2; a block of w/2 queries meets three blocks of keys.",
    tests: [
      {
        sentence: "distance ℓ w/2, scores about 3/2 T w",
        run: async ({ answer }) => expectWord(await answer(), "both double"),
      },
    ],
  },
};

export default graded("longformer", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/variants/longformer",
    "workbook/variants/longformer-blocks",
    "workbook/variants/longformer-layer",
    "workbook/variants/longformer-pattern",
    "workbook/identities/longformer",
    "workbook/learn/longformer-mixer",
  ],
});

/** Pair by pair. */
function pairs(T: number, window: number, dilation: number): number {
  let count = 0;
  for (let i = 0; i < T; i++) {
    for (let j = 0; j < T; j++) {
      const steps = (j - i) / dilation;
      if (Number.isInteger(steps) && Math.abs(steps) <= window / 2) count++;
    }
  }
  return count;
}

/** Refuses what would make the judge count for ever; the first test says what is wrong with it. */
function usable(list: readonly number[]): readonly number[] {
  const fits = list.length <= 4 && list.every((d) => Number.isInteger(d) && d >= 1 && d <= 1e6);
  if (!fits) throw new AssertionError(`expected one whole dilation of at least 1 per layer, got [${list}]`);
  return list;
}

/** Says only that it is wrong: the report must not give the right one away. */
function expectNumber(got: number, right: number): void {
  if (got !== right) throw new AssertionError(`${got} is not it`);
}
