import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention, type MultiHeadWeights, multiHeadAttention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import {
  causalAttentionIdentities,
  causalMultiHeadIdentities,
  shiftIdentities,
} from "workbook/identities/transformer";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import {
  cacheBytes,
  decodeAll,
  decodeStep,
  feedForward,
  generationFlops,
  type KeyValueCache,
  layerFlops,
  scoreBytes,
  shiftRotation,
  sinusoidalPositions,
} from "workbook/variants/transformer";

const single = { tolerance: 2e-6, because: "float32 sums of at most 64 terms" };

function headWeights(C: number, seed: number): MultiHeadWeights {
  const draw = random(seed);
  const w = () => draw.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
  return { wq: w(), wk: w(), wv: w(), wo: w() };
}

describe("variants/transformer", () => {
  before(() => useBackend());

  it("PE(p, 2i) = sin(p / 10000^(2i/C)) and PE(p, 2i+1) its cosine, at any start", () => {
    const [T, C, start] = [7, 6, 1000];
    const expected = Array.from({ length: T * C }, (_, n) => {
      const [p, c] = [start + Math.floor(n / C), n % C];
      const angle = p / 10_000 ** ((2 * Math.floor(c / 2)) / C);
      return c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    assertClose(sinusoidalPositions({ T, C, start }), { shape: [T, C], data: expected }, single);
  });

  it("PE(p + s) = PE(p) R(s)ᵀ for positive and negative shifts", () => {
    const C = 16;
    const positions = sinusoidalPositions({ T: 20, C, start: 30 });
    for (const shift of [0, 1, -7, 23]) {
      const rotated = tf.matMul(positions, shiftRotation({ shift, C }), false, true);
      assertClose(rotated, sinusoidalPositions({ T: 20, C, start: 30 + shift }), single);
    }
  });

  it("refuses an odd width by name", () => {
    expect(() => sinusoidalPositions({ T: 4, C: 5 })).to.throw(
      "positionFrequencies: expected an even width C, got 5",
    );
  });

  it("the FFN applies max(0, x W₁ + b₁) W₂ + b₂ to each position alone", () => {
    const x = tf.tensor3d([[[1], [-1]]]);
    const y = feedForward({
      x,
      w1: tf.tensor2d([[2, -3]]),
      b1: tf.tensor1d([1, 1]),
      w2: tf.tensor2d([[1], [10]]),
      b2: tf.tensor1d([0.5]),
    });
    // x = 1: max(0, [3, -2]) · [1, 10] + 0.5;  x = -1: max(0, [-1, 4]) · [1, 10] + 0.5
    assertClose(y, { shape: [1, 2, 1], data: [3.5, 40.5] }, { tolerance: 0, because: "small integers" });
  });

  for (const { sentence, check } of causalAttentionIdentities) {
    it(`attention: ${sentence}`, () =>
      check((q, k, v) => {
        const [q4, k4, v4] = [q, k, v].map((x) => tf.reshape(x, [1, 1, ...x.shape]) as tf.Tensor4D);
        return tf.squeeze(attention({ q: q4!, k: k4!, v: v4!, causal: true }), [0, 1]);
      }, random(sentence)));
  }

  for (const { sentence, check } of causalMultiHeadIdentities) {
    it(`full pass: ${sentence}`, () =>
      check(
        (x, weights, heads) => multiHeadAttention({ x, weights, heads, causal: true }),
        random(sentence),
      ));
    it(`token by token: ${sentence}`, () =>
      check((x, weights, heads) => decodeAll({ x, weights, heads }), random(sentence)));
  }

  for (const { sentence, check } of shiftIdentities) {
    it(`PE(p) R(s)ᵀ: ${sentence}`, () =>
      check(
        (pe, shift) => tf.matMul(pe, shiftRotation({ shift, C: pe.shape[1] }), false, true),
        random(sentence),
      ));
  }

  it("a prompt of four positions and then one at a time equals the full causal pass", () => {
    const [B, T, C, heads] = [2, 9, 8, 2];
    const weights = headWeights(C, 3);
    const x = random(4).normalTensor<tf.Rank.R3>([B, T, C]);
    const outputs: tf.Tensor3D[] = [];
    let cache: KeyValueCache | undefined;
    // A prompt of 4 positions at once, then one at a time.
    for (const [from, length] of [
      [0, 4],
      [4, 1],
      [5, 1],
      [6, 1],
      [7, 1],
      [8, 1],
    ] as const) {
      const step = decodeStep({ x: tf.slice(x, [0, from, 0], [B, length, C]), weights, heads, cache });
      outputs.push(step.y);
      cache = step.cache;
    }
    assertClose(tf.concat(outputs, 1), multiHeadAttention({ x, weights, heads, causal: true }), single);
  });

  it("a decoding step leaves exactly its output and the grown cache", () => {
    const weights = headWeights(8, 1);
    const x = random(2).normalTensor<tf.Rank.R3>([1, 1, 8]);
    const first = decodeStep({ x, weights, heads: 2 });
    const before = tf.memory().numTensors;
    const second = decodeStep({ x, weights, heads: 2, cache: first.cache });
    expect(tf.memory().numTensors).to.equal(before + 3);
    expect(first.cache.k.isDisposed).to.equal(false);
    expect(second.cache.k.shape).to.deep.equal([1, 2, 2, 4]);
  });

  it("the cost formulas equal the matrix products that really ran", async () => {
    const [T, C, H] = [24, 16, 4];
    const weights = headWeights(C, 5);
    const x = random(6).normalTensor<tf.Rank.R3>([1, T, C]);
    const products = async (run: () => tf.Tensor) =>
      (await count(run)).kernels
        .filter(({ name }) => /MatMul/.test(name))
        .reduce((sum, kernel) => sum + kernel.flops, 0);
    const { projections, scores, feedForward: ffn } = layerFlops({ T, C });
    expect(await products(() => multiHeadAttention({ x, weights, heads: H }))).to.equal(projections + scores);
    const [w1, w2] = [tf.ones<tf.Rank.R2>([C, 4 * C]), tf.ones<tf.Rank.R2>([4 * C, C])];
    const [b1, b2] = [tf.zeros<tf.Rank.R1>([4 * C]), tf.zeros<tf.Rank.R1>([C])];
    expect(await products(() => feedForward({ x, w1, b1, w2, b2 }))).to.equal(ffn);
    const q = random(7).normalTensor<tf.Rank.R4>([1, H, T, C / H]);
    const { peakBytes } = await count(() => attention({ q, k: q, v: q }));
    expect(peakBytes).to.be.at.least(scoreBytes({ T, H }));
  });

  it("generation with a cache sums what each token costs", () => {
    const [T, C] = [5, 4];
    let [cached, recomputed] = [0, 0];
    for (let t = 1; t <= T; t++) {
      const prefix = layerFlops({ T: t, C });
      cached += 24 * C ** 2 + 4 * t * C;
      recomputed += prefix.projections + prefix.scores + prefix.feedForward;
    }
    expect(generationFlops({ T, C })).to.deep.equal({ cached, recomputed });
    expect(cacheBytes({ layers: 2, T: 5, C: 4 })).to.equal(2 * 2 * 5 * 4 * 4);
  });
});
