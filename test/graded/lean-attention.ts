import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedExercises, type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { gradedWgsl, type WgslLaunch } from "workbook/grading/wgsl";
import { expectWord } from "workbook/grading/word";
import type { Identity } from "workbook/identities/identity";
import { mergeIdentities } from "workbook/identities/lean-attention";
import type { Random } from "workbook/random";
import type * as Answers from "../../solutions/lean-attention.js";

const formula = { tolerance: 1e-9, because: "a formula in float64" };
const single = { tolerance: 1e-4, because: "float32 sums of at most 512 exponentials" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, run: ({ answer, random }) => check(answer, random) };
}

type InPieces = typeof Answers.attendInPieces;

function pieceArgs(S: number, random: Random, piece = 8): Parameters<InPieces> {
  const normal = (rows: number) => random.normalTensor<tf.Rank.R2>([rows, 8]);
  return [normal(1), normal(S), normal(S), piece];
}

function verifyPieces(value: tf.Tensor2D, ...[q, k, v]: Parameters<InPieces>): void {
  assertClose(value, direct(q, k, v), single, "output");
}

/** All keys at once, as loops in float64. */
function direct(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) {
  const [Q, K, V] = [q.dataSync(), k.arraySync(), v.arraySync()];
  const scores = K.map((key) => key.reduce((sum, x, d) => sum + x * Q[d]!, 0) / Math.sqrt(Q.length));
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  const data = V[0]!.map((_, e) => weights.reduce((sum, w, s) => sum + (w / total) * V[s]![e]!, 0));
  return { shape: [1, data.length], data };
}

/** Outputs and log-sums of pieces of the keys with these scores, and the attention of all, in float64. */
function finished(
  scores: readonly (readonly number[])[],
  values: readonly (readonly (readonly number[])[])[],
) {
  const E = 3;
  const logSum = (own: readonly number[]) => {
    if (own.length === 0) return -1e30;
    const largest = Math.max(...own);
    return largest + Math.log(own.reduce((sum, score) => sum + Math.exp(score - largest), 0));
  };
  const attended = (own: readonly number[], rows: readonly (readonly number[])[]) => {
    const L = logSum(own);
    return Array.from({ length: E }, (_, e) =>
      own.reduce((sum, score, i) => sum + Math.exp(score - L) * rows[i]![e]!, 0),
    );
  };
  return {
    outputs: tf.tensor2d(
      scores.map((own, p) => attended(own, values[p]!)),
      [scores.length, E],
    ),
    logSums: tf.tensor1d(scores.map(logSum)),
    expected: { shape: [E], data: attended(scores.flat(), values.flat()) },
  };
}

function drawPieces(random: Random, sizes: readonly number[], shift: (piece: number) => number) {
  const scores = sizes.map((size, p) => Array.from({ length: size }, () => random.normal() + shift(p)));
  const values = sizes.map((size) =>
    Array.from({ length: size }, () => [random.normal(), random.normal(), random.normal()]),
  );
  return finished(scores, values);
}

/** A launch over P reports with these maxima, and what must come out, in float64. */
function joining(random: Random, P: number, E: number, maximum: (part: number) => number): WgslLaunch {
  const reports = Array.from({ length: P }, (_, part) => {
    const m = Math.fround(maximum(part));
    const none = m < -1e29;
    const numbers = Array.from({ length: E }, () => (none ? 0 : Math.fround(random.normal())));
    return { m, l: none ? 0 : Math.fround(1 + 3 * random.uniform()), o: numbers };
  });
  const largest = Math.max(...reports.map(({ m }) => m));
  const sum = (of: (report: (typeof reports)[number]) => number) =>
    reports.reduce((total, report) => total + Math.exp(report.m - largest) * of(report), 0);
  return {
    inputs: [Float32Array.from(reports.flatMap(({ m, l, o }) => [m, l, ...o]))],
    output: [E],
    sizes: [P, E],
    workgroups: [Math.ceil(E / 64)],
    expected: Array.from({ length: E }, (_, e) => sum(({ o }) => o[e]!) / sum(({ l }) => l)),
  };
}

/** For each key of the line, its text and its place there. */
function line(lengths: readonly number[]): [text: number, key: number][] {
  return lengths.flatMap((length, text) => Array.from({ length }, (_, key): [number, number] => [text, key]));
}

const lengths = [64, 128, 256, 512];

const exercises: GradedExercises<typeof Answers> = {
  idleShare: {
    title: "1. Idle workers",
    returns: "number",
    hint: "Tiles are computed in rounds of as many tiles as there are workers. How many rounds are there, and how many places in them?",
    tests: [
      property({
        sentence: "it is what dealing out the tiles one by one gives, for any number of tiles and workers",
        points: 2,
        inputs: ({ integer }) => ({
          tiles: integer({ min: 1, max: 400 }),
          workers: integer({ min: 1, max: 132 }),
        }),
        holds: async ({ answer }, { tiles, workers }) => {
          const done = Array<number>(workers).fill(0);
          for (let tile = 0; tile < tiles; tile++) done[done.indexOf(Math.min(...done))]!++;
          const expected = 1 - tiles / (workers * Math.max(...done));
          assertClose(await answer(tiles, workers), expected, formula, "idle share");
        },
      }),
      {
        sentence: "nobody waits when the tiles are a multiple of the workers",
        hint: "Then every round is full.",
        run: async ({ answer, random }) => {
          const workers = 2 + random.integer(100);
          for (const rounds of [1, 2 + random.integer(5)]) {
            const found = await answer(rounds * workers, workers);
            assertClose(found, 0, formula, `${rounds * workers} tiles, ${workers} workers: idle share`);
          }
        },
      },
    ],
  },

  join: {
    title: "2. The merge",
    returns: "float32 tensor [R]",
    hint: "m is the larger of both. Multiply l and o of each side by e^(own m − common m), then add.",
    tests: mergeIdentities.map((identity) => identityTest(identity as Identity<never>)),
  },

  attendInPieces: {
    title: "3. Piece by piece, in constant memory",
    returns: "float32 tensor [1, E]",
    hint: "Start from no keys. For each piece: its scores, its m, l and o, joined with what was known before. Divide o by l at the very end.",
    tests: [
      {
        sentence: "pieces of any length that divides S give softmax attention",
        run: async ({ answer, random }) => {
          for (const piece of [1, 4, 24]) {
            const args = pieceArgs(24, random, piece);
            verifyPieces(await answer(...args), ...args);
          }
        },
      },
      {
        sentence: "a last piece that is shorter, and a piece longer than S, give it too",
        hint: "tf.slice takes the number of rows as its third argument, and there may be fewer left than a whole piece.",
        run: async ({ answer, random }) => {
          for (const [S, piece] of [
            [10, 4],
            [5, 8],
            [1, 3],
          ] as const) {
            const args = pieceArgs(S, random, piece);
            verifyPieces(await answer(...args), ...args);
          }
        },
      },
      {
        sentence: "scores of ±1000 stay finite",
        hint: "Each piece subtracts its own maximum before the exponential.",
        run: async ({ answer, random }) => {
          const [, k, v] = pieceArgs(12, random);
          // Every other key points against the query. (Of a width of 8: q · k / √8 = ±1000.)
          const large: tf.Tensor2D = tf.fill([1, 8], 20);
          const signs = tf.tensor2d(Array.from({ length: 12 }, (_, s) => [s % 2 === 0 ? 17.7 : -17.7]));
          const keys: tf.Tensor2D = tf.add(tf.mul(k, 0.001), signs);
          const coarse = { tolerance: 2e-3, because: "float32 holds scores of 1,000 to 6 · 10⁻⁵ only" };
          assertClose(await answer(large, keys, v, 4), direct(large, keys, v), coarse, "output");
        },
      },
      gradedComplexity<InPieces>({
        sentence: "operations grow like S",
        hint: "Each piece may meet its own keys, and what is known before it: one row.",
        sizes: lengths,
        args: pieceArgs,
        quantity: "flops",
        exponent: 1,
        // Joining all pieces again after each one fits an exponent near 2.
        tolerance: 0.1,
        // 4 · 8 operations a key for the products, and about ten a key for joining each piece.
        atMost: (S) => 300 * S,
        verify: verifyPieces,
      }),
      gradedComplexity<InPieces>({
        sentence: "memory does not grow with S",
        hint: "Put what is made for a piece into tf.tidy, return the new row from it, and dispose of the old one.",
        points: 2,
        sizes: lengths,
        args: pieceArgs,
        quantity: "peakBytes",
        exponent: 0,
        // Exactly constant where everything is freed; a few numbers kept for each piece fit 0.3 and more.
        tolerance: 0.1,
        atMost: () => 20_000,
        verify: verifyPieces,
      }),
    ],
  },

  stretch: {
    title: "4. A worker's stretch of the line",
    returns: { texts: "numbers", from: "numbers", to: "numbers" },
    hint: "Walk over the texts and keep in mind where each begins in the line. What do its keys and the stretch have in common?",
    tests: [
      property({
        sentence:
          "it holds the keys of the line from ⌊w N / W⌋ to before ⌊(w + 1) N / W⌋, in order, none of them twice",
        points: 2,
        inputs: ({ array, integer }) => ({
          lengths: array(integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 }),
          workers: integer({ min: 1, max: 6 }),
        }),
        holds: async ({ answer }, { lengths, workers }) => {
          const keys = line(lengths);
          const cut = (worker: number) => Math.floor((worker * keys.length) / workers);
          for (let worker = 0; worker < workers; worker++) {
            const { texts, from, to } = await answer(lengths, workers, worker);
            if (texts.length !== from.length || texts.length !== to.length) {
              throw new AssertionError(
                `expected as many texts as starts and ends, got ${texts.length}, ${from.length} and ${to.length}`,
              );
            }
            const found = texts.flatMap((text, i) =>
              Array.from({ length: Math.max(0, Math.min(to[i]! - from[i]!, 100)) }, (_, j) => [
                text,
                from[i]! + j,
              ]),
            );
            const expected = keys.slice(cut(worker), cut(worker + 1));
            if (JSON.stringify(found) === JSON.stringify(expected)) continue;
            throw new AssertionError(
              `worker ${worker}: expected [text, key] = ${JSON.stringify(expected)}, got ${JSON.stringify(found)}`,
            );
          }
        },
      }),
      {
        sentence: "a text appears once at most, and one without keys in the stretch does not appear",
        hint: "Texts may be empty, and a stretch may end where a text ends.",
        run: async ({ answer, random }) => {
          const lengths = [3 + random.integer(4), 0, 4, 0, 2 + random.integer(4)];
          for (const workers of [1, 2, 3]) {
            for (let worker = 0; worker < workers; worker++) {
              const { texts, from, to } = await answer(lengths, workers, worker);
              const empty = texts.some((_, i) => !(to[i]! > from[i]!));
              if (new Set(texts).size === texts.length && !empty) continue;
              throw new AssertionError(
                `lengths [${lengths.join(", ")}], worker ${worker} of ${workers}: got texts [${texts.join(", ")}], from [${from.join(", ")}], to [${to.join(", ")}]`,
              );
            }
          }
        },
      },
    ],
  },

  combineFinished: {
    title: "5. Pieces that are already divided",
    returns: "float32 tensor [E]",
    hint: "o / l was divided too early: multiply it by its own sum e^L again, add, and divide by the sum of all e^L. Which function of the L is that?",
    tests: [
      {
        sentence: "pieces of any lengths give the attention of all their keys",
        points: 2,
        run: async ({ answer, random }) => {
          for (const sizes of [[4, 4], [1, 7, 2 + random.integer(5)], [3]]) {
            const { outputs, logSums, expected } = drawPieces(random, sizes, (p) => p - 1);
            assertClose(
              await answer(outputs, logSums),
              expected,
              single,
              `pieces of [${sizes}] keys: output`,
            );
          }
        },
      },
      {
        sentence: "a piece without keys has no say",
        hint: "Its L is −10³⁰: what is e^(L − the largest L)?",
        run: async ({ answer, random }) => {
          const { outputs, logSums, expected } = drawPieces(random, [0, 5, 0, 3], () => 2);
          assertClose(await answer(outputs, logSums), expected, single, "output");
        },
      },
      {
        sentence: "log-sums of ±1000 stay finite",
        hint: "e^1000 overflows. Subtract the largest L first, or use a function of tfjs that does.",
        run: async ({ answer, random }) => {
          const { outputs, logSums, expected } = drawPieces(random, [3, 2, 4], (p) =>
            p === 0 ? -1000 : 1000,
          );
          const coarse = { tolerance: 2e-3, because: "float32 holds log-sums of 1,000 to 6 · 10⁻⁵ only" };
          assertClose(await answer(outputs, logSums), expected, coarse, "output");
        },
      },
    ],
  },

  joinWgsl: {
    title: "6. The merge, in WGSL",
    is: "text",
    hint: "Two loops over the parts: the first finds the largest m, the second adds up e^(m_p − m) l_p and e^(m_p − m) o_p for this invocation's number.",
    tests: [
      gradedWgsl<typeof Answers.joinWgsl, { P: number; E: number }>({
        sentence: "any number of parts gives o / l of all of them, for widths that fill no workgroup as well",
        hint: "Invocation e computes number e. What must an invocation with e ≥ E do?",
        points: 2,
        sizes: [
          { P: 1, E: 1 },
          { P: 3, E: 63 },
          { P: 7, E: 130 },
        ],
        launch: ({ P, E }, random) => joining(random, P, E, () => 2 * random.normal()),
        tolerance: 1e-4,
        because: "float32 sums of at most seven parts, divided by each other",
      }),
      gradedWgsl<typeof Answers.joinWgsl, { P: number; E: number }>({
        sentence: "parts without keys have no say, and maxima of ±1000 stay finite",
        hint: "Subtract the largest m of all parts before the exponential.",
        sizes: [{ P: 6, E: 5 }],
        launch: ({ P, E }, random) =>
          joining(random, P, E, (part) => (part % 3 === 0 ? -1e30 : part % 3 === 1 ? 1000 : -1000)),
        tolerance: 1e-4,
        because: "float32 sums of at most six parts, divided by each other",
      }),
    ],
  },

  operationsPerByte: {
    title: "Quiz: operations for a byte",
    is: "number",
    hint: "Each number of the cache meets one multiply-add, and takes four bytes.",
    tests: [
      { sentence: "operations for each byte", run: async ({ answer }) => expectNumber(await answer(), 0.5) },
    ],
  },
  busyWorkers: {
    title: "Quiz: busy workers",
    is: "number",
    hint: "A worker that has no head has nothing to do.",
    tests: [
      {
        sentence: "workers with something to do",
        run: async ({ answer }) => expectNumber(await answer(), 32),
      },
    ],
  },
  mostPieces: {
    title: "Quiz: pieces",
    is: "number",
    hint: "Each tile is one piece before the line is cut. How many cuts do eight stretches need, and what does a cut do?",
    tests: [{ sentence: "pieces at most", run: async ({ answer }) => expectNumber(await answer(), 47) }],
  },
  weightedByLength: {
    title: "Quiz: weights by length",
    is: "text",
    hint: "The right weight of a piece is its sum of e^score. When is that proportional to the number of its keys?",
    tests: [
      {
        sentence: "when it is right",
        run: async ({ answer }) =>
          expectWord(await answer(), "when the mean of e^score is the same in all pieces"),
      },
    ],
  },
};

export default graded("lean-attention", exercises, {
  // What the exercises ask for stands in these.
  withheld: [
    "workbook/attention",
    "workbook/block-sparse",
    "workbook/packed-attention",
    "workbook/variants/lean-attention",
    "workbook/variants/lean-splits",
    "workbook/variants/lean-timeline",
  ],
});

function expectNumber(got: number, right: number): void {
  if (!(Math.abs(got - right) < 1e-6)) throw new AssertionError(`${got} is not it`);
}
