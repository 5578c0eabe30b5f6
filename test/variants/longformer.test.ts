import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { multiHeadAttention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { catalog } from "workbook/catalog";
import { finiteDifferences } from "workbook/grading/gradient";
import {
  type LongformerHead,
  longformerHeadIdentities,
  longformerIdentities,
  type Projections,
} from "workbook/identities/longformer";
import { count } from "workbook/measure/count";
import { fitExponent } from "workbook/measure/fit";
import { receptiveField } from "workbook/measure/receptive-field";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { type LongformerOptions, longformer, longformerDense } from "workbook/variants/longformer";
import { longformerLayer } from "workbook/variants/longformer-layer";
import { longformerMask, reach, windowPairs } from "workbook/variants/longformer-pattern";
import { onEveryBackend } from "../backends.js";
import { type Case, draw, reference } from "../reference/longformer.js";

const forms = { longformer, longformerDense };
const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };
const vectors = { tolerance: 1e-5, because: "float32 against float64, at widths up to 4" };

/** One head through the layer: what the identities of a head judge. */
function headOf(attend: typeof longformer): LongformerHead {
  return (x, local, global, window, globals) => {
    const D = local.wq.shape[1];
    const weights = (own: Projections) => ({ wq: own.wq, wk: own.wk, wv: own.wv });
    return tf.squeeze(
      longformerLayer({
        x: tf.expandDims(x, 0) as tf.Tensor3D,
        weights: { ...weights(local), wo: tf.eye(D), global: weights(global) },
        heads: 1,
        window,
        globals,
        attend,
      }),
      [0],
    );
  };
}

onEveryBackend("variants/longformer", () => {
  for (const [name, form] of Object.entries(forms)) {
    for (const { sentence, check } of longformerIdentities) {
      it(`${name}: ${sentence}`, () => check(form, random(sentence)));
    }
    for (const { sentence, check } of longformerHeadIdentities) {
      it(`a head by ${name}: ${sentence}`, () => check(headOf(form), random(sentence)));
    }
  }

  it("gradients of all six inputs equal finite differences", async () => {
    const options = draw({ T: 7, D: 2, window: 2, dilation: 2, globals: [3] }, 1);
    const mask = tf.tensor2d([[1, 1, 1, 1, 1, 0, 1]], [1, 7], "bool");
    const direction = random(2).normalTensor<tf.Rank.R4>([1, 1, 7, 2]);
    const { q, k, v, global } = options;
    const inputs = [q, k, v, global!.q, global!.k, global!.v].map((x) => tf.clipByValue(x, -2, 2));
    const value = (at: readonly tf.Tensor[]): tf.Scalar => {
      const [q, k, v, gq, gk, gv] = at as tf.Tensor4D[];
      const own = { positions: [3], q: gq!, k: gk!, v: gv! };
      return tf.sum(tf.mul(direction, longformer({ ...options, q: q!, k: k!, v: v!, global: own, mask })));
    };
    const gradients = tf.grads((...at: tf.Tensor[]) => value(at))(inputs);
    for (const [n, gradient] of gradients.entries()) {
      const along = (x: tf.Tensor) =>
        tf.tidy(() => value(inputs.map((input, m) => (m === n ? x : input))).dataSync()[0]!);
      const expected = await finiteDifferences(along, inputs[n]!);
      assertClose(
        gradient,
        expected,
        { tolerance: 2e-3, because: "five-point differences of float32 sums" },
        `input ${n}`,
      );
    }
  });
});

describe("variants/longformer", () => {
  before(() => useBackend());

  const cases: Case[] = [
    { T: 1, D: 60, window: 8, globals: [0] },
    { T: 1, D: 60, window: 2, dilation: 5 },
    { T: 63, D: 60, window: 8, H: 2 },
    { T: 63, D: 60, window: 32, globals: [0, 40], causal: true },
    { T: 65, D: 60, window: 34, globals: [64] },
    { T: 65, D: 60, window: 6, dilation: 7, globals: [9] },
    { T: 130, D: 60, E: 8, window: 64, B: 2 },
    { T: 130, D: 60, window: 20, dilation: 3, causal: true, globals: [129, 0, 65] },
    { T: 130, D: 60, window: 400, dilation: 2 },
    { T: 64, D: 32, window: 32, H: 2, B: 2, globals: [1], dilation: 2 },
  ];
  for (const [n, one] of cases.entries()) {
    const text = Object.entries(one).map(([key, value]) => `${key} = ${value}`);
    it(`both forms equal a float64 loop, outliers included: ${text.join(", ")}`, () => {
      const options = draw(one, `case ${n}`);
      const expected = reference(options);
      for (const [name, form] of Object.entries(forms)) assertClose(form(options), expected, rounding, name);
    });
  }

  it("equals transformers' LongformerSelfAttention and PyTorch under a dense mask on kept vectors", () => {
    const file = JSON.parse(readFileSync(path.join(root, "test/vectors/longformer.json"), "utf8")) as Vectors;
    expect([file.layers.length, file.dense.length]).to.deep.equal([3, 3]);
    for (const { name, sizes, window, globals, lengths, x, weights, out } of file.layers) {
      const { B, T, C, H } = sizes;
      const matrix = (part: string) => tf.tensor2d(weights[part]!, [C, C]);
      const of = (suffix: string) => ({
        wq: matrix(`query${suffix}`),
        wk: matrix(`key${suffix}`),
        wv: matrix(`value${suffix}`),
      });
      for (const attend of Object.values(forms)) {
        const actual = longformerLayer({
          x: tf.tensor3d(x, [B, T, C]),
          weights: { ...of(""), wo: tf.eye(C), global: of("_global") },
          heads: H,
          window,
          globals,
          mask: tf.tensor2d(
            lengths.map((length) => Array.from({ length: T }, (_, t) => t < length)),
            [B, T],
            "bool",
          ),
          attend,
        });
        assertClose(actual, { shape: [B, T, C], data: out }, vectors, name);
      }
    }
    for (const { name, sizes, window, dilation, globals, causal, out, ...data } of file.dense) {
      const { B, H, T, D } = sizes;
      const tensor = (values: number[]) => tf.tensor4d(values, [B, H, values.length / (B * H * D), D]);
      const global = { positions: globals, q: tensor(data.gq), k: tensor(data.gk), v: tensor(data.gv) };
      const [q, k, v] = [tensor(data.q), tensor(data.k), tensor(data.v)];
      for (const form of Object.values(forms)) {
        const actual = form({ q, k, v, window, dilation, causal, ...(globals.length > 0 && { global }) });
        assertClose(actual, { shape: [B, H, T, D], data: out }, vectors, name);
      }
    }
  });

  it("stays finite and local at T = 16,384 with inputs in the hundreds", () => {
    const [T, D, window, from, length] = [16_384, 8, 32, 9000, 40];
    const r = random(3);
    const [q, k, v] = [0, 1, 2].map(() => r.normalTensor<tf.Rank.R4>([1, 1, T, D], 300)) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const out = longformer({ q, k, v, window });
    expect(tf.all(tf.isFinite(out)).dataSync()[0]).to.equal(1);
    const cut = (x: tf.Tensor4D, start: number, size: number): tf.Tensor4D =>
      tf.slice(x, [0, 0, start, 0], [1, 1, size, D]);
    const around = (x: tf.Tensor4D) => cut(x, from - window / 2, length + window);
    const slice = reference({ q: around(q), k: around(k), v: around(v), window });
    const inner = slice.data.subarray((window / 2) * D, (window / 2 + length) * D);
    // The best key takes all the weight, so the scores' rounding hardly matters.
    const extreme = { tolerance: 1e-3, because: "float32 scores up to 10⁶, of which the largest wins" };
    assertClose(cut(out, from, length), { shape: [1, 1, length, D], data: inner }, extreme);
  });

  it("operations and peak memory grow as the catalog says, from 2⁸ to 2¹⁴, and no tensor is T × T", async () => {
    const row = catalog.find(({ slug }) => slug === "longformer")!;
    expect([row.time, row.memory]).to.deep.equal(["n", "n"]);
    const sizes = [8, 9, 10, 11, 12, 13, 14].map((power) => 2 ** power);
    const counts = [];
    for (const T of sizes) {
      const options = draw({ T, D: 16, window: 64, globals: [0] }, T);
      const { flops, peakBytes, kernels, uncounted } = await count(() => longformer(options));
      expect(uncounted).to.deep.equal([]);
      counts.push({ flops, peakBytes });
      const largest = Math.max(...kernels.map(({ outputBytes, calls }) => outputBytes / calls));
      if (T >= 1024) expect(largest).to.be.below(4 * T * T);
      tf.dispose(options as unknown as tf.TensorContainer);
    }
    for (const quantity of ["flops", "peakBytes"] as const) {
      const { exponent } = fitExponent(
        sizes,
        counts.map((one) => one[quantity]),
      );
      expect(exponent, quantity).to.be.closeTo(1, 0.05);
    }
  });

  it("where nobody is present, rows and gradients are zero", () => {
    const options = draw({ T: 20, D: 4, window: 4, globals: [2] }, 4);
    const mask = tf.zeros([1, 20], "bool") as tf.Tensor2D;
    for (const form of Object.values(forms)) {
      const gradient = tf.grad((q) => form({ ...options, q: q as tf.Tensor4D, mask }))(options.q);
      for (const zero of [form({ ...options, mask }), gradient]) {
        assertClose(zero, tf.zeros(options.q.shape), { tolerance: 0, because: "products with zero" });
      }
    }
  });

  it("a layer whose window covers all, without global tokens, is multi-head attention", () => {
    const r = random(5);
    const [T, C] = [19, 12];
    const w = () => r.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
    const weights = { wq: w(), wk: w(), wv: w(), wo: w() };
    const x = r.normalTensor<tf.Rank.R3>([2, T, C]);
    for (const causal of [false, true]) {
      assertClose(
        longformerLayer({ x, weights, heads: 3, window: 2 * T, causal }),
        multiHeadAttention({ x, weights, heads: 3, causal }),
        vectors,
      );
    }
  });

  it("without projections of their own, global tokens use the window's", () => {
    const r = random(6);
    const C = 6;
    const w = () => r.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
    const weights = { wq: w(), wk: w(), wv: w(), wo: w() };
    const x = r.normalTensor<tf.Rank.R3>([1, 9, C]);
    const shared = longformerLayer({ x, weights, heads: 2, window: 2, globals: [4] });
    const copied = { ...weights, global: weights };
    assertClose(longformerLayer({ x, weights: copied, heads: 2, window: 2, globals: [4] }), shared, vectors);
  });

  it("leaves exactly its output", () => {
    const options = draw({ T: 40, D: 4, window: 4, dilation: 3, globals: [2], causal: true }, 7);
    const before = tf.memory().numTensors;
    const out = longformer(options);
    expect(tf.memory().numTensors).to.equal(before + 1);
    expect(out.shape).to.deep.equal([1, 1, 40, 4]);
  });

  it("the pattern of T = 6, w = 2, d = 2 with position 1 global, written out", () => {
    const pattern = longformerMask({ T: 6, window: 2, dilation: 2, globals: [1] });
    expect(pattern.arraySync()).to.deep.equal([
      [1, 1, 1, 0, 0, 0],
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 0, 1, 0],
      [0, 1, 0, 1, 0, 1],
      [0, 1, 1, 0, 1, 0],
      [0, 1, 0, 1, 0, 1],
    ]);
  });

  it("windowPairs counts the mask's pairs, and reach is the radius of the receptive field", () => {
    for (const [T, window, dilation] of [
      [1, 2, 1],
      [30, 8, 1],
      [30, 8, 3],
      [30, 80, 1],
      [31, 10, 9],
    ] as const) {
      const pairs = tf.sum(tf.cast(longformerMask({ T, window, dilation }), "int32")).dataSync()[0];
      expect(windowPairs({ T, window, dilation })).to.equal(pairs);
    }
    const layers = [{ window: 4 }, { window: 2, dilation: 3 }, { window: 6 }];
    const seen = receptiveField({
      layers: layers.map((layer) => longformerMask({ T: 41, ...layer }).arraySync()),
      from: 20,
    });
    expect(reach(layers)).to.equal(8);
    const inputs = seen.at(-1)!.flatMap((reached, j) => (reached ? [Math.abs(j - 20)] : []));
    expect(Math.max(...inputs)).to.equal(8);
  });

  const refused: [Partial<LongformerOptions> & object, string][] = [
    [{ window: 0 }, "expected an even window of at least 2 (half of it on each side), got 0"],
    [{ window: 3 }, "expected an even window of at least 2 (half of it on each side), got 3"],
    [{ dilation: 0 }, "expected a dilation of at least 1 (1 leaves no gaps), got 0"],
    [{ dilation: 1.5 }, "expected a dilation of at least 1 (1 leaves no gaps), got 1.5"],
  ];
  for (const [wrong, message] of refused) {
    it(`refuses ${JSON.stringify(wrong)} by name`, () => {
      const options = { ...draw({ T: 5, D: 2, window: 2 }, 1), ...wrong };
      expect(() => longformer(options)).to.throw(RangeError, `longformer: ${message}`);
      expect(() => longformerDense(options)).to.throw(RangeError, `longformerDense: ${message}`);
    });
  }

  it("refuses global positions outside of the sequence, twice the same, or without a query each", () => {
    const at = (positions: readonly number[], rows = positions.length) => {
      const options = draw({ T: 5, D: 2, window: 2, globals: [0] }, 1);
      return () =>
        longformer({ ...options, global: { ...options.global!, positions, q: tf.ones([1, 1, rows, 2]) } });
    };
    expect(at([5])).to.throw("longformer: expected global positions in 0 … 4, the sequence's, got 5");
    expect(at([-1])).to.throw("longformer: expected global positions in 0 … 4, the sequence's, got -1");
    expect(at([2, 2])).to.throw("longformer: expected each global position once, got [2, 2]");
    expect(at([2, 3], 1)).to.throw(
      "longformer: expected global.q with one row for each of the 2 global positions, got [1, 1, 1, 2]",
    );
  });
});

interface Vectors {
  readonly layers: readonly {
    readonly name: string;
    readonly sizes: { readonly B: number; readonly T: number; readonly C: number; readonly H: number };
    readonly window: number;
    readonly globals: number[];
    readonly lengths: number[];
    readonly x: number[];
    readonly weights: Readonly<Record<string, number[]>>;
    readonly out: number[];
  }[];
  readonly dense: readonly ({
    readonly name: string;
    readonly sizes: { readonly B: number; readonly H: number; readonly T: number; readonly D: number };
    readonly window: number;
    readonly dilation: number;
    readonly globals: number[];
    readonly causal: boolean;
    readonly out: number[];
  } & Readonly<Record<"q" | "k" | "v" | "gq" | "gk" | "gv", number[]>>)[];
}
