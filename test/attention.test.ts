import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import {
  type AttentionOptions,
  attention,
  attentionWeights,
  causalMask,
  MASK_VALUE,
} from "workbook/attention";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { onEveryBackend } from "./backends.js";
import { type Float64, type ReferenceAttention, referenceAttention } from "./reference/attention.js";

/** What float32 leaves: scores of outliers reach about 50, and exp turns their absolute error into a relative one. */
const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };
const exact = { tolerance: 1e-6, because: "the same sums in another order" };

interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly G?: number;
  readonly T: number;
  readonly S?: number;
  readonly D: number;
  readonly E?: number;
}

/** Normal queries, keys and values with outliers, and the same numbers for the reference. */
function draw(sizes: Sizes, seed: string | number) {
  const { B = 1, H = 1, G = H, T, S = T, D, E = D } = sizes;
  const r = random(seed);
  const tensor = (shape: [number, number, number, number]) => {
    const values = r.normalTensor<tf.Rank.R4>(shape).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= 10;
    return tf.tensor4d(values, shape);
  };
  const [q, k, v] = [tensor([B, H, T, D]), tensor([B, G, S, D]), tensor([B, G, S, E])];
  const data = { q: q.dataSync(), k: k.dataSync(), v: v.dataSync() };
  return { tensors: { q, k, v }, numbers: { B, H, G, T, S, D, E, ...data } };
}

/** A random boolean tensor, and a reader that broadcasts it as numpy does. */
function drawMask(shape: [number, number, number, number], seed: number) {
  const r = random(seed);
  const values = Array.from({ length: shape.reduce((a, b) => a * b) }, () => r.uniform() < 0.6);
  return { tensor: tf.tensor4d(values, shape, "bool"), at: broadcastReader(values, shape) };
}

function broadcastReader<V>(values: ArrayLike<V>, shape: readonly number[]) {
  return (...index: number[]) =>
    values[index.reduce((flat, i, axis) => flat * shape[axis]! + (shape[axis] === 1 ? 0 : i), 0)]!;
}

const causalReader = (T: number, S: number) => (_b: number, _h: number, t: number, s: number) =>
  s <= t + S - T;

onEveryBackend("attention", () => {
  it("a radius that is no whole number of positions is refused in words", () => {
    const x = tf.ones<tf.Rank.R4>([1, 1, 3, 2]);
    for (const radius of [-1, 1.5]) {
      expect(() => attention({ q: x, k: x, v: x, radius })).to.throw(
        RangeError,
        `attention: expected a radius that is a whole number of positions, got ${radius}`,
      );
    }
  });

  const sizes: Sizes[] = [
    { T: 1, D: 1 },
    { T: 1, S: 63, D: 4 },
    { T: 63, S: 1, D: 4, E: 1 },
    { B: 2, H: 3, T: 63, S: 65, D: 8, E: 5 },
    { H: 4, G: 2, T: 65, S: 63, D: 60 },
    { B: 2, H: 4, G: 1, T: 8, S: 16, D: 16 },
    { T: 130, D: 64 },
  ];
  for (const size of sizes) {
    const { T, S = T } = size;
    const name = JSON.stringify(size).replaceAll('"', "");

    it(`equals the float64 loop at ${name}, causal or not`, () => {
      const { tensors, numbers } = draw(size, name);
      assertClose(attention(tensors), referenceAttention(numbers), rounding);
      const causal = referenceAttention({ ...numbers, sees: causalReader(T, S) });
      assertClose(attention({ ...tensors, causal: true }), causal, rounding, "causal");
    });
  }

  it("equals the float64 loop with a mask, a bias and a scale of its own, each broadcast", () => {
    const { tensors, numbers } = draw({ B: 2, H: 3, T: 7, S: 9, D: 4 }, 1);
    for (const shape of [
      [2, 1, 7, 9],
      [1, 3, 7, 1],
      [1, 1, 1, 9],
      [2, 3, 7, 9],
    ] as [number, number, number, number][]) {
      const mask = drawMask(shape, shape[0]);
      const bias = random(2).normalTensor<tf.Rank.R4>(shape, 3);
      const options = { ...tensors, mask: mask.tensor, bias, scale: 0.3 };
      const problem = {
        ...numbers,
        sees: mask.at,
        bias: broadcastReader(bias.dataSync(), shape),
        scale: 0.3,
      };
      assertClose(attention(options), referenceAttention(problem), rounding, `shape ${shape.join(", ")}`);
    }
  });

  it("causal and mask both forbid", () => {
    const [T, S] = [5, 8];
    const { tensors, numbers } = draw({ T, S, D: 4 }, 2);
    const mask = drawMask([1, 1, T, S], 3);
    const causal = causalReader(T, S);
    const sees = (b: number, h: number, t: number, s: number) => mask.at(b, h, t, s) && causal(b, h, t, s);
    const actual = attention({ ...tensors, mask: mask.tensor, causal: true });
    assertClose(actual, referenceAttention({ ...numbers, sees }), rounding);
  });

  it("masks of lower rank broadcast: over keys, and a single yes or no", () => {
    const { tensors, numbers } = draw({ T: 3, S: 4, D: 2 }, 4);
    const keys = [true, false, true, false];
    const expected = referenceAttention({ ...numbers, sees: (_b, _h, _t, s) => keys[s]! });
    assertClose(attention({ ...tensors, mask: tf.tensor1d(keys, "bool") }), expected, rounding);
    const unmasked = referenceAttention(numbers);
    assertClose(attention({ ...tensors, mask: tf.scalar(true, "bool") }), unmasked, rounding, "scalar");
  });

  it("agrees with PyTorch's scaled_dot_product_attention", () => {
    interface Vector {
      name: string;
      sizes: Required<Sizes>;
      causal: boolean;
      scale: number | null;
      mask: number[] | null;
      bias: number[] | null;
      q: number[];
      k: number[];
      v: number[];
      out: number[];
    }
    const file = path.join(root, "test/vectors/attention.json");
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    expect(cases.length).to.equal(6);
    for (const { name, sizes, q, k, v, out, mask, bias, scale, causal } of cases) {
      const { B, H, G, T, S, D, E } = sizes;
      const actual = attention({
        q: tf.tensor4d(q, [B, H, T, D]),
        k: tf.tensor4d(k, [B, G, S, D]),
        v: tf.tensor4d(v, [B, G, S, E]),
        mask: mask === null ? undefined : tf.tensor4d(mask, [B, 1, T, S], "bool"),
        bias: bias === null ? undefined : tf.tensor4d(bias, [1, H, T, S]),
        scale: scale ?? undefined,
        causal,
      });
      assertClose(actual, { shape: [B, H, T, E], data: out }, rounding, name);
    }
  });

  it("the weights of a row sum to one, and are none where nothing may be seen", () => {
    const { tensors } = draw({ H: 2, T: 5, S: 3, D: 4 }, 5);
    const weights = attentionWeights({ ...tensors, causal: true });
    const sums = tf.sum(weights, -1).dataSync();
    // With two more queries than keys, the first two see nothing.
    assertClose({ shape: [10], data: sums }, { shape: [10], data: [0, 0, 1, 1, 1, 0, 0, 1, 1, 1] }, exact);
  });

  it("a fully masked row gives zeros, and zero gradients", () => {
    const { tensors } = draw({ T: 3, D: 4 }, 6);
    const mask = tf.tensor2d([1, 0, 1, 0, 0, 0, 1, 1, 1], [3, 3], "bool");
    const out = attention({ ...tensors, mask });
    expect([...tf.slice(out, [0, 0, 1, 0], [1, 1, 1, 4]).dataSync()]).to.deep.equal([0, 0, 0, 0]);
    const gradient = tf.grad((q) => attention({ ...tensors, q: q as tf.Tensor4D, mask }))(tensors.q);
    const row = [...tf.slice(gradient as tf.Tensor4D, [0, 0, 1, 0], [1, 1, 1, 4]).dataSync()];
    expect(row.map(Math.abs)).to.deep.equal([0, 0, 0, 0]);
    expect(Number.isFinite(MASK_VALUE)).to.equal(true);
  });

  it("the causal mask lets the last query see every key", () => {
    const rows = (T: number, S: number) =>
      causalMask(T, S)
        .arraySync()
        .map((row) => row.join(""));
    expect(rows(3, 3)).to.deep.equal(["100", "110", "111"]);
    expect(rows(2, 4)).to.deep.equal(["1110", "1111"]);
    expect(rows(4, 2)).to.deep.equal(["00", "00", "10", "11"]);
  });

  it("a cache that grows by one key equals the full causal pass", () => {
    const T = 6;
    const { q, k, v } = draw({ B: 2, H: 4, G: 2, T, D: 4 }, 7).tensors;
    const upTo = (x: tf.Tensor4D, from: number, to: number) => {
      const [B, H, , D] = x.shape;
      return tf.slice(x, [0, 0, from, 0], [B, H, to - from, D]);
    };
    const steps = Array.from({ length: T }, (_, t) =>
      attention({ q: upTo(q, t, t + 1), k: upTo(k, 0, t + 1), v: upTo(v, 0, t + 1), causal: true }),
    );
    assertClose(tf.concat(steps, 2), attention({ q, k, v, causal: true }), exact);
  });

  it("grouped heads equal key and value heads repeated in place", () => {
    const { q, k, v } = draw({ B: 2, H: 6, G: 2, T: 5, D: 4 }, 8).tensors;
    const repeat = (x: tf.Tensor4D) => tf.gather(x, tf.tensor1d([0, 0, 0, 1, 1, 1], "int32"), 1);
    assertClose(attention({ q, k, v }), attention({ q, k: repeat(k), v: repeat(v) }), exact);
  });

  it("is equivariant under a permutation of queries and invariant under one of keys", () => {
    const { q, k, v } = draw({ H: 2, T: 7, D: 4 }, 9).tensors;
    const order = tf.tensor1d(random(1).shuffle([0, 1, 2, 3, 4, 5, 6]), "int32");
    const permuted = (x: tf.Tensor4D) => tf.gather(x, order, 2);
    const out = attention({ q, k, v });
    assertClose(attention({ q: permuted(q), k, v }), permuted(out), exact, "queries");
    assertClose(attention({ q, k: permuted(k), v: permuted(v) }), out, exact, "keys");
  });

  it("its gradients equal the loop's finite differences", () => {
    const { tensors, numbers } = draw({ H: 2, G: 1, T: 3, S: 4, D: 2, E: 3 }, 10);
    const mask = drawMask([1, 2, 3, 4], 11);
    const causal = causalReader(3, 4);
    const sees = (b: number, h: number, t: number, s: number) => mask.at(b, h, t, s) && causal(b, h, t, s);
    const cotangent = random(12).normalTensor<tf.Rank.R4>([1, 2, 3, 3]);
    const weights = cotangent.dataSync();
    const gradients = tf.grads((q, k, v) => {
      const out = attention({ q, k, v, mask: mask.tensor, causal: true } as AttentionOptions);
      return tf.sum(tf.mul(out, cotangent));
    })([tensors.q, tensors.k, tensors.v]);
    const loss = (problem: ReferenceAttention) =>
      referenceAttention(problem).data.reduce((sum, value, i) => sum + value * weights[i]!, 0);
    for (const [i, name] of (["q", "k", "v"] as const).entries()) {
      const values = Float64Array.from(numbers[name]);
      const slope = values.map((value, at) => {
        const shifted = (h: number) => loss({ ...numbers, sees, [name]: values.with(at, value + h) });
        return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
      });
      const expected: Float64 = { shape: tensors[name].shape, data: slope };
      assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
    }
  });

  it("leaves exactly its output, and its inputs alone", () => {
    const { tensors } = draw({ H: 2, G: 1, T: 4, D: 4 }, 13);
    const mask = tf.ones([4, 4], "bool");
    const before = tf.memory().numTensors;
    const out = attention({ ...tensors, mask, causal: true });
    expect(tf.memory().numTensors).to.equal(before + 1);
    out.dispose();
    const all = [...Object.values(tensors), mask];
    expect(all.map(({ isDisposed }) => isDisposed)).to.deep.equal([false, false, false, false]);
  });

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor4D;
    const good = { q: zeros(1, 4, 3, 8), k: zeros(1, 2, 5, 8), v: zeros(1, 2, 5, 6) };
    const says = (changes: Partial<Record<keyof AttentionOptions, unknown>>, message: string) =>
      expect(() => attention({ ...good, ...changes } as AttentionOptions)).to.throw(RangeError, message);
    says(
      { k: zeros(1, 2, 5, 4) },
      "attention: expected k of shape [B, G, S, D] with D = 8 (from q), got [1, 2, 5, 4]",
    );
    says(
      { v: zeros(1, 2, 4, 8) },
      "attention: expected v of shape [B, G, S, E] with S = 5 (from k), got [1, 2, 4, 8]",
    );
    says({ q: tf.zeros([3, 8]) }, "attention: expected q of shape [B, H, T, D], got [3, 8]");
    says({ q: undefined }, "attention: expected q of shape [B, H, T, D], got undefined");
    says(
      { k: zeros(1, 3, 5, 8), v: zeros(1, 3, 5, 8) },
      "attention: expected key heads that divide the 4 query heads, got 3",
    );
    says(
      { mask: tf.zeros([3, 5]) },
      "attention: expected a boolean mask (true = may attend), got dtype float32",
    );
    const broadcast = "broadcastable to [B, H, T, S] = [1, 4, 3, 5], got [5, 3]";
    says({ mask: tf.zeros([5, 3], "bool") }, `attention: expected mask ${broadcast}`);
    says({ bias: tf.zeros([5, 3]) }, `attention: expected bias ${broadcast}`);
  });
});
