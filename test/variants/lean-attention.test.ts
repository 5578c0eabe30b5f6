import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { mergeIdentities, piecewiseIdentities } from "workbook/identities/lean-attention";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  decodeAttention,
  finishPartial,
  mergePartials,
  type Partial,
  partialAttention,
} from "workbook/variants/lean-attention";
import { fixedSplit, type Splits, streamK } from "workbook/variants/lean-splits";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo } from "../growth.js";

const rounding = { tolerance: 1e-5, because: "float32 sums of exponentials" };

/** `[2 + E]` → m, l and o, each of four axes, and back. */
const asPartial = (x: tf.Tensor1D): Partial => {
  const part = (start: number, size: number) =>
    tf.reshape(tf.slice(x, start, size), [1, 1, 1, size]) as tf.Tensor4D;
  return { m: part(0, 1), l: part(1, 1), o: part(2, x.shape[0] - 2) };
};
const asRow = ({ m, l, o }: Partial) => tf.reshape(tf.concat([m, l, o], 3), [-1]);

const head = (x: tf.Tensor2D) => tf.reshape(x, [1, 1, ...x.shape]) as tf.Tensor4D;
const piecesTo = (ends: readonly number[]): Splits =>
  ends.map((to, i) => [{ b: 0, g: 0, from: ends[i - 1] ?? 0, to }]);

onEveryBackend("variants/lean-attention", (backend) => {
  for (const { sentence, check } of mergeIdentities) {
    it(`merging: ${sentence}`, () =>
      check((a, b) => asRow(mergePartials(asPartial(a), asPartial(b))), random(sentence)));
  }

  for (const { sentence, check } of piecewiseIdentities) {
    it(`decoding: ${sentence}`, () =>
      check(
        (q, k, v, ends) =>
          tf.squeeze(decodeAttention({ q: head(q), k: head(k), v: head(v), splits: piecesTo(ends) }), [0, 1]),
        random(sentence),
      ));
  }

  it("agrees with PyTorch's attention, piece by piece and as a whole", () => {
    interface Vector {
      name: string;
      lengths: number[];
      sizes: { H: number; G: number; T: number; D: number; E: number };
      q: number[];
      k: number[];
      v: number[];
      out: number[];
      pieces: { from: number; to: number; out: number[]; lse: number[] }[];
    }
    const file = path.join(root, "test/vectors/lean-attention.json");
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    expect(cases.length).to.equal(3);
    for (const { name, lengths, sizes, pieces, ...numbers } of cases) {
      const { H, G, T, D, E } = sizes;
      const [B, S] = [lengths.length, Math.max(...lengths)];
      const q = tf.tensor4d(numbers.q, [B, H, T, D]);
      const k = tf.tensor4d(numbers.k, [B, G, S, D]);
      const v = tf.tensor4d(numbers.v, [B, G, S, E]);
      const expected = { shape: [B, H, T, E], data: numbers.out };
      for (const splits of [undefined, streamK({ lengths, heads: G, workers: 4 })]) {
        assertClose(decodeAttention({ q, k, v, lengths, splits }), expected, rounding, name);
      }
      const R = H / G;
      for (const { from, to, out, lse } of pieces) {
        const partial = partialAttention({
          q: tf.slice(q, [0, 0, 0, 0], [1, R, 1, D]),
          k: tf.slice(k, [0, 0, from, 0], [1, 1, to - from, D]),
          v: tf.slice(v, [0, 0, from, 0], [1, 1, to - from, E]),
        });
        const label = `${name}, keys ${from} to ${to}`;
        assertClose(finishPartial(partial), { shape: [1, R, 1, E], data: out }, rounding, label);
        const logSum = tf.add(partial.m, tf.log(partial.l));
        assertClose(logSum, { shape: [1, R, 1, 1], data: lse }, rounding, `${label}, log of the sum`);
      }
    }
  });

  it("with full caches and T = S it is causal softmax attention", () => {
    const x = () => random(1).normalTensor<tf.Rank.R4>([2, 2, 9, 4]);
    const inputs = { q: x(), k: x(), v: x() };
    const splits = fixedSplit({ lengths: [9, 9], heads: 2, parts: 4 });
    assertClose(decodeAttention({ ...inputs, splits }), attention({ ...inputs, causal: true }), rounding);
  });

  it("leaves exactly its output, and its inputs alone", () => {
    const inputs = { q: tf.ones([1, 2, 1, 4]), k: tf.ones([1, 1, 9, 4]), v: tf.ones([1, 1, 9, 4]) } as Record<
      "q" | "k" | "v",
      tf.Tensor4D
    >;
    for (const splits of [undefined, fixedSplit({ lengths: [9], heads: 1, parts: 2 })]) {
      const before = tf.memory().numTensors;
      const out = decodeAttention({ ...inputs, splits });
      expect(tf.memory().numTensors).to.equal(before + 1);
      out.dispose();
      expect(Object.values(inputs).some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  if (backend === "tensorflow") {
    it("at 16,384 keys with outliers of ±1,000, any cut gives the same, and gradients stay finite", () => {
      const S = 16_384;
      const r = random(3);
      const wild = () =>
        tf.mul(r.normalTensor([1, 1, S, 8]), tf.where(tf.less(r.uniformTensor([1, 1, S, 1]), 0.01), 1000, 1));
      const [q, k, v] = [r.normalTensor<tf.Rank.R4>([1, 1, 1, 8]), wild(), r.normalTensor([1, 1, S, 8])];
      const inputs = { q, k, v } as Record<"q" | "k" | "v", tf.Tensor4D>;
      const whole = decodeAttention(inputs);
      for (const parts of [2, 37]) {
        const splits = fixedSplit({ lengths: [S], heads: 1, parts });
        assertClose(decodeAttention({ ...inputs, splits }), whole, rounding, `${parts} pieces`);
        const loss = (x: tf.Tensor) => decodeAttention({ ...inputs, q: x as tf.Tensor4D, splits }).sum();
        expect(tf.all(tf.isFinite(tf.grad(loss)(q))).dataSync()[0]).to.equal(1);
      }
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor4D;
    const good = { q: zeros(2, 4, 1, 8), k: zeros(2, 2, 5, 8), v: zeros(2, 2, 5, 6) };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => decodeAttention({ ...good, k: zeros(2, 2, 5, 9) }),
      "decodeAttention: expected k of shape [B, G, S, D] with D = 8 (from q), got [2, 2, 5, 9]",
    );
    says(
      () => decodeAttention({ ...good, q: zeros(2, 3, 1, 8) }),
      "decodeAttention: expected key heads that divide the 3 query heads, got 2",
    );
    for (const lengths of [[5], [5, 6], [5, -1], [5, 0.5]]) {
      says(
        () => decodeAttention({ ...good, lengths }),
        `decodeAttention: expected 2 lengths from 0 to S = 5, got [${lengths.join(", ")}]`,
      );
    }
    says(
      () => decodeAttention({ ...good, splits: [[{ b: 0, g: 0, from: 0, to: 4 }]] }),
      "decodeAttention: expected pieces that cover the 5 keys of batch element 0, key head 0; got the first 4",
    );
  });
});

describe("variants/lean-attention: cost", () => {
  before(() => useBackend());

  const token = (S: number) => ({
    q: tf.ones<tf.Rank.R4>([1, 4, 1, 64]),
    k: tf.ones<tf.Rank.R4>([1, 1, S, 64]),
    v: tf.ones<tf.Rank.R4>([1, 1, S, 64]),
  });

  it("operations and peak bytes of a token grow with the cache as the catalog says, from 2⁸ to 2¹⁴ keys", async () => {
    const { time, memory } = paper("lean-attention");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    const { flops, peakBytes } = await growth(powersOfTwo(8, 14), token, decodeAttention);
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("in pieces of 64 keys operations grow alike, and memory beside the cache not at all", async () => {
    const { flops, peakBytes } = await growth(powersOfTwo(8, 14), token, (inputs) => {
      const S = inputs.k.shape[2];
      const splits = fixedSplit({ lengths: [S], heads: 1, parts: S / 64 });
      return decodeAttention({ ...inputs, splits });
    });
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(0, 0.05);
  });
});
