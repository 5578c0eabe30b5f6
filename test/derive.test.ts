import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import { type DerivationOptions, derivation, type Relation, type Value } from "workbook/derive";
import { type MimeBundle, setDisplayHost } from "workbook/display";
import { onEveryBackend } from "./backends.js";

let shown: MimeBundle[] = [];

function capture(): void {
  beforeEach(() => {
    shown = [];
    setDisplayHost(({ data }) => shown.push(data));
  });
  afterEach(() => setDisplayHost(undefined));
}

const html = () => String(shown[0]?.["text/html"]);
const text = () => String(shown[0]?.["text/plain"]);
const failure = <G>(options: DerivationOptions<G>) =>
  derivation(options).then(
    () => undefined,
    (error: Error) => error,
  );

/** A derivation of two lines without anything given. */
const claim = (left: Value, right: Value, relation?: Relation, tolerance?: number) => ({
  title: "Claim",
  given: () => undefined,
  steps: [
    { tex: "a", value: () => left, because: "given" },
    { tex: "b", value: () => right, because: "claimed", relation, tolerance },
  ],
});

onEveryBackend("a derivation on tensors", () => {
  capture();

  const square = (cross: number) => ({
    title: "A squared sum",
    symbols: { a: "a random vector", b: "another" },
    given: (random: { normalTensor(shape: [number]): tf.Tensor }) => ({
      a: random.normalTensor([4]),
      b: random.normalTensor([4]),
    }),
    steps: [
      {
        tex: "(a + b)^2",
        value: ({ a, b }: { a: tf.Tensor; b: tf.Tensor }) => tf.square(tf.add(a, b)),
        because: "what we start from",
      },
      {
        tex: "a^2 + 2ab + b^2",
        value: ({ a, b }: { a: tf.Tensor; b: tf.Tensor }) =>
          tf.add(tf.add(tf.square(a), tf.mul(cross, tf.mul(a, b))), tf.square(b)),
        because: "the binomial theorem",
      },
    ],
  });

  it("that is right passes with a small error, shown once with formulas, reasons and errors", async () => {
    const { title, steps } = await derivation(square(2));
    expect(title).to.equal("A squared sum");
    expect(steps.map(({ tex, because, ok }) => ({ tex, because, ok }))).to.deep.equal([
      { tex: "(a + b)^2", because: "what we start from", ok: true },
      { tex: "a^2 + 2ab + b^2", because: "the binomial theorem", ok: true },
    ]);
    expect(steps[0]!.error).to.equal(undefined);
    expect(steps[1]!.error).to.be.within(0, 1e-6);
    expect(shown.length).to.equal(1);
    expect(html()).to.contain("$\\displaystyle {}= a^2 + 2ab + b^2$").and.to.contain("the binomial theorem");
    expect(html()).to.contain("$a$ a random vector; $b$ another").and.to.contain("3 random draws");
    expect(html()).not.to.contain("color").and.not.to.contain("wrong");
    expect(text()).to.match(/= a\^2 \+ 2ab \+ b\^2 {4}\(the binomial theorem\) {2}\S+ \(allowed 0\.00001\)/);
  });

  it("that is wrong is shown in red with both values, then throws and names the line", async () => {
    const error = await failure(square(1));
    expect(error?.message).to.match(
      /^derive "A squared sum": line 2, a\^2 \+ 2ab \+ b\^2, is wrong: \S+ became \S+ at \[\d\] \(largest error \S+, tolerance 0\.00001\)$/,
    );
    expect(html()).to.match(
      /<tr style="color: #d32f2f">.*a\^2 \+ 2ab \+ b\^2.*wrong: \S+ became \S+ at \[\d\]/,
    );
    expect(html().match(/<tr style/g)?.length, "only the wrong line is red").to.equal(1);
    expect(text()).to.contain("wrong: ");
  });

  it("leaves no tensor behind, right or wrong, and keeps what it did not make", async () => {
    const mine = tf.ones([4]);
    const before = tf.memory().numTensors;
    await derivation(square(2));
    await failure(square(1));
    await derivation({
      title: "mine",
      given: () => ({ mine }),
      steps: [
        { tex: "x", value: (g) => g.mine, because: "given" },
        { tex: "1 x", value: (g) => tf.mul(g.mine, 1), because: "one is neutral" },
        { tex: "x", value: (g) => g.mine, because: "again" },
      ],
    });
    expect(tf.memory().numTensors).to.equal(before);
    expect(mine.isDisposed).to.equal(false);
  });

  it("may have asynchronous lines", async () => {
    const before = tf.memory().numTensors;
    await derivation({
      title: "later",
      given: (random) => random.normalTensor<tf.Rank.R1>([3]),
      steps: [
        { tex: "x", value: (x) => x, because: "given" },
        { tex: "x", value: (x) => x.data(), because: "read back" },
      ],
    });
    expect(tf.memory().numTensors).to.equal(before);
  });

  it("that gives another shape is wrong, even where it would broadcast", async () => {
    const error = await failure(claim(tf.ones([2, 2]), tf.ones([2])));
    expect(error?.message).to.contain("is wrong: shape [2, 2] became [2] (largest error Infinity");
    expect((await failure(claim(1, [1])))?.message).to.contain("shape [] became [1]");
  });
});

describe("a derivation", () => {
  capture();

  it("with NaN or an infinity on either side is wrong", async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const [left, right] of [
        [bad, 1],
        [1, bad],
        [bad, bad],
      ]) {
        for (const relation of ["=", "≤", "≈"] as const) {
          const error = await failure(claim(left!, right!, relation, 1e9));
          expect(error?.message, `${left} ${relation} ${right}`).to.contain("is wrong");
        }
      }
    }
  });

  it("is wrong when one draw of many is", async () => {
    let draws = 0;
    const options = (rare: number) => ({
      title: "rare",
      draws: 4,
      given: () => ++draws,
      steps: [
        { tex: "x", value: () => 0, because: "zero" },
        { tex: "y", value: (draw: number) => (draw === 3 ? rare : 0), because: "almost" },
      ],
    });
    expect((await failure(options(0.5)))?.message).to.contain("0 became 0.5");
    draws = 0;
    await derivation(options(0));
    expect(draws).to.equal(4);
  });

  it("draws the same numbers for the same seed, and others for each draw and seed", async () => {
    const drawn = async (seed?: number) => {
      const numbers: number[] = [];
      const given = (random: { normal(): number }) => numbers.push(random.normal());
      await derivation({ ...claim(1, 1), given, seed });
      return numbers;
    };
    const first = await drawn(1);
    expect(new Set(first).size).to.equal(3);
    expect(await drawn()).to.deep.equal(first);
    expect(await drawn(2)).not.to.deep.equal(first);
  });

  it("checks each line against the one before, not against the first", async () => {
    const lines = [0, 8e-6, 16e-6];
    await derivation({
      title: "drift",
      given: () => 0,
      steps: lines.map((value, i) => ({ tex: `x_${i}`, value: () => value, because: "nearly" })),
    });
    const error = await failure({
      title: "two wrong lines",
      given: () => 0,
      steps: [1, 2, 2, 3].map((value, i) => ({ tex: `x_${i}`, value: () => value, because: "no" })),
    });
    expect(error?.message).to.contain("line 2, x_1, is wrong: 1 became 2");
    expect(html().length).to.be.above(0);
    expect(String(shown[1]?.["text/html"]).match(/<tr style/g)?.length).to.equal(2);
  });

  it("≤ holds element by element, and fails where one element is larger", async () => {
    const { steps } = await derivation(claim([1, 2, -5], [1, 3, 5], "≤"));
    expect(steps[1]!.error).to.equal(0);
    const error = await failure(claim([1, 3.5, 0], [1, 3, 5], "≤"));
    expect(error?.message).to.contain("is wrong: 3.5 became 3 at [1]");
    await derivation(claim([1.000001], [1], "≤"));
    expect(html()).to.contain("{}\\le b");
  });

  it("≈ and → hold within their own tolerance, which they must state", async () => {
    for (const relation of ["≈", "→"] as const) {
      await derivation(claim(1.04, 1, relation, 0.05));
      expect((await failure(claim(1.06, 1, relation, 0.05)))?.message).to.contain("tolerance 0.05");
      const untold = await failure(claim(1, 1, relation));
      expect(untold).to.be.instanceOf(RangeError);
      expect(untold?.message).to.equal(
        `derive "Claim": line 2: expected a tolerance for the relation ${relation}, got none`,
      );
    }
    expect(html()).to.contain("{}\\approx b").and.to.contain("allowed 0.05");
  });

  it("writes HTML that is safe for formulas and reasons with <, > and &", async () => {
    await derivation({
      title: "a < b & c",
      given: () => 0,
      steps: [
        { tex: "a < b", value: () => 1, because: "x > 0" },
        { tex: "b \\ge a & c", value: () => 1, because: "<b>so</b>" },
      ],
    });
    expect(html()).to.contain("a &lt; b &amp; c").and.to.contain("$\\displaystyle a &lt; b$");
    expect(html()).to.contain("x &gt; 0").and.to.contain("&lt;b&gt;so&lt;/b&gt;");
  });

  it("says what is malformed: too few lines, a relation sign in the formula, a line without a value", async () => {
    const { title, given, steps } = claim(1, 1);
    expect((await failure({ title, given, steps: steps.slice(1) }))?.message).to.equal(
      'derive "Claim": expected at least two lines, got 1',
    );
    const signed = [steps[0]!, { ...steps[1]!, tex: "= b" }];
    expect((await failure({ title, given, steps: signed }))?.message).to.match(
      /line 2: expected a formula without its relation sign .* got = b$/,
    );
    const broken = () => {
      throw new Error("no such thing");
    };
    expect(
      (await failure({ title, given, steps: [steps[0]!, { ...steps[1]!, value: broken }] }))?.message,
    ).to.equal('derive "Claim": line 2, b, has no value: no such thing');
    expect((await failure({ ...claim(1, 1), draws: 0 }))?.message).to.contain(
      "expected one or more draws, got 0",
    );
    expect(shown).to.deep.equal([]);
  });
});
