/** The formulas of lib/kernels/flops.ts: what the composed and recurrent forms count, and what the definitions say. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { attention } from "workbook/attention";
import { blockSparseAttention } from "workbook/block-sparse";
import { deltaRule } from "workbook/delta-rule";
import * as fused from "workbook/kernels/fused";
import { fadingLinearAttention } from "workbook/linear-attention";
import { count } from "workbook/measure/count";
import { kernelFlops } from "workbook/measure/flops";
import { packedAttention } from "workbook/packed-attention";
import { random } from "workbook/random";
import { longConvolution } from "workbook/variants/hyena";
import { decodeAttention } from "workbook/variants/lean-attention";
import { euler, selectiveScan, selectiveScanRecurrent, zeroOrderHold } from "workbook/variants/mamba";
import { wkv, wkvRecurrent } from "workbook/variants/rwkv";
import { onEveryBackend } from "../backends.js";
import type { Sizes } from "./attention-problem.js";
import { onGpu } from "./on-gpu.js";

type Tensors = Readonly<Record<string, tf.Tensor>>;

const normal = <R extends tf.Rank>(...shape: number[]) =>
  random(shape.length).normalTensor<R>(shape as never);

/** What the table says of a call. */
const told = (name: string, inputs: Tensors, attrs: object = {}, outputs: tf.Tensor[] = []) =>
  kernelFlops({ name, inputs, attrs: attrs as Record<string, unknown>, outputs });

const heads = ({ B = 1, H = 1, G = H, T = 5, S = T, D = 4, E = D }: Partial<Sizes>) => ({
  q: normal<tf.Rank.R4>(B, H, T, D),
  k: normal<tf.Rank.R4>(B, G, S, D),
  v: normal<tf.Rank.R4>(B, G, S, E),
});

/** Pairs (query, key) for which `sees` holds. */
const pairs = (T: number, S: number, sees: (t: number, s: number) => boolean) =>
  Array.from({ length: T * S }, (_, i) => sees(Math.floor(i / S), i % S)).filter(Boolean).length;

onEveryBackend("formulas of fused kernels", () => {
  const uneven = { B: 2, H: 4, G: 2, T: 6, S: 9, D: 2, E: 3 };

  it("attention's is the composed form's count, with a bias too", async () => {
    const inputs = heads(uneven);
    expect(told(fused.ATTENTION, inputs)).to.equal((await count(() => attention(inputs))).flops);
    const bias = normal<tf.Rank.R2>(6, 9);
    const biased = (await count(() => attention({ ...inputs, bias }))).flops;
    expect(told(fused.ATTENTION, { ...inputs, bias }, { biased: true })).to.equal(biased);
  });

  it("attention's counts the pairs that causality and a window leave, and blocks' all that causality leaves", () => {
    const inputs = heads(uneven);
    const perPair = 2 * 2 + 2 * 3 + 5;
    const scaled = 2 * 4 * 6 * 2;
    const causal = pairs(6, 9, (t, s) => s <= t + 3);
    const near = pairs(6, 9, (t, s) => Math.abs(t + 3 - s) <= 2);
    const both = pairs(6, 9, (t, s) => s <= t + 3 && s >= t + 1);
    const expected = (seen: number) => scaled + 8 * seen * perPair;
    expect(told(fused.ATTENTION, inputs, { causal: true })).to.equal(expected(causal));
    expect(told(fused.ATTENTION, inputs, { radius: 2 })).to.equal(expected(near));
    expect(told(fused.ATTENTION, inputs, { causal: true, radius: 2 })).to.equal(expected(both));
    expect(told(fused.BLOCK_SPARSE, inputs, { causal: true, blockSize: 2 })).to.equal(expected(causal));
    expect(told(fused.BLOCK_SPARSE, inputs, { causal: false, blockSize: 2 })).to.equal(expected(54));
    const longer = heads({ T: 9, S: 6 }); // the first three queries see nothing
    const seen = pairs(9, 6, (t, s) => s <= t - 3);
    expect(told(fused.ATTENTION, longer, { causal: true })).to.equal(9 * 4 + seen * 21);
  });

  it("attention's gradients take four products of each pair, what is computed again not counted", () => {
    const inputs = heads(uneven);
    const past = { ...inputs, dOut: normal(2, 4, 6, 3), lse: normal(2, 4, 6) };
    const all = 8 * 54;
    expect(told(fused.queryGradientOf(fused.ATTENTION), past)).to.equal(all * (6 + 2 + 4) + 96);
    expect(told(fused.keyGradientOf(fused.ATTENTION), past)).to.equal(
      2 * 144 + 48 + all * (6 + 4) + 2 * 2 * 9 * 2,
    );
  });

  it("packed attention's is the composed form's count, text by text", async () => {
    const [q, k, v] = [normal<tf.Rank.R3>(8, 4, 2), normal<tf.Rank.R3>(8, 2, 2), normal<tf.Rank.R3>(8, 2, 3)];
    const lengths = [1, 4, 0, 3];
    const { flops } = await count(() => packedAttention({ q, k, v, lengths }));
    expect(told(fused.PACKED, { q, k, v }, { lengths })).to.equal(flops);
    const causal = 64 + 4 * (1 + 10 + 6) * 15;
    expect(told(fused.PACKED, { q, k, v }, { lengths, causal: true })).to.equal(causal);
  });

  it("decoding's is attention's over each text's own keys", () => {
    const inputs = heads({ B: 2, H: 4, G: 2, T: 2, S: 9, D: 2, E: 3 });
    // The last query sees all keys, the one before it one less.
    const seen = 4 * (9 + 8 + (5 + 4));
    expect(told(fused.DECODE, inputs, { lengths: [9, 5], splits: [] })).to.equal(2 * 4 * 2 * 2 + seen * 15);
  });

  it("the selective scan's is the recurrent form's count", async () => {
    const [x, delta, A] = [normal<tf.Rank.R3>(2, 3, 4), tf.ones<tf.Rank.R3>([2, 3, 4]), tf.fill([4, 8], -1)];
    const [B, C] = [normal<tf.Rank.R3>(2, 3, 8), normal<tf.Rank.R3>(2, 3, 8)];
    for (const discretise of [euler, zeroOrderHold]) {
      const options = { x, delta, A: A as tf.Tensor2D, B, C, discretise };
      const { flops } = await count(() => selectiveScanRecurrent(options));
      const zeroOrder = discretise === zeroOrderHold;
      expect(told(fused.SELECTIVE_SCAN, { x, delta, A, B, C }, { zeroOrder })).to.equal(flops);
    }
  });

  it("WKV's is the recurrent form's count, and two for the logarithm of each sum", async () => {
    const inputs = {
      w: tf.fill([4], -1) as tf.Tensor1D,
      u: normal<tf.Rank.R1>(4),
      k: normal<tf.Rank.R3>(2, 3, 4),
      v: normal<tf.Rank.R3>(2, 3, 4),
    };
    const { flops } = await count(() => wkvRecurrent(inputs));
    expect(told(fused.WKV, inputs)).to.equal(flops + 2 * 24);
  });

  it("the long convolution's is that of its transforms", async () => {
    const inputs = {
      u: normal<tf.Rank.R3>(2, 3, 7),
      h: normal<tf.Rank.R2>(3, 7),
      bias: normal<tf.Rank.R1>(3),
    };
    const { flops, uncounted } = await count(() => longConvolution(inputs));
    expect(uncounted).to.deep.equal([]);
    expect(told(fused.LONG_CONVOLUTION, inputs)).to.equal(flops);
  });

  it("linear attention's and the delta rule's are the products of their recurrences", () => {
    const { q, k, v } = heads({ B: 2, H: 3, T: 5, D: 4, E: 6 });
    const [states, tokens] = [2 * 3 * 5 * 4 * 6, 2 * 3 * 5];
    expect(told(fused.LINEAR_ATTENTION, { q, k, v, logDecay: tf.zeros([1, 3, 1, 1]) })).to.equal(
      5 * states + 3,
    );
    expect(told(fused.DELTA_RULE, { q, k, v, beta: tf.ones([2, 3, 5]) })).to.equal(
      6 * states + 2 * tokens * 6,
    );
  });
}, ["tensorflow"]);

onGpu("counts of fused kernels", () => {
  const runs: Readonly<Record<string, () => tf.TensorContainer>> = {
    attention: () => attention(heads({})),
    blocks: () => {
      const blocks = tf.ones<tf.Rank.R2>([3, 3], "bool");
      return blockSparseAttention({ ...heads({}), blocks, blockSize: 2 });
    },
    decoding: () => decodeAttention(heads({ T: 1, S: 5 })),
    packed: () => packedAttention({ ...packedHeads(), lengths: [2, 3] }),
    "linear attention": () => fadingLinearAttention(heads({})),
    "delta rule": () => deltaRule({ ...heads({}), beta: tf.ones([1, 1, 5]) }),
    "long convolution": () => longConvolution({ u: normal(1, 2, 5), h: normal(2, 5) }),
    wkv: () =>
      wkv({ w: tf.fill([4], -1) as tf.Tensor1D, u: normal(4), k: normal(1, 5, 4), v: normal(1, 5, 4) }),
    "selective scan": () =>
      selectiveScan({
        ...{ x: normal(1, 5, 4), delta: tf.ones<tf.Rank.R3>([1, 5, 4]) },
        ...{ A: tf.fill([4, 4], -1) as tf.Tensor2D, B: normal(1, 5, 4), C: normal(1, 5, 4) },
      }),
    "attention's gradients": () => {
      const { q, k, v } = heads({});
      return tf.grads((q, k, v) => attention({ q, k, v } as ReturnType<typeof heads>))([q, k, v]);
    },
    "packed attention's gradients": () => {
      const { q, k, v } = packedHeads();
      const of = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        packedAttention({ q, k, v, lengths: [2, 3] } as Parameters<typeof packedAttention>[0]);
      return tf.grads((q, k, v) => of(q!, k!, v!))([q, k, v]);
    },
  };
  for (const [name, run] of Object.entries(runs)) {
    it(`${name}: every kernel has a formula, and one of ours did most`, async () => {
      const { uncounted, kernels, flops } = await count(() => tf.tidy(run) as tf.Tensor);
      expect(uncounted).to.deep.equal([]);
      const ours = kernels.filter((kernel) => kernel.name.startsWith("Workbook"));
      expect(ours.reduce((sum, kernel) => sum + kernel.flops, 0)).to.be.above(flops / 2);
    });
  }
});

function packedHeads() {
  return {
    q: normal<tf.Rank.R3>(5, 2, 4),
    k: normal<tf.Rank.R3>(5, 2, 4),
    v: normal<tf.Rank.R3>(5, 2, 4),
  };
}
