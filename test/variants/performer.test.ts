import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import {
  causalFavorIdentities,
  favorIdentities,
  positiveIdentities,
  stableIdentities,
} from "workbook/identities/performer";
import { fitExponent } from "workbook/measure/fit";
import { random } from "workbook/random";
import { independentRows, orthogonalRows } from "workbook/random-features";
import { root } from "workbook/root";
import {
  causalPerformer,
  causalPerformerChunkwise,
  causalPerformerRecurrent,
  type PerformerOptions,
  performerAttention,
  positiveFeatures,
  trigonometricFeatures,
} from "workbook/variants/performer";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo, selfSequences } from "../growth.js";
import type { Float64 } from "../reference/attention.js";
import { referencePerformer } from "../reference/performer.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 exponentials of moderate numbers, and sums of their products",
};

const causalForms = {
  parallel: causalPerformer,
  recurrent: causalPerformerRecurrent,
  "chunkwise, chunk 64": causalPerformerChunkwise,
  "chunkwise, chunk 7": (options: PerformerOptions) => causalPerformerChunkwise({ ...options, chunk: 7 }),
};
const forms = { ...causalForms, bidirectional: performerAttention };

interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly T: number;
  readonly S?: number;
  readonly D: number;
  readonly E?: number;
  readonly m?: number;
}

/** Normal inputs with outliers among queries, keys and values, and the same numbers for the reference. */
function draw({ B = 1, H = 1, T, S = T, D, E = D, m = 16 }: Sizes, seed: string | number, outlier = 4) {
  const r = random(seed);
  const tensor = (shape: [number, number, number, number]) => {
    const values = r.normalTensor<tf.Rank.R4>(shape, 0.7).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= outlier;
    return tf.tensor4d(values, shape);
  };
  const [q, k, v] = [tensor([B, H, T, D]), tensor([B, H, S, D]), tensor([B, H, S, E])];
  const w = independentRows({ m, D, random: r });
  const data = { q: q.dataSync(), k: k.dataSync(), v: v.dataSync(), w: w.dataSync() };
  return { tensors: { q, k, v, w }, numbers: { B, H, T, S, D, E, m, eps: 1e-6, ...data } };
}

const causal = (_b: number, t: number, s: number) => s <= t;

onEveryBackend("variants/performer", (backend) => {
  for (const size of [
    { T: 1, D: 1, m: 1 },
    { T: 1, D: 60, E: 3 },
    { B: 2, H: 3, T: 63, D: 8, E: 5 },
    { H: 2, T: 65, D: 60, m: 65 },
    { B: 2, T: 130, D: 4, E: 7 },
  ] as Sizes[]) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(causalForms)) {
      it(`${form}: equals the float64 loop at ${name}`, () => {
        const { tensors, numbers } = draw(size, name);
        assertClose(run(tensors), referencePerformer({ ...numbers, sees: causal }), rounding);
      });
    }
  }

  it("every query sees every key, also where there are more of one than of the other", () => {
    for (const size of [
      { T: 1, S: 65, D: 4 },
      { B: 2, H: 2, T: 63, S: 5, D: 60, E: 3 },
    ]) {
      const { tensors, numbers } = draw(size, size.T);
      const expected = referencePerformer({ ...numbers, sees: () => true });
      assertClose(performerAttention(tensors), expected, rounding);
    }
  });

  it("hidden keys count nowhere, not even in the shared maximum; a row that sees none is zero", () => {
    const { tensors: drawn, numbers } = draw({ B: 2, H: 2, T: 9, D: 4, E: 3 }, 1);
    // Long w, so that an exponent w·y − ‖y‖²/2, which is largest at y = w, can leave all others far below.
    const tensors = { ...drawn, w: tf.mul<tf.Tensor2D>(drawn.w, 6) };
    const seen = [0, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1];
    const keyMask = tf.tensor2d(seen, [2, 9], "bool");
    const exists = (b: number, s: number) => seen[b * 9 + s] === 1;
    const peak = tf.reshape(tf.mul(tf.slice(tensors.w, 0, 1), 4 ** 0.25), [1, 1, 1, 4]);
    const far = tf.where(tf.reshape(keyMask, [2, 1, 9, 1]), tensors.k, peak) as tf.Tensor4D;
    const problem = { ...numbers, w: tensors.w.dataSync(), exists };
    const expected = referencePerformer({ ...problem, sees: (b, t, s) => s <= t && exists(b, s) });
    for (const [form, run] of Object.entries(causalForms)) {
      assertClose(run({ ...tensors, k: far, keyMask }), expected, rounding, form);
    }
    const all = referencePerformer({ ...problem, sees: (b, _t, s) => exists(b, s) });
    assertClose(performerAttention({ ...tensors, k: far, keyMask }), all, rounding, "bidirectional");
    const none = { ...tensors, keyMask: tf.zeros([2, 9], "bool") as tf.Tensor2D };
    for (const [form, run] of Object.entries(forms)) {
      assertClose(run(none), tf.zeros([2, 2, 9, 3]), rounding, `${form}, all keys hidden`);
      const gradient = tf.grad((q) => run({ ...none, q: q as tf.Tensor4D }))(tensors.q);
      assertClose(gradient, tf.zeros([2, 2, 9, 4]), rounding, `${form}, its gradient`);
    }
  });

  for (const { sentence, check } of positiveIdentities) {
    it(`features up to their stabilisers: ${sentence}`, () =>
      check((x, w) => {
        // What stabilisers took away comes back: for queries the row's largest exponent.
        const { q } = positiveFeatures({ q: four(x), k: four(x), w, eps: 0 });
        const [, D] = x.shape;
        const exponents = tf.sub(
          tf.matMul(tf.mul<tf.Tensor2D>(x, D ** -0.25), w, false, true),
          tf.mul(tf.sum(tf.square(x), 1, true), 0.5 * D ** -0.5),
        );
        return tf.mul(tf.squeeze(q, [0, 1]), tf.exp(tf.max(exponents, 1, true)));
      }, random(sentence)));
  }

  for (const { sentence, check } of favorIdentities) {
    it(`bidirectional: ${sentence}`, () => check(oneHead(performerAttention, 0), random(sentence)));
  }
  for (const [form, run] of Object.entries(causalForms)) {
    for (const { sentence, check } of causalFavorIdentities) {
      it(`${form}: ${sentence}`, () => check(oneHead(run, 0), random(sentence)));
    }
  }
  for (const [form, run] of Object.entries(forms)) {
    for (const { sentence, check } of stableIdentities) {
      it(`${form}: ${sentence}`, () => check(oneHead(run), random(sentence)));
    }
  }

  it("features are largest at (1 + ε) / √m for every query, and once for the keys of a head", () => {
    const { tensors } = draw({ B: 2, H: 2, T: 9, D: 4, m: 5 }, 2);
    const { q, k } = positiveFeatures({ ...tensors, eps: 1e-3 });
    assertClose(tf.max(q, 3), tf.fill([2, 2, 9], 1.001 / Math.sqrt(5)), rounding, "queries");
    assertClose(tf.max(k, [2, 3]), tf.fill([2, 2], 1.001 / Math.sqrt(5)), rounding, "keys");
    expect(tf.min(k).dataSync()[0]).to.be.at.least(0.999e-3 / Math.sqrt(5));
  });

  it("trigonometric features have exp(‖x‖²/2 + ‖y‖²/2) cos(w·(x − y)) as their dot product, up to one factor a query and one for all keys", () => {
    const [T, D, m] = [5, 3, 6];
    const { tensors, numbers } = draw({ T, D, m }, 3, 1);
    const { q, k } = trigonometricFeatures(tensors);
    const dots = tf.squeeze(tf.matMul(q, k, false, true), [0, 1]).dataSync();
    const at = (x: ArrayLike<number>, row: number) =>
      Array.from({ length: D }, (_, d) => x[row * D + d]! / D ** 0.25);
    const exact = Array.from({ length: T }, (_, s) => {
      const [x, y] = [at(numbers.q, 0), at(numbers.k, s)];
      const waves = Array.from({ length: m }, (_, i) => {
        const angle = x.reduce((sum, value, d) => sum + numbers.w[i * D + d]! * (value - y[d]!), 0);
        return Math.cos(angle) / m;
      });
      return waves.reduce((a, b) => a + b, 0) * Math.exp(y.reduce((sum, value) => sum + value ** 2 / 2, 0));
    });
    const ratios = exact.map((value, s) => dots[s]! / value);
    const same = { shape: [T], data: ratios.map(() => ratios[0]!) };
    assertClose({ shape: [T], data: ratios }, same, rounding);
  });

  it("m features err against softmax attention like m^(−1/2)", () => {
    const [D, T] = [8, 24];
    const drawn = draw({ T, D }, 4, 1).tensors;
    // Short queries and keys: with longer ones few features scatter too much for a fit to see the law.
    const tensors = { ...drawn, q: tf.mul<tf.Tensor4D>(drawn.q, 0.5), k: tf.mul<tf.Tensor4D>(drawn.k, 0.5) };
    const exact = attention(tensors);
    const sizes = [16, 64, 256, 1024];
    const errors = sizes.map((m) => {
      const squares = Array.from({ length: 24 }, (_, seed) => {
        const w = orthogonalRows({ m, D, random: random(seed) });
        return tf.tidy(
          () =>
            tf
              .mean(tf.squaredDifference(performerAttention({ ...tensors, w, eps: 0 }), exact))
              .dataSync()[0]!,
        );
      });
      return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
    });
    expect(fitExponent(sizes, errors).exponent).to.be.closeTo(-0.5, 0.1);
  });

  it("agrees with performer-pytorch", () => {
    interface Vector {
      name: string;
      sizes: { B: number; H: number; T: number; D: number; E: number; m: number };
      q: number[];
      k: number[];
      v: number[];
      w: number[];
      out: number[];
      causal: number[];
    }
    const file = path.join(root, "test/vectors/performer.json");
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    expect(cases.length).to.equal(3);
    for (const { name, sizes, q, k, v, w, out, causal } of cases) {
      const { B, H, T, D, E, m } = sizes;
      const tensors = {
        q: tf.tensor4d(q, [B, H, T, D]),
        k: tf.tensor4d(k, [B, H, T, D]),
        v: tf.tensor4d(v, [B, H, T, E]),
        w: tf.tensor2d(w, [m, D]),
        eps: 0,
      };
      assertClose(performerAttention(tensors), { shape: [B, H, T, E], data: out }, rounding, name);
      for (const [form, run] of Object.entries(causalForms)) {
        assertClose(run(tensors), { shape: [B, H, T, E], data: causal }, rounding, `${name}, ${form}`);
      }
    }
  });

  for (const [form, run] of Object.entries(forms)) {
    it(`${form}: its gradients equal the loop's finite differences`, () => {
      const { tensors, numbers } = draw({ H: 2, T: 5, D: 2, E: 3, m: 4 }, 5, 1);
      const cotangent = random(6).normalTensor<tf.Rank.R4>([1, 2, 5, 3]);
      const weights = cotangent.dataSync();
      const sees = run === performerAttention ? () => true : causal;
      // A large ε: what flows through the maxima counts too.
      const eps = 0.1;
      const gradients = tf.grads((q, k, v) =>
        tf.sum(tf.mul(run({ q, k, v, w: tensors.w, eps } as PerformerOptions), cotangent)),
      )([tensors.q, tensors.k, tensors.v]);
      for (const [i, name] of (["q", "k", "v"] as const).entries()) {
        const values = Float64Array.from(numbers[name]);
        const loss = (moved: Float64Array) =>
          referencePerformer({ ...numbers, [name]: moved, eps, sees }).data.reduce(
            (sum, y, at) => sum + y * weights[at]!,
            0,
          );
        const slope = values.map((value, at) => {
          const shifted = (h: number) => loss(values.with(at, value + h));
          return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        });
        const expected: Float64 = { shape: tensors[name].shape, data: slope };
        assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
      }
    });
  }

  it("each form leaves exactly its output, and its inputs alone", () => {
    const { tensors } = draw({ H: 2, T: 9, D: 4 }, 7);
    for (const [form, run] of Object.entries(forms)) {
      for (const features of [positiveFeatures, trigonometricFeatures]) {
        const before = tf.memory().numTensors;
        const out = run({ ...tensors, features });
        expect(tf.memory().numTensors, form).to.equal(before + 1);
        out.dispose();
      }
      expect(Object.values(tensors).some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with outliers of ±700, recurrent and chunkwise agree and stay finite, with gradients", () => {
      const { tensors } = draw({ T: 16_384, D: 8, E: 4 }, 8, 1000);
      const inputs = { ...tensors, v: tf.clipByValue(tensors.v, -1, 1) };
      const chunkwise = causalPerformerChunkwise(inputs);
      assertClose(causalPerformerRecurrent(inputs), chunkwise, rounding);
      const gradients = tf.grads((q, k) => causalPerformerChunkwise({ ...inputs, q, k } as PerformerOptions));
      for (const gradient of gradients([inputs.q, inputs.k])) {
        expect(tf.all(tf.isFinite(gradient)).dataSync()[0]).to.equal(1);
      }
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor4D;
    const w = tf.zeros<tf.Rank.R2>([5, 8]);
    const good = { q: zeros(1, 2, 3, 8), k: zeros(1, 2, 3, 8), v: zeros(1, 2, 3, 6), w };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => performerAttention({ ...good, w: tf.zeros([5, 7]) as tf.Tensor2D }),
      "positiveFeatures: expected w of shape [m, D] with D = 8 (from q), got [5, 7]",
    );
    says(
      () => trigonometricFeatures({ ...good, w: tf.zeros([0, 8]) as tf.Tensor2D }),
      "trigonometricFeatures: expected w with 1 or more rows, got 0",
    );
    says(
      () => causalPerformer({ ...good, k: zeros(1, 2, 5, 8), v: zeros(1, 2, 5, 6) }),
      "causalLinearAttention: expected k of shape [B, H, T, D] with T = 3 (from q), got [1, 2, 5, 5]",
    );
    says(
      () => performerAttention({ ...good, keyMask: tf.zeros([1, 4], "bool") as tf.Tensor2D }),
      "positiveFeatures: expected keyMask of shape [B, S] with S = 3 (from k), got [1, 4]",
    );
    says(
      () => performerAttention({ ...good, keyMask: tf.zeros([1, 3]) as tf.Tensor2D }),
      "positiveFeatures: expected a boolean keyMask (true = seen), got dtype float32",
    );
    for (const eps of [-1e-6, Number.NaN]) {
      says(
        () => causalPerformer({ ...good, eps }),
        `positiveFeatures: expected eps of at least 0, got ${eps}`,
      );
    }
    says(
      () => causalPerformerChunkwise({ ...good, chunk: 0 }),
      "splitChunks: expected a chunk of 1 or more positions, got 0",
    );
  });
});

describe("variants/performer: what it costs", () => {
  before(() => useBackend());

  it("operations and peak bytes grow as the catalog says, from T = 2⁸ to 2¹⁴; the parallel form's like T²", async () => {
    const { time, memory } = paper("performer");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    const w = orthogonalRows({ m: 64, D: 64, random: random(1) });
    const draw = (T: number) => ({ ...selfSequences(T), w: tf.clone(w) });
    const sizes = powersOfTwo(8, 14);
    for (const run of [causalPerformerChunkwise, performerAttention]) {
      const { flops, peakBytes } = await growth(sizes, draw, run);
      expect(flops, `${run.name}, operations`).to.be.closeTo(1, 0.05);
      expect(peakBytes, `${run.name}, peak bytes`).to.be.closeTo(1, 0.05);
    }
    const parallel = await growth([512, 1024, 2048, 4096], draw, causalPerformer);
    expect(parallel.flops, "parallel, operations").to.be.closeTo(2, 0.1);
    expect(parallel.peakBytes, "parallel, peak bytes").to.be.closeTo(2, 0.2);
  });
});

function four(x: tf.Tensor2D): tf.Tensor4D {
  return tf.reshape(x, [1, 1, ...x.shape]);
}

/** A form as the identities want it: one head, one batch. */
function oneHead(run: (options: PerformerOptions) => tf.Tensor4D, eps?: number) {
  return (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, w: tf.Tensor2D) =>
    tf.squeeze(run({ q: four(q), k: four(k), v: four(v), w, eps }), [0, 1]);
}
