import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { adamw } from "workbook/learn/adamw";
import { inverseSquareRoot, warmupCosine } from "workbook/learn/schedule";
import { root } from "workbook/root";

interface Vectors {
  readonly shapes: number[][];
  readonly start: number[][];
  readonly target: number[][];
  readonly weight: number[][];
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly learningRates: number[];
  readonly runs: { clipNorm: number | null; weightDecay: number; path: number[][][] }[];
}

const vectors = JSON.parse(readFileSync(path.join(root, "test/vectors/adamw.json"), "utf8")) as Vectors;
const rounding = { tolerance: 2e-6, because: "eight float32 updates of numbers near one" };

describe("adamw", () => {
  before(async () => {
    await useBackend();
  });

  const start = () => ({
    a: tf.variable(tf.tensor(vectors.start[0]!, vectors.shapes[0])),
    b: tf.variable(tf.tensor(vectors.start[1]!, vectors.shapes[1])),
  });
  /** The gradient of Σ w (p − target)². */
  const gradientsAt = (params: Record<string, tf.Variable>) =>
    tf.tidy(() =>
      Object.fromEntries(
        Object.entries(params).map(([name, parameter], i) => {
          const given = (list: number[][]) => tf.tensor(list[i]!, vectors.shapes[i]);
          return [name, tf.mul(2, tf.mul(given(vectors.weight), tf.sub(parameter, given(vectors.target))))];
        }),
      ),
    );

  for (const { clipNorm, weightDecay, path: steps } of vectors.runs) {
    it(`follows PyTorch step by step with clipNorm = ${clipNorm} and weightDecay = ${weightDecay}`, () => {
      const params = start();
      const { beta1, beta2, epsilon } = vectors;
      const optimiser = adamw({
        params,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        clipNorm: clipNorm ?? undefined,
      });
      steps.forEach((expected, step) => {
        const gradients = gradientsAt(params);
        optimiser.step({ gradients, learningRate: vectors.learningRates[step]! });
        Object.values(params).forEach((parameter, i) => {
          const want = { shape: vectors.shapes[i]!, data: expected[i]! };
          assertClose(parameter, want, rounding, `parameter ${i} after step ${step + 1}`);
        });
        tf.dispose(gradients);
      });
      optimiser.dispose();
      tf.dispose(params);
    });
  }

  it("holds two vectors, and a step leaves no tensor behind", () => {
    const params = start();
    const before = tf.memory().numTensors;
    const optimiser = adamw({ params, clipNorm: 1 });
    expect(tf.memory().numTensors).to.equal(before + 2);
    for (let step = 0; step < 3; step++) {
      const gradients = gradientsAt(params);
      optimiser.step({ gradients, learningRate: 0.1 });
      tf.dispose(gradients);
    }
    expect(tf.memory().numTensors).to.equal(before + 2);
    optimiser.dispose();
    expect(tf.memory().numTensors).to.equal(before);
    tf.dispose(params);
  });

  it("a parameter without a gradient does not move, but for its decay", () => {
    const params = start();
    const optimiser = adamw({ params, weightDecay: 0.5, clipNorm: 1 });
    const [a, b] = [params.a.dataSync(), params.b.dataSync()];
    optimiser.step({ gradients: {}, learningRate: 0.1 });
    const decayed = { shape: [3, 2], data: Array.from(a, (value) => value * 0.95) };
    assertClose(params.a, decayed, { tolerance: 1e-7, because: "one float32 product" });
    expect(Array.from(params.b.dataSync())).to.deep.equal(Array.from(b));
    optimiser.dispose();
    tf.dispose(params);
  });

  it("goes on from a restored state as if nothing had happened, and refuses one of another size", () => {
    const [params, copy] = [start(), start()];
    const [one, two] = [adamw({ params }), adamw({ params: copy })];
    const advance = (optimiser: typeof one, of: typeof params) => {
      const gradients = gradientsAt(of);
      optimiser.step({ gradients, learningRate: 0.1 });
      tf.dispose(gradients);
    };
    for (let step = 0; step < 3; step++) advance(one, params);
    two.restore(one.state());
    for (const name of ["a", "b"] as const) copy[name].assign(params[name]);
    advance(one, params);
    advance(two, copy);
    expect(Array.from(copy.a.dataSync())).to.deep.equal(Array.from(params.a.dataSync()));
    expect(Array.from(copy.b.dataSync())).to.deep.equal(Array.from(params.b.dataSync()));
    const other = { steps: 1, tensors: { m: tf.zeros([3]), v: tf.zeros([10]) } };
    expect(() => two.restore(other)).to.throw("adamw.restore: expected m of shape [10], got [3]");
    one.dispose();
    two.dispose();
    tf.dispose([params, copy, other.tensors]);
  });
});

describe("learning rate schedules", () => {
  it("warm-up is a line to the peak, and the cosine ends at the floor", () => {
    const rate = warmupCosine({ peak: 2, warmup: 4, steps: 12, floor: 0.1 });
    expect([0, 1, 2, 3].map(rate)).to.deep.equal([0.5, 1, 1.5, 2]);
    expect(rate(4)).to.equal(2);
    expect(rate(8)).to.be.closeTo(2 * (0.1 + 0.9 * 0.5), 1e-12);
    expect(rate(12)).to.be.closeTo(0.2, 1e-12);
    expect(rate(100)).to.be.closeTo(0.2, 1e-12);
    expect(() => warmupCosine({ peak: 1, warmup: 5, steps: 5 })).to.throw("shorter than the 5 steps, got 5");
  });

  it("Vaswani's schedule peaks where the warm-up ends, at (width · warmup)^(−1/2)", () => {
    const rate = inverseSquareRoot({ width: 64, warmup: 100 });
    const rates = Array.from({ length: 400 }, (_, step) => rate(step));
    expect(rates.indexOf(Math.max(...rates))).to.equal(99);
    expect(rate(99)).to.be.closeTo((64 * 100) ** -0.5, 1e-12);
    expect(rate(399)).to.be.closeTo(rate(99) / 2, 1e-12);
    expect(rate(24)).to.be.closeTo(rate(99) / 4, 1e-12);
  });
});
