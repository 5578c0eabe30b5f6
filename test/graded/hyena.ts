import * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { assertClose } from "workbook/assert-close";
import { gradedComplexity } from "workbook/grading/complexity";
import { type GradedTest, graded } from "workbook/grading/graded";
import { property } from "workbook/grading/property";
import { expectWord } from "workbook/grading/word";
import { convolutionIdentities, hyenaIdentities } from "workbook/identities/hyena";
import type { Identity } from "workbook/identities/identity";
import type { Random } from "workbook/random";
import { longConvolutionDirect } from "workbook/variants/hyena";
import type * as Answers from "../../solutions/hyena.js";

const single = { tolerance: 1e-4, because: "float32 sums of at most 256 products" };
const exact = { tolerance: 1e-3, because: "whole numbers, by transforms perhaps" };

/** An identity of the library, asked of the learner's answer. */
function identityTest<A>(identity: Identity<never>, points?: number): GradedTest<A> {
  const { sentence, hint, check } = identity as unknown as Identity<unknown>;
  return { sentence, hint, points, run: ({ answer, random }) => check(answer, random) };
}

/** On a circle of n places: Σ u_s h_r over (s + r) mod n = t, in whole numbers. */
function onCircle(u: readonly number[], h: readonly number[], n: number): number[] {
  const out = new Array<number>(n).fill(0);
  for (const [s, x] of u.entries()) for (const [r, y] of h.entries()) out[(s + r) % n]! += x * y;
  return out;
}

/** Whether outputs first … T − 1 come out right on a circle of n places; inputs are positive, so that nothing cancels. */
function isRight(T: number, K: number, first: number, n: number): boolean {
  if (!(Number.isInteger(n) && n >= T)) return false;
  const [u, h] = [Array.from({ length: T }, (_, s) => s + 1), Array.from({ length: K }, (_, r) => 2 * r + 1)];
  const [circle, line] = [onCircle(u, h, n), onCircle(u, h, T + K)];
  return line.slice(first, T).every((x, i) => circle[first + i] === x);
}

/** Inputs of `fastConvolution`: two channels. */
function rows(T: number, random: Random): [u: tf.Tensor2D, h: tf.Tensor2D] {
  return [random.normalTensor<tf.Rank.R2>([2, T]), random.normalTensor<tf.Rank.R2>([2, T])];
}

function verifyConvolution(value: tf.Tensor2D, u: tf.Tensor2D, h: tf.Tensor2D): void {
  const expected = tf.tidy(() =>
    tf.squeeze(longConvolutionDirect({ u: tf.expandDims(u, 0) as tf.Tensor3D, h }), [0]),
  );
  assertClose(value, expected, single, "output");
}

/** Σ_(t≥s) h_(t−s) g_t, in float64. */
function correlation(g: tf.Tensor2D, h: tf.Tensor2D) {
  const [G, H] = [g.arraySync(), h.arraySync()];
  const data = G.flatMap((row, c) =>
    row.map((_, s) => row.slice(s).reduce((sum, x, k) => sum + H[c]![k]! * x, 0)),
  );
  return { shape: g.shape, data };
}

interface Text {
  readonly keys: tf.Tensor2D;
  readonly values: tf.Tensor2D;
  /** `[V, T]`, what recall must give. */
  readonly counts: { readonly shape: number[]; readonly data: number[] };
}

/** A text of tokens: "k0" a key, "v0" a value, anything else neither. */
function text(tokens: readonly string[], K: number, V: number): Text {
  const T = tokens.length;
  const is = (t: number, token: string) => Number(tokens[t] === token);
  const table = (letter: string, n: number) =>
    tf.tensor2d(
      tokens.map((_, t) => Array.from({ length: n }, (_, i) => is(t, `${letter}${i}`))),
      [T, n],
    );
  const data = Array.from({ length: V }, (_, j) =>
    tokens.map((token, t) => {
      if (!token.startsWith("k")) return 0;
      let count = 0;
      for (let s = 1; s < t; s++) if (tokens[s - 1] === token && tokens[s] === `v${j}`) count++;
      return count;
    }),
  ).flat();
  return { keys: table("k", K), values: table("v", V), counts: { shape: [V, T], data } };
}

/** What the gates and filters make of the text: order 2 in float64, added up over the keys. */
function recalled(parts: Awaited<ReturnType<typeof Answers.recallByGates>>, K: number, V: number, T: number) {
  for (const [name, part] of Object.entries(parts)) {
    if (part.shape[0] === K * V && part.shape[1] === T) continue;
    throw new AssertionError(
      `expected ${name} of shape [K V, T] = [${K * V}, ${T}], got [${part.shape.join(", ")}]`,
    );
  }
  const [v, x1, x2, h1, h2] = [parts.v, parts.x1, parts.x2, parts.h1, parts.h2].map((part) =>
    part.arraySync(),
  ) as [number[][], number[][], number[][], number[][], number[][]];
  const sums = (z: number[], h: number[]) =>
    z.map((_, t) => z.slice(0, t + 1).reduce((sum, x, s) => sum + h[t - s]! * x, 0));
  const data = new Array<number>(V * T).fill(0);
  for (let c = 0; c < K * V; c++) {
    const z = sums(v[c]!, h1[c]!).map((sum, t) => x1[c]![t]! * sum);
    for (const [t, sum] of sums(z, h2[c]!).entries()) data[(c % V) * T + t]! += x2[c]![t]! * sum;
  }
  return { shape: [V, T], data };
}

/** Keys and values that alternate: every key twice, then any. Neighbouring keys have different values. */
function dictionary(random: Random, pairs: number, K: number, V: number): string[] {
  const start = random.integer(V);
  return Array.from({ length: pairs }, (_, pair) => (pair < 2 * K ? pair % K : random.integer(K))).flatMap(
    (key) => [`k${key}`, `v${(start + key) % V}`],
  );
}

/** Checks what recall makes of texts. */
function recalls(
  sentence: string,
  texts: (random: Random) => string[],
  more: { hint?: string; points?: number } = {},
): GradedTest<typeof Answers.recallByGates> {
  return {
    sentence,
    ...more,
    run: async ({ answer, random }) => {
      const [K, V] = [3, 2];
      const tokens = texts(random);
      const { keys, values, counts } = text(tokens, K, V);
      const got = recalled(await answer(keys, values), K, V, tokens.length);
      assertClose(got, counts, exact, `counts in the text ${tokens.join(" ")}`);
    },
  };
}

export default graded<typeof Answers>(
  "hyena",
  {
    smallestCircle: {
      title: "1. How long must the circle be?",
      returns: "number",
      hint: "The last product, of input T − 1 and filter entry K − 1, belongs at place T + K − 2. Where does it land on a circle of n?",
      tests: [
        property({
          sentence: "on a circle of that length, outputs first … T − 1 are right",
          points: 2,
          inputs: ({ integer }) => ({
            T: integer({ min: 1, max: 20 }),
            taps: integer({ min: 0, max: 1000 }),
            from: integer({ min: 0, max: 1000 }),
          }),
          holds: async ({ answer }, { T, taps, from }) => {
            const [K, first] = [1 + (taps % T), from % T];
            const n = await answer(T, K, first);
            if (isRight(T, K, first, n)) return;
            throw new AssertionError(
              `T = ${T}, K = ${K}, first = ${first}: on a circle of your n = ${n} an output from ${first} to ${T - 1} is missing or wrong`,
            );
          },
        }),
        {
          sentence: "on a circle one place shorter, one of them is not",
          hint: "Products that come round are harmless as long as they land before `first`.",
          run: async ({ answer, random }) => {
            for (let draw = 0; draw < 6; draw++) {
              const T = 2 + random.integer(15);
              const [K, first] = [1 + random.integer(T), random.integer(T)];
              const n = await answer(T, K, first);
              if (!isRight(T, K, first, n - 1)) continue;
              throw new AssertionError(
                `T = ${T}, K = ${K}, first = ${first}: your n = ${n} is not the smallest, ${n - 1} is enough`,
              );
            }
          },
        },
      ],
    },

    hyenaOperator: {
      title: "2. Hyena of any order",
      returns: "float32 tensor [C, T]",
      hint: "A loop over the orders: convolve z with hⁿ, multiply by xⁿ. Your `fastConvolution` can do the first half.",
      tests: hyenaIdentities.map((identity) => identityTest(identity as Identity<never>)),
    },

    fastConvolution: {
      title: "3. A long convolution, in T log T",
      returns: "float32 tensor [C, T]",
      hint: "Zeros behind both, up to at least 2T − 1 places; transform, multiply, transform back, keep the first T.",
      tests: [
        ...convolutionIdentities.map((identity) =>
          identityTest<typeof Answers.fastConvolution>(identity as Identity<never>),
        ),
        gradedComplexity<typeof Answers.fastConvolution>({
          sentence: "operations grow like T log T",
          points: 2,
          hint: "No sum over all earlier positions and no T × T matrix: the product of two transforms does it.",
          sizes: [32, 64, 128, 256],
          args: rows,
          quantity: "flops",
          // n log₂ n from n = 64 to 512 fits 1.19; the other, linear work draws it down to 1.15.
          exponent: 1.15,
          tolerance: 0.15,
          // Three complex transforms of two rows of 2T take 540 T at the most.
          atMost: (T) => 2_500 * T,
          verify: verifyConvolution,
        }),
        gradedComplexity<typeof Answers.fastConvolution>({
          sentence: "memory grows like T",
          hint: "A Toeplitz matrix has T² entries.",
          sizes: [32, 64, 128, 256],
          args: rows,
          quantity: "peakBytes",
          exponent: 1,
          // A T × T matrix fits 1.9; nothing pulls the linear one off.
          tolerance: 0.2,
          atMost: (T) => 1_000 * T,
          verify: verifyConvolution,
        }),
      ],
    },

    gradientThrough: {
      title: "4. The gradient of a long convolution",
      returns: "float32 tensor [C, T]",
      hint: "In which outputs is u_s, and with what weight? Write the sum down; then read it from the end of the text.",
      tests: [
        {
          sentence: "entry s is the sum of h_(t−s) g_t over t ≥ s",
          points: 2,
          run: async ({ answer, random }) => {
            for (const T of [1, 3, 6 + random.integer(6)]) {
              const [g, h] = rows(T, random);
              assertClose(await answer(g, h), correlation(g, h), single, `gradient at T = ${T}`);
            }
          },
        },
        {
          sentence: "whatever the input, ⟨g, h * u⟩ = ⟨∂L/∂u, u⟩",
          hint: "That is what a gradient of a linear map is: L = ⟨g, h * u⟩ has the derivative g with respect to y.",
          run: async ({ answer, random }) => {
            const [[g, h], [u]] = [rows(9, random), rows(9, random)];
            const y = tf.squeeze(longConvolutionDirect({ u: tf.expandDims(u, 0) as tf.Tensor3D, h }), [0]);
            const value = await answer(g, h);
            if (value.shape.join() !== u.shape.join()) {
              throw new AssertionError(
                `expected shape [${u.shape.join(", ")}], got [${value.shape.join(", ")}]`,
              );
            }
            assertClose(tf.sum(tf.mul(value, u)), tf.sum(tf.mul(g, y)), single, "⟨∂L/∂u, u⟩");
          },
        },
        {
          sentence: "what is asked of early outputs says nothing about later inputs",
          hint: "Entry s must not change when g before s does: the gradient looks forwards, nothing wraps round.",
          run: async ({ answer, random }) => {
            const [[g, h], [other]] = [rows(8, random), rows(8, random)];
            const changed: tf.Tensor2D = tf.concat(
              [tf.slice(other, [0, 0], [2, 3]), tf.slice(g, [0, 3], [2, 5])],
              1,
            );
            const late = (x: tf.Tensor2D) => tf.slice(x, [0, 3], [2, 5]);
            assertClose(late(await answer(changed, h)), late(await answer(g, h)), single, "entries 3 … 7");
          },
        },
      ],
    },

    recallByGates: {
      title: "5. Recall, set by hand",
      returns: {
        v: "float32 tensor [C, T]",
        x1: "float32 tensor [C, T]",
        x2: "float32 tensor [C, T]",
        h1: "float32 tensor [C, T]",
        h2: "float32 tensor [C, T]",
      },
      hint: "The first convolution brings the key one position forward, to its value; the first gate lets through where both meet; the second convolution adds up the past; the second gate asks.",
      tests: [
        recalls(
          "in a text of keys and values, each key gets the values that followed it so far",
          (random) => dictionary(random, 8, 3, 2),
          { points: 2 },
        ),
        recalls(
          "a value counts only directly behind its key",
          () => ["k0", "v1", "v0", "x", "v1", "k0", "x", "v0", "k1", "v0", "k0", "k1", "v1", "k1", "k0"],
          {
            hint: "Key at s − 1 and value at s. In `k0 x v0` the value does not count, nor in `v1 v0` the second.",
          },
        ),
        recalls(
          "what was told 100 tokens ago counts as much as what was told just now",
          (random) => [
            ...dictionary(random, 6, 3, 2),
            ...Array.from({ length: 100 }, () => "x"),
            ...["k0", "v1", "k0", "k1", "k2"],
          ],
          { hint: "Which filter forgets nothing?" },
        ),
        recalls(
          "where no key stands, the output is 0",
          () => ["x", "v0", "k2", "v0", "x", "v0", "k2", "v1", "x"],
          { hint: "The second gate is open where a key stands, and only in that key's channels." },
        ),
      ],
    },

    longerFilters: {
      title: "Quiz: longer filters",
      is: "text",
      tests: [
        {
          sentence: "what is stored of a filter",
          hint: "What does the network get to see, and how many weights does it have?",
          run: async ({ answer }) => expectWord(await answer(), "it stays the same"),
        },
      ],
    },

    transformsOfOrder3: {
      title: "Quiz: transforms",
      is: "number",
      tests: [
        {
          sentence: "there and back, order by order",
          hint: "Count for one order first. Gates act between the orders, so nothing can stay transformed.",
          run: async ({ answer }) => {
            const got = await answer();
            if (got !== 9) throw new AssertionError(`it is not ${got}: count there and back for each order`);
          },
        },
      ],
    },

    oneMoreToken: {
      title: "Quiz: one more token",
      is: "text",
      tests: [
        {
          sentence: "what a new output is made of",
          hint: "y_T = Σ h_(T−s) u_s. When could a state of fixed size stand for that sum?",
          run: async ({ answer }) => expectWord(await answer(), "it grows like T"),
        },
      ],
    },

    movedText: {
      title: "Quiz: a text that starts later",
      is: "text",
      tests: [
        {
          sentence: "what a filter knows of positions",
          hint: "What is the t in h_t?",
          run: async ({ answer }) => expectWord(await answer(), "they move by five"),
        },
      ],
    },
  },
  { withheld: ["workbook/fft", "workbook/variants/hyena", "workbook/variants/hyena-layer"] },
);
