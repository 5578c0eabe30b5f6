import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention, MASK_VALUE } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { tiledIdentities } from "workbook/identities/flash-attention";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  type FlashAttentionOptions,
  flashAttention,
  flashAttentionForward,
} from "workbook/variants/flash-attention";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo, selfSequences } from "../growth.js";
import { type Float64, referenceAttention } from "../reference/attention.js";

const rounding = { tolerance: 1e-5, because: "float32 sums of products, outliers among the values" };

/** Rows, columns of a tile. */
const tilings = [
  [512, 512],
  [64, 64],
  [7, 16],
  [32, 5],
] as const;

interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly T: number;
  readonly S?: number;
  readonly D: number;
  readonly E?: number;
}

/** Normal queries, keys and values with outliers, and the same numbers for the reference. */
function draw({ B = 1, H = 1, T, S = T, D, E = D }: Sizes, seed: string | number, outlier = 10) {
  const r = random(seed);
  const tensor = (shape: [number, number, number, number]) => {
    const values = r.normalTensor<tf.Rank.R4>(shape).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= outlier;
    return tf.tensor4d(values, shape);
  };
  const [q, k, v] = [tensor([B, H, T, D]), tensor([B, H, S, D]), tensor([B, H, S, E])];
  const data = { q: q.dataSync(), k: k.dataSync(), v: v.dataSync() };
  return { tensors: { q, k, v }, numbers: { B, H, G: H, T, S, D, E, ...data } };
}

onEveryBackend("variants/flash-attention", (backend) => {
  const sizes: Sizes[] = [
    { T: 1, D: 1 },
    { T: 1, S: 65, D: 60, E: 3 },
    { B: 2, H: 3, T: 63, D: 8, E: 5 },
    { H: 2, T: 65, D: 60 },
    { B: 2, T: 130, S: 33, D: 4, E: 7 },
    { T: 33, S: 130, D: 16 },
  ];
  for (const size of sizes) {
    for (const causal of [false, true]) {
      const name = `${JSON.stringify(size).replaceAll('"', "")}${causal ? ", causal" : ""}`;
      it(`every tiling equals the float64 loop at ${name}`, () => {
        const { tensors, numbers } = draw(size, name);
        const { T, S } = numbers;
        const sees = (_b: number, _h: number, t: number, s: number) => !causal || s <= t + S - T;
        const expected = referenceAttention({ ...numbers, sees });
        for (const [queryBlock, keyBlock] of tilings) {
          const out = flashAttention({ ...tensors, causal, queryBlock, keyBlock });
          assertClose(out, expected, rounding, `${queryBlock} × ${keyBlock}`);
        }
      });
    }
  }

  for (const { sentence, check } of tiledIdentities) {
    it(sentence, () =>
      check((q, k, v, block) => {
        const four = (x: tf.Tensor2D): tf.Tensor4D => tf.reshape(x, [1, 1, ...x.shape]);
        const tile = { queryBlock: block, keyBlock: block };
        return tf.squeeze(flashAttention({ q: four(q), k: four(k), v: four(v), ...tile }), [0, 1]);
      }, random(sentence)),
    );
  }

  it("a query that sees no key gets zeros and no gradient, and the others are not disturbed", () => {
    // Five queries, two keys: the first three see nothing.
    const { tensors, numbers } = draw({ H: 2, T: 5, S: 2, D: 4, E: 3 }, 1);
    const options = { ...tensors, causal: true, queryBlock: 2, keyBlock: 1 };
    const { out, lse } = flashAttentionForward(options);
    const expected = referenceAttention({ ...numbers, sees: (_b, _h, t, s) => s <= t - 3 });
    assertClose(out, expected, rounding);
    expect(Array.from(lse.dataSync().slice(0, 3))).to.deep.equal([MASK_VALUE, MASK_VALUE, MASK_VALUE]);
    const dq = tf.grad((q) => tf.sum(flashAttention({ ...options, q: q as tf.Tensor4D })))(tensors.q);
    assertClose(tf.slice(dq, [0, 0, 0, 0], [1, 2, 3, 4]), tf.zeros([1, 2, 3, 4]), rounding, "dq");
  });

  interface Vector extends Record<"q" | "k" | "v" | "dOut" | "out" | "lse" | "dq" | "dk" | "dv", number[]> {
    name: string;
    sizes: Record<"B" | "H" | "T" | "S" | "D" | "E", number>;
    causal: boolean;
    scale: number | null;
  }
  const { cases } = JSON.parse(
    readFileSync(path.join(root, "test/vectors/flash-attention.json"), "utf8"),
  ) as { cases: Vector[] };
  for (const { name, sizes, causal, scale, ...data } of cases) {
    it(`output, L and gradients agree with PyTorch's: ${name}`, () => {
      const { B, H, T, S, D, E } = sizes;
      const tensor = (key: "q" | "k" | "v" | "dOut", rows: number, columns: number) =>
        tf.tensor4d(data[key], [B, H, rows, columns]);
      const [q, k, v] = [tensor("q", T, D), tensor("k", S, D), tensor("v", S, E)];
      for (const [queryBlock, keyBlock] of [
        [512, 512],
        [2, 3],
      ] as const) {
        const options = { causal, scale: scale ?? undefined, queryBlock, keyBlock };
        const { out, lse } = flashAttentionForward({ q, k, v, ...options });
        assertClose(out, { shape: [B, H, T, E], data: data.out }, rounding, "output");
        assertClose(lse, { shape: [B, H, T, 1], data: data.lse }, rounding, "L");
        const [dq, dk, dv] = tf.grads((...[q, k, v]) =>
          flashAttention({ q, k, v, ...options } as unknown as FlashAttentionOptions),
        )([q, k, v], tensor("dOut", T, E)) as [tf.Tensor, tf.Tensor, tf.Tensor];
        assertClose(dq, { shape: [B, H, T, D], data: data.dq }, rounding, "dq");
        assertClose(dk, { shape: [B, H, S, D], data: data.dk }, rounding, "dk");
        assertClose(dv, { shape: [B, H, S, E], data: data.dv }, rounding, "dv");
      }
    });
  }
  it("has vectors to agree with", () => expect(cases.length).to.equal(4));

  it("its gradients equal the loop's finite differences", () => {
    const { tensors, numbers } = draw({ H: 2, T: 5, S: 7, D: 2, E: 3 }, 4, 3);
    const cotangent = random(5).normalTensor<tf.Rank.R4>([1, 2, 5, 3]);
    const weights = cotangent.dataSync();
    const gradients = tf.grads((...[q, k, v]) =>
      flashAttention({ q, k, v, queryBlock: 2, keyBlock: 3 } as unknown as FlashAttentionOptions),
    )([tensors.q, tensors.k, tensors.v], cotangent);
    type Problem = Parameters<typeof referenceAttention>[0];
    const loss = (problem: Problem) =>
      referenceAttention(problem).data.reduce((sum, y, i) => sum + y * weights[i]!, 0);
    for (const [i, name] of (["q", "k", "v"] as const).entries()) {
      const values = Float64Array.from(numbers[name]);
      const slope = values.map((value, at) => {
        const shifted = (h: number) => loss({ ...numbers, [name]: values.with(at, value + h) });
        return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
      });
      const expected: Float64 = { shape: tensors[name].shape, data: slope };
      assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
    }
  });

  it("leaves exactly its output, and its inputs alone, with and without a gradient", () => {
    const { tensors } = draw({ H: 2, T: 9, D: 4 }, 7);
    const options = { ...tensors, causal: true, queryBlock: 4, keyBlock: 2 };
    const before = tf.memory().numTensors;
    flashAttention(options).dispose();
    tf.dispose({ ...flashAttentionForward(options) });
    const gradients = tf.grads((...[q, k, v]) =>
      flashAttention({ ...options, q, k, v } as unknown as FlashAttentionOptions),
    );
    tf.dispose(gradients([tensors.q, tensors.k, tensors.v]));
    expect(tf.memory().numTensors).to.equal(before);
    expect(Object.values(tensors).some(({ isDisposed }) => isDisposed)).to.equal(false);
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with scores in the thousands, causal rows equal the float64 loop's, and stay finite", () => {
      const [T, D] = [16_384, 8];
      const { tensors, numbers } = draw({ T, D }, 8, 1000);
      const q = tf.clipByValue(tensors.q, -1000, 1000);
      const out = flashAttention({ ...tensors, q, causal: true });
      expect(tf.all(tf.isFinite(out)).dataSync()[0], "all finite").to.equal(1);
      for (const t of [0, 511, 512, 9_999, T - 1]) {
        const first = (data: ArrayLike<number>, rows: number) => Array.from(data).slice(0, rows * D);
        const query = Array.from(q.dataSync()).slice(t * D, (t + 1) * D);
        const [k, v] = [first(numbers.k, t + 1), first(numbers.v, t + 1)];
        const expected = referenceAttention({ ...numbers, T: 1, S: t + 1, q: query, k, v });
        // A score of ten thousand rounds by up to 10⁻³ in float32, and so does its weight.
        const steep = { tolerance: 5e-3, because: "the rounding of scores of up to ten thousand" };
        assertClose(tf.slice(out, [0, 0, t, 0], [1, 1, 1, D]), expected, steep, `row ${t}`);
      }
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor4D;
    const good = { q: zeros(1, 2, 3, 8), k: zeros(1, 2, 5, 8), v: zeros(1, 2, 5, 6) };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => flashAttention({ ...good, v: zeros(1, 2, 4, 6) }),
      "flashAttention: expected v of shape [B, H, S, E] with S = 5 (from k), got [1, 2, 4, 6]",
    );
    for (const size of [0, 2.5, -1]) {
      says(
        () => flashAttention({ ...good, queryBlock: size }),
        `flashAttention: expected queryBlock to be a positive integer, got ${size}`,
      );
      says(
        () => flashAttentionForward({ ...good, keyBlock: size }),
        `flashAttentionForward: expected keyBlock to be a positive integer, got ${size}`,
      );
    }
  });
});

type Inputs = ReturnType<typeof selfSequences>;

describe("variants/flash-attention: what it costs", () => {
  before(() => useBackend());

  // All queries in one tile of few keys: then all that a tile holds grows like T, and no constant blurs the exponent.
  const thin = (options: Inputs) =>
    flashAttention({ ...options, queryBlock: options.q.shape[2], keyBlock: 64 });

  it("operations and peak bytes grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("flash-attention");
    expect([time, memory]).to.deep.equal(["n²", "n"]);
    const { flops, peakBytes } = await growth(powersOfTwo(8, 14), (T) => selfSequences(T, 16), thin);
    expect(flops, "operations").to.be.closeTo(2, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  const gradient = (attend: (options: Inputs) => tf.Tensor4D) => (options: Inputs) =>
    tf.grads((...[q, k, v]) => attend({ ...options, q, k, v } as unknown as FlashAttentionOptions))([
      options.q,
      options.k,
      options.v,
    ])[0]!;

  it("peak bytes of forward and gradient together grow linearly too; standard attention's grow quadratically", async () => {
    const tiled = await growth(powersOfTwo(8, 12), (T) => selfSequences(T, 16), gradient(thin));
    const standard = await growth(powersOfTwo(8, 11), (T) => selfSequences(T, 16), gradient(attention));
    expect(tiled.flops, "operations").to.be.closeTo(2, 0.05);
    expect(tiled.peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
    expect(standard.peakBytes, "peak bytes of standard attention").to.be.closeTo(2, 0.05);
  });

  it("with square tiles, doubling T adds bytes for rows alone", async () => {
    const bytes = async (T: number) => {
      const inputs = selfSequences(T, 16);
      const square = () => flashAttention({ ...inputs, queryBlock: 128, keyBlock: 128 });
      const { peakBytes } = await count(square);
      tf.dispose(inputs);
      return peakBytes;
    };
    const [a, b, c] = [await bytes(512), await bytes(1024), await bytes(2048)];
    expect(c - b).to.equal(2 * (b - a));
  });

  it("a causal table skips the tiles above the diagonal, in both directions", async () => {
    const inputs = selfSequences(1024, 16);
    const flops = async (causal: boolean) => {
      const tiles = { ...inputs, causal, queryBlock: 128, keyBlock: 128 };
      const both = { forward: () => flashAttention(tiles), gradient: () => gradient(flashAttention)(tiles) };
      return [(await count(both.forward)).flops, (await count(both.gradient)).flops];
    };
    const [all, half] = [await flops(false), await flops(true)];
    // 36 of 64 tiles; masks on the diagonal, row sums and the like add a little.
    for (const i of [0, 1]) expect(half[i]! / all[i]!).to.be.within(36 / 64 - 0.01, 36 / 64 + 0.03);
  });
});
