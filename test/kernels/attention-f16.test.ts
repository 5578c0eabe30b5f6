/** Attention's rung f16: its stated bound, its range, and what runs where a GPU has no shader-f16. */

import process from "node:process";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { type Context, it } from "mocha";
import { fusedAttention } from "workbook/attention";
import { fusedBlockSparseAttention } from "workbook/block-sparse";
import { hasFeature } from "workbook/kernels/device";
import { packedAttention } from "workbook/packed-attention";
import { random } from "workbook/random";
import { referenceAttention, referenceAttentionGradient } from "../reference/attention.js";
import { draw, type Heads, type Sizes, withGradients } from "./attention-problem.js";
import { onGpu } from "./on-gpu.js";

const half = (heads: Heads, options: { readonly causal?: boolean; readonly scale?: number } = {}) =>
  fusedAttention({ ...heads, ...options, rung: "f16" })!;

/** Skips, with the reason; `REQUIRE_F16=1` fails instead. */
function skipWithoutHalf(context: Context): void {
  if (hasFeature("shader-f16")) return;
  if (process.env.REQUIRE_F16 === "1") throw new Error("this GPU has no shader-f16");
  context.skipReason = "this GPU has no shader-f16";
  context.skip();
}

/** Normal numbers without outliers. */
function drawNormal({ B = 1, H = 1, G = H, T, S = T, D, E = D }: Sizes, seed: number) {
  const r = random(seed);
  const numbers = (count: number) => Float32Array.from({ length: count }, () => r.normal());
  const data = { q: numbers(B * H * T * D), k: numbers(B * G * S * D), v: numbers(B * G * S * E) };
  const tensors: Heads = {
    q: tf.tensor4d(data.q, [B, H, T, D]),
    k: tf.tensor4d(data.k, [B, G, S, D]),
    v: tf.tensor4d(data.v, [B, G, S, E]),
  };
  return { tensors, numbers: { B, H, G, T, S, D, E, ...data }, dOut: numbers(B * H * T * E) };
}

/** ‖a − b‖ / ‖b‖, NaN where anything is. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [off, all] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    off += (actual[i]! - expected[i]!) ** 2;
    all += expected[i]! ** 2;
  }
  return Math.sqrt(off / all);
}

/** The bound in f16.wgsl's header for each row, one head: (e^2ε − 1 + 2^-10) max |v|, and 1e-4 for what float32 loses. */
function boundsOf({ T, S, D, q, k, v }: ReturnType<typeof draw>["numbers"]): number[] {
  const largest = v.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return Array.from({ length: T }, (_, t) => {
    let most = 0;
    for (let s = 0; s <= t && s < S; s++) {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += Math.abs(q[t * D + d]! * k[s * D + d]!);
      most = Math.max(most, sum);
    }
    const epsilon = (2 ** -10 * most) / Math.sqrt(D);
    return (Math.exp(2 * epsilon) - 1 + 2 ** -10 + 1e-4) * largest;
  });
}

onGpu("kernels/attention, f16", () => {
  it("is tiled where the GPU has no shader-f16, bit for bit, and another result where it has", async () => {
    const { tensors } = draw({ T: 65, D: 64 }, 1);
    const tiled = await fusedAttention({ ...tensors, rung: "tiled" })!.data();
    const same = [...(await half(tensors).data())].every((x, i) => x === tiled[i]);
    expect(same).to.equal(!hasFeature("shader-f16"));
  });

  for (const [T, D] of [
    [1, 16],
    [63, 128],
    [130, 64],
    [1024, 16],
  ] as const) {
    it(`with outliers each row stays within the stated bound at T = ${T}, D = ${D}`, async function () {
      skipWithoutHalf(this);
      const { tensors, numbers } = draw({ T, D }, T);
      const actual = await half(tensors, { causal: true }).data();
      const expected = referenceAttention({ ...numbers, sees: (_b, _h, t, s) => s <= t }).data;
      for (const [t, bound] of boundsOf(numbers).entries()) {
        for (let e = 0; e < D; e++) {
          const off = Math.abs(actual[t * D + e]! - expected[t * D + e]!);
          expect(off <= bound, `row ${t}: ${off} of ${bound}`).to.equal(true);
        }
      }
    });
  }

  it("of normal numbers it loses 1e-3 of the result and of its gradients", async function () {
    skipWithoutHalf(this);
    const { tensors, numbers, dOut } = drawNormal({ B: 2, H: 4, G: 2, T: 130, S: 140, D: 60, E: 64 }, 2);
    const { out, ...gradients } = withGradients((heads) => half(heads), tensors, dOut);
    expect(distance(await out.data(), referenceAttention(numbers).data)).to.be.below(1e-3);
    const expected = referenceAttentionGradient({ ...numbers, dOut });
    for (const name of ["q", "k", "v"] as const) {
      expect(distance(await gradients[name].data(), expected[name].data), name).to.be.below(1e-3);
    }
  });

  it("numbers far outside of f16's range give the same bits, times their power of two", async function () {
    skipWithoutHalf(this);
    const { tensors } = drawNormal({ T: 65, D: 64 }, 3);
    const { q, k, v } = tensors;
    const times = (x: tf.Tensor4D, exponent: number) => tf.mul(x, 2 ** exponent) as tf.Tensor4D;
    const expected = await half(tensors, { scale: 1 / 8 }).data();
    for (const [a, b, c] of [
      [30, 40, 50],
      [-30, -40, -50],
      [100, -90, -100],
      [-100, 110, 100],
      [-63, -63, 0],
    ] as const) {
      const far = { q: times(q, a), k: times(k, b), v: times(v, c) };
      const actual = await half(far, { scale: 2 ** (-3 - a - b) }).data();
      expect([...actual].map((x) => x * 2 ** -c)).to.deep.equal([...expected]);
    }
  });

  it("one number a million times the others, anywhere, leaves these their precision", async function () {
    skipWithoutHalf(this);
    const [T, D] = [200, 64];
    const { tensors, numbers } = drawNormal({ T, D }, 8);
    const without = (x: Float32Array) => x.map((value, i) => (i % D === D - 1 ? 0 : value));
    for (const name of ["q", "k"] as const) {
      // The other's last coordinates are 0, so that the large number changes no score.
      const other = name === "q" ? "k" : "q";
      const data = { ...numbers, [other]: without(numbers[other]) };
      const expected = referenceAttention(data).data;
      for (const row of [0, T / 2, T - 1]) {
        const large = Float32Array.from(data[name]);
        large[row * D + D - 1] = 1e6;
        const shaped = (x: ArrayLike<number>) => tf.tensor4d(Float32Array.from(x), [1, 1, T, D]);
        const heads = { ...tensors, [other]: shaped(data[other]), [name]: shaped(large) };
        expect(distance(await half(heads).data(), expected), `${name}, row ${row}`).to.be.below(1e-3);
      }
    }
    const large = Float32Array.from(numbers.v);
    large[(T - 1) * D] = 1e6;
    const out = await half({ ...tensors, v: tf.tensor4d(large, [1, 1, T, D]) }).data();
    expect(distance(out, referenceAttention({ ...numbers, v: large }).data)).to.be.below(1e-3);
  });

  it("scores of a million are finite, and the largest takes all", async function () {
    skipWithoutHalf(this);
    const { tensors, numbers } = drawNormal({ T: 64, D: 64 }, 4);
    const rows = tf.mul(tf.reshape(tf.eye(64), [1, 1, 64, 64]), 3e3) as tf.Tensor4D;
    const out = await half({ q: rows, k: rows, v: tensors.v }, { scale: 1 }).data();
    expect(distance(out, numbers.v)).to.be.below(1e-3);
  });

  it("what is not finite spoils its own rows alone", async function () {
    skipWithoutHalf(this);
    const { tensors } = drawNormal({ B: 2, T: 20, D: 16 }, 5);
    const expected = await half(tensors).data();
    const spoilt = await tensors.k.data();
    spoilt[3] = Number.POSITIVE_INFINITY;
    spoilt[40] = Number.NaN;
    const out = await half({ ...tensors, k: tf.tensor4d(spoilt, [2, 1, 20, 16]) }).data();
    expect([...out.slice(320)]).to.deep.equal([...expected.slice(320)]);
  });

  it("a tensor of zeros gives zeros, and a query that sees nothing too", async function () {
    skipWithoutHalf(this);
    const { tensors } = drawNormal({ T: 8, S: 3, D: 16 }, 6);
    const unseen = await half(tensors, { causal: true }).data();
    expect([...unseen.slice(0, 80)].every((x) => x === 0)).to.equal(true);
    const nothing = await half({ ...tensors, v: tf.zerosLike(tensors.v) }).data();
    expect([...nothing].every((x) => x === 0)).to.equal(true);
    const even = await half({ ...tensors, q: tf.zerosLike(tensors.q) }).data();
    expect(distance(even.slice(0, 16), await tf.mean(tensors.v, 2).data())).to.be.below(1e-3);
  });

  it("serves blocks and packed texts, too, and two runs agree in every bit", async function () {
    skipWithoutHalf(this);
    const { tensors } = drawNormal({ T: 130, D: 64 }, 7);
    const blocks = tf.ones<tf.Rank.R2>([3, 3], "bool");
    const bits = async () => {
      const rows = (x: tf.Tensor4D) => tf.reshape(x, [130, 1, 64]) as tf.Tensor3D;
      const [q, k, v] = [tensors.q, tensors.k, tensors.v].map(rows) as [
        tf.Tensor3D,
        tf.Tensor3D,
        tf.Tensor3D,
      ];
      return Promise.all([
        half(tensors).data(),
        fusedBlockSparseAttention({ ...tensors, blocks, blockSize: 64, rung: "f16" })!.data(),
        packedAttention({ q, k, v, lengths: [130], rung: "f16" }).data(),
      ]);
    };
    const [dense, sparse, packed] = await bits();
    expect(distance(sparse, dense)).to.be.below(1e-6);
    expect(distance(packed, dense)).to.be.below(1e-6);
    expect(await bits()).to.deep.equal([dense, sparse, packed]);
  });
});
