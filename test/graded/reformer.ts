import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { lshRoundIdentities } from "workbook/identities/reformer";
import { rebuildIdentities } from "workbook/identities/reversible";
import type { Random } from "workbook/random";
import type * as Answers from "../../solutions/reformer.js";

const exact = { tolerance: 1e-9, because: "a few operations in float64" };
const single = { tolerance: 1e-4, because: "float32 products of width 8 and one softmax" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, run: ({ answer, random }) => check(answer, random) };
}

type RoundArgs = Parameters<typeof Answers.lshRound>;

const CHUNK = 16;
const lengths = [256, 512, 1024, 2048];

/** About half a chunk of positions in each bucket, as the paper chooses it. */
function roundArgs(T: number, random: Random, chunk = CHUNK): RoundArgs {
  const kinds = Math.max(1, (2 * T) / chunk);
  const buckets = Array.from({ length: T }, () => random.integer(kinds));
  const draw = () => random.normalTensor<tf.Rank.R2>([T, 8]);
  return [draw(), draw(), tf.tensor1d(buckets, "int32"), chunk];
}

/** Row by row in float64. */
function roundRows(...[qk, v, buckets, chunk]: RoundArgs) {
  const [Q, V, kinds] = [qk.arraySync(), v.arraySync(), buckets.arraySync()];
  const order = kinds.map((_, t) => t).sort((a, b) => kinds[a]! - kinds[b]! || a - b);
  const chunkOf = new Array<number>(kinds.length);
  order.forEach((t, place) => {
    chunkOf[t] = Math.floor(place / chunk);
  });
  const data = Q.flatMap((query, i) => {
    const powers: [number, number][] = [];
    for (let j = 0; j < i; j++) {
      const apart = chunkOf[i]! - chunkOf[j]!;
      if (kinds[i] !== kinds[j] || apart < 0 || apart > 1) continue;
      const length = Math.hypot(...Q[j]!);
      powers.push([j, Math.exp(query.reduce((sum, x, d) => sum + (x * Q[j]![d]!) / length, 0))]);
    }
    if (powers.length === 0) powers.push([i, 1]);
    const total = powers.reduce((sum, [, power]) => sum + power, 0);
    return V[0]!.map((_, e) => powers.reduce((sum, [j, power]) => sum + (power / total) * V[j]![e]!, 0));
  });
  return { shape: v.shape, data };
}

const verifyRound = (value: tf.Tensor2D, ...args: RoundArgs) =>
  assertClose(value, roundRows(...args), single, "output");

const exercises: GradedExercises<typeof Answers> = {
  sharingProbability: {
    title: "1. How likely do two vectors meet?",
    returns: "number",
    hint: "First one bit, then all bits of one round, then all rounds: how likely is it that every single round fails?",
    tests: [
      {
        sentence: "one bit, one round: the share of hyperplanes that do not pass between the two vectors",
        hint: "Look at the plane that the two vectors span. A random line through its origin separates them when it falls into the angle between them.",
        run: async ({ answer, random }) => {
          const angle = 0.1 + 3 * random.uniform();
          assertClose(await answer(angle, 1, 1), 1 - angle / Math.PI, exact, `angle ${angle.toFixed(2)}`);
        },
      },
      {
        sentence: "several bits: all of them must agree",
        hint: "The hyperplanes are drawn independently of each other: probabilities multiply.",
        run: async ({ answer, random }) => {
          const [angle, bits] = [0.1 + 2 * random.uniform(), 2 + random.integer(5)];
          const expected = (1 - angle / Math.PI) ** bits;
          assertClose(
            await answer(angle, bits, 1),
            expected,
            exact,
            `angle ${angle.toFixed(2)}, ${bits} bits`,
          );
        },
      },
      {
        sentence: "several rounds: one success is enough",
        points: 2,
        hint: "1 minus the probability that all rounds fail.",
        run: async ({ answer, random }) => {
          const [angle, bits, rounds] = [
            0.1 + 2 * random.uniform(),
            2 + random.integer(3),
            2 + random.integer(7),
          ];
          const expected = 1 - (1 - (1 - angle / Math.PI) ** bits) ** rounds;
          const label = `angle ${angle.toFixed(2)}, ${bits} bits, ${rounds} rounds`;
          assertClose(await answer(angle, bits, rounds), expected, exact, label);
        },
      },
    ],
  },

  hashVectors: {
    title: "2. The hash",
    returns: "int32 tensor [T]",
    hint: "One matrix product gives how far each vector points in each of b/2 directions. Their opposites are the other b/2.",
    tests: [
      {
        sentence: "the bucket is the direction, or opposite direction, in which a vector points farthest",
        points: 2,
        hint: "argmax over b numbers: the products with R, then the same with the sign turned.",
        run: async ({ answer, random }) => {
          const [T, D, half] = [20, 3 + random.integer(4), 2 + random.integer(4)];
          const x = random.normalTensor<tf.Rank.R2>([T, D]);
          const rotation = random.normalTensor<tf.Rank.R2>([D, half]);
          const [X, R] = [x.arraySync(), rotation.arraySync()];
          const expected = X.map((row) => {
            let [best, bucket] = [Number.NEGATIVE_INFINITY, 0];
            for (let n = 0; n < half; n++) {
              const along = row.reduce((sum, value, d) => sum + value * R[d]![n]!, 0);
              if (Math.abs(along) > best) [best, bucket] = [Math.abs(along), along > 0 ? n : n + half];
            }
            return bucket;
          });
          const actual = await answer(x, rotation);
          expect(Array.from(actual.dataSync()), "buckets").to.deep.equal(expected);
        },
      },
      {
        sentence: "a vector and its opposite land half of the buckets apart",
        hint: "Bucket n + b/2 belongs to the direction opposite to that of bucket n.",
        run: async ({ answer, random }) => {
          const [D, half] = [4, 5];
          const x = random.normalTensor<tf.Rank.R2>([12, D]);
          const rotation = random.normalTensor<tf.Rank.R2>([D, half]);
          const here = Array.from((await answer(x, rotation)).dataSync());
          const there = Array.from((await answer(tf.neg(x), rotation)).dataSync());
          expect(there, "buckets of −x").to.deep.equal(here.map((n) => (n + half) % (2 * half)));
        },
      },
      {
        sentence: "a longer vector of the same direction stays in its bucket",
        run: async ({ answer, random }) => {
          const x = random.normalTensor<tf.Rank.R2>([12, 4]);
          const rotation = random.normalTensor<tf.Rank.R2>([4, 4]);
          const longer = await answer(tf.mul(x, 37), rotation);
          const same = await answer(x, rotation);
          expect(Array.from(longer.dataSync()), "buckets of 37 x").to.deep.equal(Array.from(same.dataSync()));
        },
      },
    ],
  },

  lshRound: {
    title: "3. One round, from its definition",
    returns: "float32 tensor [T, E]",
    hint: "Three conditions make a table of who sees whom; add 0, −10⁵ (itself) or −10⁹ (everybody else) to the scores, then softmax.",
    tests: lshRoundIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  lshRoundInChunks: {
    title: "4. One round without a T × T table",
    returns: "float32 tensor [T, E]",
    hint: "Sort, gather the rows in that order, cut into chunks, put every chunk's predecessor in front of it, attend, and put the rows back in the order of time.",
    tests: [
      {
        sentence: "it equals the definition, whatever T and the chunk",
        points: 2,
        hint: "Inside the two chunks the three conditions of exercise 3 still have to be checked. The first chunk has no predecessor.",
        run: async ({ answer, random }) => {
          for (const [T, chunk] of [
            [4, 4],
            [12, 4],
            [24, 8],
            [16, 2],
          ] as const) {
            const args = roundArgs(T, random, chunk);
            assertClose(
              await answer(...args),
              roundRows(...args),
              single,
              `output at T = ${T}, chunk ${chunk}`,
            );
          }
        },
      },
      gradedComplexity<typeof Answers.lshRoundInChunks>({
        sentence: "operations grow like T",
        hint: "Each chunk of queries may meet two chunks of keys: no product of T queries with T keys.",
        sizes: lengths,
        args: roundArgs,
        quantity: "flops",
        exponent: 1,
        // T × T scores fit an exponent of 2 here. Sorting by tf.topk adds T log T, a hundredth of the products.
        tolerance: 0.1,
        verify: verifyRound,
      }),
      gradedComplexity<typeof Answers.lshRoundInChunks>({
        sentence: "memory grows like T",
        hint: "A T × T mask counts too, even when it only holds true and false.",
        sizes: lengths,
        args: roundArgs,
        quantity: "peakBytes",
        exponent: 1,
        tolerance: 0.1,
        verify: verifyRound,
      }),
    ],
  },

  rebuildInputs: {
    title: "5. Inputs from outputs",
    returns: "float32 tensor [T, C2]",
    hint: "Of the two equations of a layer, one contains only things you know and one unknown. Which?",
    tests: rebuildIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  oneBucket: {
    title: "6. Break the hash",
    returns: "float32 tensor [T, D]",
    hint: "Exercise 2 tests two things that never change a bucket, or always do. One of them is what you need.",
    tests: [
      {
        sentence: "no two vectors are alike, and lengths stay between 0.01 and 1,000",
        run: async ({ answer, random }) => {
          const [T, D] = [12, 2 + random.integer(5)];
          const rows = vectors(await answer(T, D), T, D);
          const seen = new Set(rows.map((row) => row.join(" ")));
          expect(seen.size, "different vectors").to.equal(T);
          for (const row of rows) expect(Math.hypot(...row), "length").to.be.within(0.01, 1000);
        },
      },
      {
        sentence: "all share one bucket under every one of 200 random rotations",
        points: 2,
        hint: "It must hold for every R, not only for most: what property of x does argmax([x R ; −x R]) not see at all?",
        run: async ({ answer, random }) => {
          const [T, D] = [12, 3 + random.integer(4)];
          const rows = vectors(await answer(T, D), T, D);
          for (let draw = 0; draw < 200; draw++) {
            const half = 1 + random.integer(16);
            const R = Array.from({ length: D }, () => Array.from({ length: half }, () => random.normal()));
            const buckets = rows.map((row) => bucketOf(row, R));
            const other = buckets.findIndex((bucket) => bucket !== buckets[0]);
            if (other > 0) {
              throw new AssertionError(
                `a rotation with ${2 * half} buckets puts vector 0 into bucket ${buckets[0]} and vector ${other} into ${buckets[other]}`,
              );
            }
          }
        },
      },
    ],
  },

  roundsForNineTenths: {
    title: "Quiz: rounds until nine of ten meet",
    is: "number",
    hint: "With b = 4 one round finds them with probability (1 − ½)². How often may that fail in a row?",
    tests: [
      {
        sentence: "the smallest n with 0.75ⁿ at most 0.1",
        run: async ({ answer }) => expectNumber(await answer(), Math.ceil(Math.log(0.1) / Math.log(0.75))),
      },
    ],
  },
  foundTwice: {
    title: "Quiz: found twice",
    is: "text",
    hint: "Each round's sum of exponentials contains e^s once. How often does the merged sum contain it?",
    tests: [
      {
        sentence: "e^s stands in the sums of both rounds",
        run: async ({ answer }) => expectWord(await answer(), "is too large"),
      },
    ],
  },
  oneRotationFor: {
    title: "Quiz: the price of hashing",
    is: "text",
    hint: "x R is a product of a T × D with a D × b/2 matrix. What is b?",
    tests: [
      {
        sentence: "T D b/2 products with b in proportion to T",
        run: async ({ answer }) => expectWord(await answer(), "T²"),
      },
    ],
  },
  twiceTheLayers: {
    title: "Quiz: twice the layers",
    is: "text",
    hint: "What does the way back start from, and what does it rebuild?",
    tests: [
      {
        sentence: "the outputs of the last layer are enough, whatever the depth",
        run: async ({ answer }) => expectWord(await answer(), "stay the same"),
      },
    ],
  },
};

export default graded("reformer", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/variants/reformer",
    "workbook/variants/reformer-chunks",
    "workbook/variants/reformer-hash",
    "workbook/variants/reversible",
    "workbook/learn/reformer-mixer",
  ],
});

function vectors(value: tf.Tensor2D, T: number, D: number): number[][] {
  expect(value.shape, "shape").to.deep.equal([T, D]);
  return value.arraySync();
}

function bucketOf(row: readonly number[], R: readonly (readonly number[])[]): number {
  const along = R[0]!.map((_, n) => row.reduce((sum, x, d) => sum + x * R[d]![n]!, 0));
  const both = [...along, ...along.map((x) => -x)];
  return both.indexOf(Math.max(...both));
}

/** Says only that it is wrong: the report must not give the right one away. */
function expectNumber(actual: number, expected: number): void {
  if (actual !== expected) throw new AssertionError(`${actual} is not it`);
}
