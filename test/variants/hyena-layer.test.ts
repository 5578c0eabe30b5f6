import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { hyenaMixer, ungatedMixer } from "workbook/learn/hyena-mixer";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { longConvolutionDirect } from "workbook/variants/hyena";
import {
  decayRates,
  decayWindow,
  type FilterWeights,
  implicitFilters,
  positionalFeatures,
} from "workbook/variants/hyena-filter";
import { type HyenaWeights, hyenaLayer } from "workbook/variants/hyena-layer";
import { onEveryBackend } from "../backends.js";

const rounding = { tolerance: 1e-5, because: "float32 sums and sines, as a share of the largest entry" };

interface Vector {
  name: string;
  sizes: { B: number; C: number; T: number; N: number; L: number; I: number; F: number };
  filter: { w: number[][]; b: number[][]; frequency: number[]; out: number[] };
  x: number[];
  into: number[];
  intoBias: number[];
  short: number[];
  shortBias: number[];
  biases: number[];
  outWeights: number[];
  outBias: number[];
  filters: number[][];
  out: number[];
}

function vectors(): Vector[] {
  const file = path.join(root, "test/vectors/hyena.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { layers: Vector[] }).layers;
}

function filterWeights({ sizes: { I, F, N, C }, filter }: Vector): FilterWeights {
  return {
    layers: filter.w.map((w, n) => ({
      w: tf.tensor2d(w, [n === 0 ? I : F, F]),
      b: tf.tensor1d(filter.b[n]!),
    })),
    frequency: tf.tensor1d(filter.frequency),
    out: tf.tensor2d(filter.out, [F, N * C]),
  };
}

function layerWeights(vector: Vector): HyenaWeights {
  const { C, N } = vector.sizes;
  const P = (N + 1) * C;
  return {
    into: tf.tensor2d(vector.into, [C, P]),
    intoBias: tf.tensor1d(vector.intoBias),
    short: tf.tensor2d(vector.short, [3, P]),
    shortBias: tf.tensor1d(vector.shortBias),
    filter: filterWeights(vector),
    biases: tf.tensor2d(vector.biases, [N, C]),
    out: tf.tensor2d(vector.outWeights, [C, C]),
    outBias: tf.tensor1d(vector.outBias),
  };
}

onEveryBackend("variants/hyena-filter and hyena-layer", () => {
  it("filters agree with PyTorch's", () => {
    for (const vector of vectors()) {
      const { T, L, N, C } = vector.sizes;
      const filters = implicitFilters({ T, length: L, weights: filterWeights(vector), order: N });
      expect(filters.length).to.equal(N);
      for (const [n, filter] of filters.entries()) {
        assertClose(
          filter,
          { shape: [C, T], data: vector.filters[n]! },
          rounding,
          `${vector.name}, order ${n}`,
        );
      }
    }
  });

  it("the layer agrees with PyTorch's, with either form of the convolution", () => {
    for (const vector of vectors()) {
      const { B, C, T, L } = vector.sizes;
      const x = tf.tensor3d(vector.x, [B, T, C]);
      const largest = Math.max(...vector.out.map(Math.abs));
      const share = (data: ArrayLike<number>) => ({
        shape: [B, T, C],
        data: Array.from(data, (y) => y / largest),
      });
      for (const convolution of [undefined, longConvolutionDirect]) {
        const y = hyenaLayer({ x, weights: layerWeights(vector), length: L, convolution });
        expect(y.shape).to.deep.equal([B, T, C]);
        assertClose(share(y.dataSync()), share(vector.out), rounding, vector.name);
      }
    }
  });

  it("a shorter filter is the beginning of a longer one", () => {
    const weights = filterWeights(vectors()[0]!);
    const [short] = implicitFilters({ T: 5, length: 20, weights, order: 2 });
    const [long] = implicitFilters({ T: 20, length: 20, weights, order: 2 });
    assertClose(short!, tf.slice(long!, [0, 0], [3, 5]), rounding);
  });

  it("features are how far along a position is, and waves of evenly spaced frequencies", () => {
    const [T, length] = [4, 9];
    const data = Array.from({ length: T }, (_, t) => {
      const phases = [1e-4, (1e-4 + 2) / 2, 2].map((f) => (2 * Math.PI * f * t) / length);
      return [t / 8, ...phases.map((a) => Math.cos(a)), ...phases.map((a) => -Math.sin(a))];
    }).flat();
    assertClose(positionalFeatures({ T, length, bands: 3 }), { shape: [T, 7], data }, rounding);
  });

  it("windows start at 1; the slowest is down to 1/100 at 1.5 lengths, the fastest at 0.3", () => {
    const rates = decayRates(5);
    assertClose(tf.tensor1d(rates), tf.linspace(Math.log(100) / 1.5, Math.log(100) / 0.3, 5), rounding);
    const window = decayWindow({ T: 11, length: 11, rates }).arraySync();
    for (const [c, row] of window.entries()) {
      expect(row[0]).to.equal(1);
      expect(row[10]).to.be.closeTo(Math.exp(-rates[c]!), 1e-6);
    }
    expect(window[4]![3]).to.be.closeTo(0.01, 1e-6);
    expect(decayRates(1)[0]).to.be.closeTo(Math.log(100) / 1.5, 1e-12);
    const one = positionalFeatures({ T: 1, length: 1, bands: 1 });
    assertClose(one, { shape: [1, 3], data: [0, 1, 0] }, rounding, "a text of one position");
  });

  it("gradients reach every parameter, and equal finite differences along a random direction", () => {
    const vector = vectors()[0]!;
    const { B, C, T, L } = vector.sizes;
    const weights = layerWeights(vector);
    const x = tf.tensor3d(vector.x, [B, T, C]);
    const trained = { ...weights, ...Object.fromEntries(weights.filter.layers.flatMap(({ w, b }, n) => [[`w${n}`, w], [`b${n}`, b]])), frequency: weights.filter.frequency, filterOut: weights.filter.out }; // biome-ignore format: one list
    const names = Object.keys(trained).filter((name) => name !== "filter");
    const starts = names.map((name) => (trained as unknown as Record<string, tf.Tensor>)[name]!);
    const cotangent = random(1).normalTensor<tf.Rank.R3>([B, T, C], 0.01);
    const loss = (...tensors: tf.Tensor[]): tf.Scalar => {
      const of = Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as Record<string, tf.Tensor>;
      const layers = weights.filter.layers.map((_, n) => ({ w: of[`w${n}`], b: of[`b${n}`] }));
      const filter = { layers, frequency: of.frequency, out: of.filterOut };
      const all = { ...of, filter } as unknown as HyenaWeights;
      return tf.sum(tf.mul(hyenaLayer({ x, weights: all, length: L }), cotangent));
    };
    const gradients = tf.grads(loss)(starts);
    for (const [i, name] of names.entries()) {
      const direction = random(name).normalTensor(starts[i]!.shape as [number]);
      const along = (step: number) =>
        loss(...starts.map((start, j) => (i === j ? tf.add(start, tf.mul(direction, step)) : start)));
      const slope = tf.div(tf.sub(along(0.01), along(-0.01)), 0.02).dataSync()[0]!;
      const expected = tf.sum(tf.mul(gradients[i]!, direction)).dataSync()[0]!;
      const step = { tolerance: 0.02, because: "float32 differences over a step of 0.01" };
      assertClose(slope, expected, step, name);
      expect(tf.max(tf.abs(gradients[i]!)).dataSync()[0], name).to.be.greaterThan(0);
    }
  });

  for (const mixer of [hyenaMixer({ length: 16 }), ungatedMixer({ length: 16, order: 3, bands: 2 })]) {
    it(`${mixer.name}, as a mixer: output t depends on inputs 0 to t alone`, () => {
      const params = mixer.init({ random: random(1), width: 6, heads: 1 });
      const open = { ...params, out: random(2).normalTensor<tf.Rank.R2>([6, 6]) };
      const [x, other] = [3, 4].map((seed) => random(seed).normalTensor<tf.Rank.R3>([2, 9, 6])) as [
        tf.Tensor3D,
        tf.Tensor3D,
      ];
      const spliced = tf.concat([tf.slice(x, 0, [2, 5, 6]), tf.slice(other, [0, 5, 0], [2, 4, 6])], 1);
      const early = (input: tf.Tensor3D) =>
        tf.slice(mixer.forward({ x: input, params: open, heads: 1 }), 0, [2, 5, 6]);
      assertClose(early(spliced), early(x), rounding);
    });
  }

  it("without gates the layer is linear: twice the change of an input changes outputs by twice as much", () => {
    const mixer = ungatedMixer({ length: 16 });
    const params = mixer.init({ random: random(1), width: 6, heads: 1 });
    const open = { ...params, out: random(2).normalTensor<tf.Rank.R2>([6, 6]) };
    const [x, change] = [3, 4].map((seed) => random(seed).normalTensor<tf.Rank.R3>([1, 7, 6])) as [
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const out = (input: tf.Tensor) => mixer.forward({ x: input as tf.Tensor3D, params: open, heads: 1 });
    const once = tf.sub(out(tf.add(x, change)), out(x));
    const twice = tf.sub(out(tf.add(x, tf.mul(change, 2))), out(x));
    assertClose(twice, tf.mul(once, 2), { tolerance: 1e-4, because: "differences of float32 sums" });
  });

  it("says what it expected and what it got", () => {
    const weights = filterWeights(vectors()[0]!);
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    const filters = (options: object) => () => implicitFilters({ T: 4, length: 8, weights, ...options });
    says(
      filters({ order: 4 }),
      "implicitFilters: expected an order that divides the 6 columns of out, got 4",
    );
    says(filters({ order: 2, rates: [1] }), "implicitFilters: expected as many rates as channels (3), got 1");
    says(filters({ order: 2, rates: [1, 1, -2] }), "decayWindow: expected rates of 0 or more, got -2");
    says(
      filters({ T: 9, order: 2 }),
      "positionalFeatures: expected 1 to 8 positions, the length that the filters are made for, got 9",
    );
    says(
      filters({ weights: { ...weights, layers: [] } }),
      "implicitFilters: expected an odd number of features, 3 or more (a time and pairs of waves), got 0",
    );
    const layer = layerWeights(vectors()[0]!);
    says(
      () =>
        hyenaLayer({ x: tf.zeros([1, 4, 3]), weights: { ...layer, biases: tf.zeros([3, 3]) }, length: 8 }),
      "hyenaLayer: expected into with 12 columns, got 9",
    );
    says(() => decayRates(0), "decayRates: expected a positive number of channels, got 0");
  });
});
