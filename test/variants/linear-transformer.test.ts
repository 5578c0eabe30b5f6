import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { taylorFeatures } from "workbook/feature-maps";
import { causalLinearIdentities, chunkwiseIdentities } from "workbook/identities/linear-transformer";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  causalLinearAttention,
  causalLinearAttentionChunkwise,
  causalLinearAttentionRecurrent,
  type LinearAttentionOptions,
  type LinearState,
  linearAttention,
  linearAttentionStep,
} from "workbook/variants/linear-transformer";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo, selfSequences } from "../growth.js";
import type { Float64 } from "../reference/attention.js";
import { referenceLinearAttention } from "../reference/linear-attention.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 sums of products, and outliers of 30 among the values",
};

const causalForms = {
  parallel: causalLinearAttention,
  recurrent: causalLinearAttentionRecurrent,
  "chunkwise, chunk 64": causalLinearAttentionChunkwise,
  "chunkwise, chunk 7": (options: LinearAttentionOptions) =>
    causalLinearAttentionChunkwise({ ...options, chunk: 7 }),
};

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
  return { tensors: { q, k, v }, numbers: { B, H, T, S, D, E, ...data } };
}

const causal = (_b: number, t: number, s: number) => s <= t;

onEveryBackend("variants/linear-transformer", (backend) => {
  const sizes: Sizes[] = [
    { T: 1, D: 1 },
    { T: 1, D: 60, E: 3 },
    { B: 2, H: 3, T: 63, D: 8, E: 5 },
    { H: 2, T: 65, D: 60 },
    { T: 128, D: 16 },
    { B: 2, T: 130, D: 4, E: 7 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(causalForms)) {
      it(`${form}: equals the float64 loop at ${name}`, () => {
        const { tensors, numbers } = draw(size, name);
        assertClose(run(tensors), referenceLinearAttention({ ...numbers, sees: causal }), rounding);
      });
    }
  }

  it("every query sees every key, also where there are more of one than of the other", () => {
    for (const size of [
      { T: 1, S: 65, D: 4 },
      { B: 2, H: 2, T: 63, S: 5, D: 60, E: 3 },
    ]) {
      const { tensors, numbers } = draw(size, size.T);
      assertClose(
        linearAttention(tensors),
        referenceLinearAttention({ ...numbers, sees: () => true }),
        rounding,
      );
    }
  });

  it("hidden keys count nowhere, and a row that sees none is zero, in every form", () => {
    const { tensors, numbers } = draw({ B: 2, H: 2, T: 9, D: 4, E: 3 }, 1);
    // In the first sequence positions 0 to 2 are hidden, so that rows 0 to 2 of the causal forms see nothing.
    const seen = [0, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1];
    const keyMask = tf.tensor2d(seen, [2, 9], "bool");
    const visible = (b: number, s: number) => seen[b * 9 + s] === 1;
    const expected = referenceLinearAttention({ ...numbers, sees: (b, t, s) => s <= t && visible(b, s) });
    for (const [form, run] of Object.entries(causalForms)) {
      assertClose(run({ ...tensors, keyMask }), expected, rounding, form);
    }
    const all = referenceLinearAttention({ ...numbers, sees: (b, _t, s) => visible(b, s) });
    assertClose(linearAttention({ ...tensors, keyMask }), all, rounding, "every query sees every key");
    const none = tf.zeros([2, 9], "bool") as tf.Tensor2D;
    const blind = tf.zeros([2, 2, 9, 3]);
    assertClose(linearAttention({ ...tensors, keyMask: none }), blind, rounding, "all keys hidden");
  });

  it("the last row of the causal forms is the last row of the bidirectional one", () => {
    const { tensors } = draw({ H: 2, T: 65, D: 8 }, 2);
    const last = (x: tf.Tensor4D) => tf.slice(x, [0, 0, 64, 0], [1, 2, 1, 8]);
    for (const [form, run] of Object.entries(causalForms)) {
      assertClose(last(run(tensors)), last(linearAttention(tensors)), rounding, form);
    }
  });

  for (const { sentence, check } of causalLinearIdentities) {
    for (const [form, run] of Object.entries(causalForms)) {
      it(`${form}: ${sentence}`, () =>
        check((...qkv) => tf.squeeze(run(fourAxes(...qkv)), [0, 1]), random(sentence)));
    }
  }

  for (const { sentence, check } of chunkwiseIdentities) {
    it(`chunkwise: ${sentence}`, () =>
      check(
        (q, k, v, chunk) =>
          tf.squeeze(causalLinearAttentionChunkwise({ ...fourAxes(q, k, v), chunk }), [0, 1]),
        random(sentence),
      ));
  }

  it("Taylor features of the exponential make it causal softmax attention", () => {
    const { q, k, v } = draw({ T: 12, D: 2, E: 3 }, 3, 1).tensors;
    // Scores of at most 2, whose thirteenth power over 13! is 10⁻⁶.
    const tensors = { q: tf.clipByValue(q, -1.1, 1.1), k: tf.clipByValue(k, -1.1, 1.1), v };
    const softmax = attention({ ...tensors, causal: true });
    const error = (degree: number) => {
      const taylor = causalLinearAttention({ ...tensors, featureMap: taylorFeatures(degree) });
      return tf.max(tf.abs(tf.sub(taylor, softmax))).dataSync()[0]!;
    };
    expect(error(2)).to.be.greaterThan(error(4)).and.greaterThan(1e-3);
    const limit = { ...tensors, featureMap: taylorFeatures(12) };
    assertClose(causalLinearAttentionChunkwise({ ...limit, chunk: 5 }), softmax, rounding, "chunkwise");
    assertClose(causalLinearAttentionRecurrent(limit), softmax, rounding, "recurrent");
  });

  it("agrees with flash-linear-attention's naive loop", () => {
    interface Vector {
      name: string;
      sizes: { B: number; H: number; T: number; D: number; E: number };
      q: number[];
      k: number[];
      v: number[];
      out: number[];
    }
    const file = path.join(root, "test/vectors/linear-transformer.json");
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    expect(cases.length).to.equal(3);
    for (const { name, sizes, q, k, v, out } of cases) {
      const { B, H, T, D, E } = sizes;
      const tensors = {
        q: tf.tensor4d(q, [B, H, T, D]),
        k: tf.tensor4d(k, [B, H, T, D]),
        v: tf.tensor4d(v, [B, H, T, E]),
      };
      for (const [form, run] of Object.entries(causalForms)) {
        assertClose(run(tensors), { shape: [B, H, T, E], data: out }, rounding, `${name}, ${form}`);
      }
    }
  });

  for (const [form, run] of Object.entries({
    ...causalForms,
    "every query sees every key": linearAttention,
  })) {
    it(`${form}: its gradients equal the loop's finite differences`, () => {
      const { tensors, numbers } = draw({ H: 2, T: 9, D: 2, E: 3 }, 4, 3);
      const cotangent = random(5).normalTensor<tf.Rank.R4>([1, 2, 9, 3]);
      const weights = cotangent.dataSync();
      const sees = run === linearAttention ? () => true : causal;
      const gradients = tf.grads((q, k, v) =>
        tf.sum(tf.mul(run({ q, k, v } as LinearAttentionOptions), cotangent)),
      )([tensors.q, tensors.k, tensors.v]);
      const loss = (problem: typeof numbers | (Omit<typeof numbers, "q"> & { q: ArrayLike<number> })) =>
        referenceLinearAttention({ ...problem, sees }).data.reduce((sum, y, i) => sum + y * weights[i]!, 0);
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
  }

  it("a prompt chunkwise and then one token at a time: the state goes on where the sums stopped", () => {
    const { tensors, numbers } = draw({ B: 2, H: 2, T: 6, D: 4, E: 3 }, 6);
    let state: LinearState | undefined;
    const outputs: tf.Tensor4D[] = [];
    for (let t = 0; t < 6; t++) {
      const at = (x: tf.Tensor4D) => tf.slice(x, [0, 0, t, 0], [2, 2, 1, x.shape[3]]);
      const step = linearAttentionStep({ q: at(tensors.q), k: at(tensors.k), v: at(tensors.v), state });
      outputs.push(step.y);
      state = step.state;
    }
    const expected = referenceLinearAttention({ ...numbers, sees: causal });
    assertClose(tf.concat(outputs, 2), expected, rounding);
  });

  it("each form leaves exactly its output, and its inputs alone", () => {
    const { tensors } = draw({ H: 2, T: 9, D: 4 }, 7);
    for (const [form, run] of Object.entries({ ...causalForms, bidirectional: linearAttention })) {
      const before = tf.memory().numTensors;
      const out = run(tensors);
      expect(tf.memory().numTensors, form).to.equal(before + 1);
      out.dispose();
      expect(Object.values(tensors).some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with outliers of ±1,000, recurrent and chunkwise stay finite and equal the float64 sums", () => {
      const [T, D, E] = [16_384, 8, 4];
      const { tensors } = draw({ T, D, E }, 8, 1000);
      const bounded = { ...tensors, v: tf.clipByValue(tensors.v, -1, 1) };
      const expected = runningSums(bounded.q, bounded.k, bounded.v);
      assertClose(causalLinearAttentionChunkwise(bounded), expected, rounding, "chunkwise");
      assertClose(causalLinearAttentionRecurrent(bounded), expected, rounding, "recurrent");
    });

    it("queries and keys that are all far below zero stay finite, with their gradients", () => {
      for (const low of [-20, -50, -200]) {
        const x = tf.fill([1, 1, 130, 8], low) as tf.Tensor4D;
        for (const [form, run] of Object.entries(causalForms)) {
          const gradient = tf.grad((q) => run({ q: q as tf.Tensor4D, k: x, v: x }))(x);
          for (const tensor of [run({ q: x, k: x, v: x }), gradient]) {
            const finite = tf.all(tf.isFinite(tensor)).dataSync()[0];
            expect(finite, `${form} at ${low}`).to.equal(1);
          }
        }
      }
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor4D;
    const good = { q: zeros(1, 2, 3, 8), k: zeros(1, 2, 3, 8), v: zeros(1, 2, 3, 6) };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => causalLinearAttention({ ...good, k: zeros(1, 2, 5, 8), v: zeros(1, 2, 5, 6) }),
      "causalLinearAttention: expected k of shape [B, H, T, D] with T = 3 (from q), got [1, 2, 5, 8]",
    );
    says(
      () => linearAttention({ ...good, v: zeros(1, 2, 4, 6) }),
      "linearAttention: expected v of shape [B, H, S, E] with S = 3 (from k), got [1, 2, 4, 6]",
    );
    says(
      () => linearAttention({ ...good, keyMask: tf.zeros([1, 4], "bool") as tf.Tensor2D }),
      "linearAttention: expected keyMask of shape [B, S] with S = 3 (from k), got [1, 4]",
    );
    says(
      () => linearAttention({ ...good, keyMask: tf.zeros([1, 3]) as tf.Tensor2D }),
      "linearAttention: expected a boolean keyMask (true = seen), got dtype float32",
    );
    for (const eps of [-1e-6, Number.NaN]) {
      says(
        () => causalLinearAttentionRecurrent({ ...good, eps }),
        `causalLinearAttentionRecurrent: expected eps of at least 0, got ${eps}`,
      );
    }
    for (const chunk of [0, 2.5]) {
      says(
        () => causalLinearAttentionChunkwise({ ...good, chunk }),
        `splitChunks: expected a chunk of 1 or more positions, got ${chunk}`,
      );
    }
    says(() => linearAttentionStep(good), "linearAttentionStep: expected one position, got 3");
    const one = { q: zeros(1, 2, 1, 8), k: zeros(1, 2, 1, 8), v: zeros(1, 2, 1, 6) };
    says(
      () => linearAttentionStep({ ...one, state: zeros(1, 2, 8, 6) }),
      "linearAttentionStep: expected state of shape [B, H, F, E+1] with E+1 = 7 (from v), got [1, 2, 8, 6]",
    );
  });
});

describe("variants/linear-transformer: what it costs", () => {
  before(() => useBackend());

  it("operations and peak bytes of the chunkwise form grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("linear-transformer");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    const { flops, peakBytes } = await growth(
      powersOfTwo(8, 14),
      selfSequences,
      causalLinearAttentionChunkwise,
    );
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("so do those of the bidirectional and, to T = 2¹¹, of the recurrent form; the parallel one is square", async () => {
    const both = await growth(powersOfTwo(8, 14), selfSequences, linearAttention);
    const recurrent = await growth(powersOfTwo(8, 11), selfSequences, causalLinearAttentionRecurrent);
    const parallel = await growth(powersOfTwo(9, 12), selfSequences, causalLinearAttention);
    expect(both.flops, "bidirectional, operations").to.be.closeTo(1, 0.05);
    expect(both.peakBytes, "bidirectional, peak bytes").to.be.closeTo(1, 0.05);
    expect(recurrent.flops, "recurrent, operations").to.be.closeTo(1, 0.05);
    expect(recurrent.peakBytes, "recurrent, peak bytes").to.be.closeTo(1, 0.05);
    // It keeps inputs, features and outputs of all tokens, and one state: not a state of 64 · 65 numbers for each.
    const bytesPerToken = recurrent.counts.at(-1)!.peakBytes / 2 ** 11;
    expect(bytesPerToken, "recurrent, bytes for each token").to.be.below(4 * 64 * 65 * 0.25);
    expect(parallel.flops, "parallel, operations").to.be.closeTo(2, 0.05);
    // Features and values, 64 numbers for each position, still show at 2⁹.
    expect(parallel.peakBytes, "parallel, peak bytes").to.be.within(1.9, 2);
  });

  it("a step takes the same operations and bytes after 10 tokens and after 1,000", async () => {
    const one = () => random(1).normalTensor<tf.Rank.R4>([1, 2, 1, 16]);
    const costAfter = async (tokens: number) => {
      let state = linearAttentionStep({ q: one(), k: one(), v: one() }).state;
      for (let t = 1; t < tokens; t++) {
        const next = linearAttentionStep({ q: one(), k: one(), v: one(), state });
        tf.dispose([state, next.y]);
        state = next.state;
      }
      const { flops, peakBytes } = await count(() =>
        linearAttentionStep({ q: one(), k: one(), v: one(), state }),
      );
      return { flops, peakBytes, numbers: state.size };
    };
    const early = await costAfter(10);
    expect(await costAfter(1000)).to.deep.equal(early);
    expect(early.numbers).to.equal(2 * 16 * 17);
  });
});

function fourAxes(...matrices: [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]) {
  const [q, k, v] = matrices.map((x) => tf.reshape(x, [1, 1, ...x.shape]) as tf.Tensor4D);
  return { q: q!, k: k!, v: v! };
}

/** The recurrence in float64, for lengths at which the double loop would take minutes. */
function runningSums(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): Float64 {
  const [T, D, E] = [q.shape[2], q.shape[3], v.shape[3]];
  const [Q, K, V] = [q.dataSync(), k.dataSync(), v.dataSync()];
  const phi = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
  const [S, z] = [new Float64Array(D * E), new Float64Array(D)];
  const data = new Float64Array(T * E);
  for (let t = 0; t < T; t++) {
    let total = 0;
    for (let d = 0; d < D; d++) {
      z[d]! += phi(K[t * D + d]!);
      total += phi(Q[t * D + d]!) * z[d]!;
      for (let e = 0; e < E; e++) {
        S[d * E + e]! += phi(K[t * D + d]!) * V[t * E + e]!;
        data[t * E + e]! += phi(Q[t * D + d]!) * S[d * E + e]!;
      }
    }
    for (let e = 0; e < E; e++) data[t * E + e]! /= total;
  }
  return { shape: [1, 1, T, E], data };
}
