import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { gradedComplexity } from "workbook/grading/complexity";
import { graded } from "workbook/grading/graded";
import { finiteDifferences } from "workbook/grading/gradient";
import { judge } from "workbook/grading/judge";
import { inProcess } from "workbook/grading/subject";
import { random } from "workbook/random";

type RowSums = (x: tf.Tensor2D) => tf.Tensor1D;

/** Growth in T of an answer that gets `[T, 4]` and must return the sum of each row. */
async function growth(quantity: "flops" | "peakBytes", answer: RowSums, atMost?: (T: number) => number) {
  const test = gradedComplexity<RowSums>({
    sentence: "it grows with T",
    sizes: [64, 128, 256],
    args: (T, source) => [source.normalTensor<tf.Rank.R2>([T, 4])],
    quantity,
    exponent: 1,
    // The lower-order terms of these answers vanish: everything is a multiple of T or of T².
    tolerance: 0.05,
    atMost,
    verify: (value, x) =>
      assertClose(value, tf.sum(x, 1), { tolerance: 1e-5, because: "four float32 additions" }),
  });
  const lesson = graded<{ sums: RowSums }>("lesson", {
    sums: { title: "Sums", returns: "float32 tensor [T]", tests: [test] },
  });
  const tensors = tf.memory().numTensors;
  const report = await judge(lesson, inProcess({ sums: answer }), { seed: "1" });
  expect(tf.memory().numTensors).to.equal(tensors);
  return report.exercises[0]!.tests[0]!;
}

const linear: RowSums = (x) => tf.sum(x, 1);
const quadratic: RowSums = (x) => {
  const [T] = x.shape;
  return tf.reshape(tf.matMul(tf.eye(T), tf.sum(x, 1, true)), [T]);
};

describe("gradedComplexity", () => {
  before(() => useBackend());

  it("passes what grows as asked for", async () => {
    expect(await growth("flops", linear)).to.include({ state: "passed", message: "" });
    expect(await growth("peakBytes", linear)).to.include({ state: "passed", message: "" });
  });

  it("fails what grows faster, with the exponent and the counts", async () => {
    const flops = await growth("flops", quadratic);
    expect(flops.state).to.equal("failed");
    expect(flops.message).to.match(
      /^floating-point operations grow with exponent (1\.9\d|2\.00), expected 1 ± 0\.05; .*64: /,
    );
    const bytes = await growth("peakBytes", quadratic);
    expect(bytes.message).to.match(
      /^peak bytes grow with exponent (1\.9\d|2\.00), expected 1 ± 0\.05; peak bytes at each size: 64: /,
    );
  });

  it("fails a cheap answer that is wrong", async () => {
    const { state, message } = await growth(
      "flops",
      (x) => tf.slice(tf.reshape(x, [-1]), 0, x.shape[0]) as tf.Tensor1D,
    );
    expect(state).to.equal("failed");
    expect(message).to.match(/^value: largest error/);
  });

  it("fails an answer that is right at the smallest size only", async () => {
    const { state, message } = await growth("flops", (x) =>
      x.shape[0] === 64 ? linear(x) : (tf.slice(tf.reshape(x, [-1]), 0, x.shape[0]) as tf.Tensor1D),
    );
    expect(state).to.equal("failed");
    expect(message).to.match(/^value: largest error/);
  });

  it("fails faster growth that hides below useless work, where a budget is given", async () => {
    const padded: RowSums = (x) => {
      const [T] = x.shape;
      tf.matMul(tf.zeros([T, 1000]), tf.zeros([1000, 50]));
      return quadratic(x);
    };
    expect(await growth("flops", padded)).to.include({ state: "passed" });
    const { message } = await growth("flops", padded, (T) => 50 * T);
    expect(message).to.match(
      /^at size 64: expected at most 3,200 floating-point operations, got 6,40\d,\d{3}$/,
    );
    expect(await growth("flops", linear, (T) => 50 * T)).to.include({ state: "passed" });
  });

  it("fails work that hides from the counter in plain loops", async () => {
    const { message } = await growth("flops", (x) =>
      tf.tensor1d(x.arraySync().map((row) => row.reduce((a, b) => a + b))),
    );
    expect(message).to.match(/^nothing was counted: compute with tensor operations/);
  });

  it("fails operations that nobody knows how to count, rather than counting them as none", async () => {
    const sorting: RowSums = (x) => {
      tf.unique(tf.reshape(x, [-1]));
      return tf.sum(x, 1);
    };
    expect((await growth("flops", sorting)).message).to.match(/^the operations of Unique cannot be counted/);
    expect((await growth("peakBytes", sorting)).message).to.not.match(/cannot be counted/);
  });

  it("wants three sizes", () => {
    const options = {
      sentence: "s",
      args: (): [] => [],
      quantity: "flops",
      exponent: 1,
      tolerance: 1,
      verify: () => {},
    } as const;
    expect(() => gradedComplexity<() => number>({ ...options, sizes: [1, 2] })).to.throw(
      /expected three sizes or more, got 2/,
    );
  });
});

describe("finiteDifferences", () => {
  before(() => useBackend());

  it("∂/∂x Σ sin(x)³ = 3 sin²(x) cos(x), through an asynchronous function", async () => {
    const x = random(3).normalTensor<tf.Rank.R2>([3, 5]);
    const f = async (at: tf.Tensor2D) => tf.tidy(() => tf.sum(tf.pow(tf.sin(at), 3)).dataSync()[0]!);
    const tensors = tf.memory().numTensors;
    const gradient = await finiteDifferences(f, x);
    expect(tf.memory().numTensors).to.equal(tensors + 1);
    const exact = tf.tidy(() => tf.mul(tf.mul(3, tf.square(tf.sin(x))), tf.cos(x)));
    assertClose(gradient, exact, { tolerance: 1e-3, because: "float32 sums divided by a step of 0.02" });
    tf.dispose([x, gradient, exact]);
  });

  it("is exact up to rounding for cubics: the error is of fourth order", async () => {
    const x = tf.tensor1d([1, -2]);
    const cube = (at: tf.Tensor1D) => Array.from(at.dataSync()).reduce((sum, value) => sum + value ** 3, 0);
    const gradient = await finiteDifferences(cube, x, { step: 0.5 });
    assertClose(gradient, tf.tensor1d([3, 12]), {
      tolerance: 1e-6,
      because: "float64 sums of exact float32 inputs",
    });
    tf.dispose([x, gradient]);
  });
});

describe("graded", () => {
  const run = async () => {};
  const declare = (tests: readonly { sentence: string; points?: number; run: () => Promise<void> }[]) => () =>
    graded<{ f: () => number }>("lesson", { f: { title: "F", returns: "number", tests } });

  it("rejects exercises without tests, sentences that repeat, and points that are no decimals above zero", () => {
    expect(declare([])).to.throw("graded lesson: f has no tests");
    expect(
      declare([
        { sentence: "a", run },
        { sentence: "a", run },
      ]),
    ).to.throw('f has two tests named "a"');
    for (const points of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1 / 3, 0.0001]) {
      expect(declare([{ sentence: "a", points, run }])).to.throw(
        `"a" needs points above zero with at most three decimals, got ${points}`,
      );
    }
    expect(declare([{ sentence: "a", points: 0.125, run }])).to.not.throw();
  });

  it("a test whose arguments could not cross to another process is the author's mistake", async () => {
    const lesson = graded<{ f: (g: () => number) => number }>("lesson", {
      f: {
        title: "F",
        returns: "number",
        tests: [{ sentence: "s", run: async ({ answer }) => void (await answer(() => 1)) }],
      },
    });
    const { exercises } = await judge(lesson, inProcess({ f: () => 1 }), { seed: "1" });
    expect(exercises[0]!.tests[0]!.message).to.include("graded test of f: argument 1 holds a function");
  });
});
