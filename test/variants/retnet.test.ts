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
import {
  chunkwiseRetentionIdentities,
  normedRetentionIdentities,
  retentionIdentities,
} from "workbook/identities/retnet";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  decayMatrix,
  type RetentionOptions,
  retention,
  retentionAngles,
  retentionChunkwise,
  retentionDecays,
  retentionRecurrent,
  retentionStep,
} from "workbook/variants/retnet";
import { headNorm, scoreNormalisedRetention } from "workbook/variants/retnet-layer";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo, selfSequences } from "../growth.js";
import type { Float64 } from "../reference/attention.js";
import { referenceNorm, referenceRetention } from "../reference/retention.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 sums of products, divided by their spread",
};
/** So small that the norm is blind to scale within rounding. */
const epsilon = 1e-12;

const forms = {
  parallel: retention,
  recurrent: retentionRecurrent,
  "chunkwise, chunk 64": retentionChunkwise,
  "chunkwise, chunk 7": (options: RetentionOptions) => retentionChunkwise({ ...options, chunk: 7 }),
};

interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly T: number;
  readonly D: number;
  readonly E?: number;
}

/** Normal queries, keys and values with outliers, and the same numbers for the reference. */
function draw({ B = 1, H = 1, T, D, E = D }: Sizes, seed: string | number, outlier = 10) {
  const r = random(seed);
  const tensor = (shape: [number, number, number, number]) => {
    const values = r.normalTensor<tf.Rank.R4>(shape).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= outlier;
    return tf.tensor4d(values, shape);
  };
  const [q, k, v] = [tensor([B, H, T, D]), tensor([B, H, T, D]), tensor([B, H, T, E])];
  const data = { q: q.dataSync(), k: k.dataSync(), v: v.dataSync() };
  // 1 − 2⁻⁵ and so on, and the angles, written out: the reference must not take them from the library.
  const gammas = Array.from({ length: H }, (_, h) => 1 - 1 / (32 * 2 ** h));
  const thetas = Array.from({ length: D / 2 }, (_, i) => 1 / 10_000 ** (i / Math.max(D / 2 - 1, 1)));
  return { tensors: { q, k, v }, numbers: { B, H, T, D, E, ...data, gammas }, thetas };
}

const normed = (x: tf.Tensor4D) => headNorm({ x, epsilon });

onEveryBackend("variants/retnet", (backend) => {
  const sizes: Sizes[] = [
    { T: 1, D: 1, E: 2 },
    { T: 1, D: 60, E: 3 },
    { B: 2, H: 3, T: 63, D: 8, E: 5 },
    { H: 2, T: 65, D: 60 },
    { T: 128, D: 16 },
    { B: 2, T: 130, D: 4, E: 7 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: equals the float64 loop, turned and not, under the norm, at ${name}`, () => {
        const { tensors, numbers, thetas } = draw(size, name);
        const plain = referenceNorm(referenceRetention(numbers), epsilon);
        assertClose(normed(run(tensors)), plain, rounding, "not turned");
        if (size.D % 2 === 1) return;
        const turned = referenceNorm(referenceRetention({ ...numbers, thetas }), epsilon);
        const angles = retentionAngles(size.D);
        assertClose(normed(run({ ...tensors, angles })), turned, rounding, "turned");
      });
    }
  }

  it("before the norm, the forms equal the loop too: they share one scale", () => {
    const { tensors, numbers } = draw({ B: 2, H: 2, T: 65, D: 8, E: 5 }, "scale", 3);
    const expected = referenceRetention(numbers);
    for (const [form, run] of Object.entries(forms)) assertClose(run(tensors), expected, rounding, form);
  });

  it("normalised scores equal retention after the norm, and not before", () => {
    const { tensors, numbers, thetas } = draw({ B: 2, H: 3, T: 65, D: 8, E: 5 }, "scores");
    const options = { ...tensors, angles: retentionAngles(8) };
    const expected = referenceNorm(referenceRetention({ ...numbers, thetas }), epsilon);
    assertClose(normed(scoreNormalisedRetention(options)), expected, rounding);
    expect(() =>
      assertClose(scoreNormalisedRetention(options), retention(options), { ...rounding, tolerance: 0.1 }),
    ).to.throw("largest error");
  });

  it("normalised scores: each row over √Σ D and then over the size of its sum, or 1, as section 2.2 has it", () => {
    const [T, H] = [20, 2];
    const { tensors, numbers } = draw({ H, T, D: 4, E: 3 }, "section 2.2", 3);
    const eye = Float64Array.from({ length: H * T * T }, (_, i) => ((i % (T * T)) % (T + 1) === 0 ? 1 : 0));
    const scores = referenceRetention({ ...numbers, E: T, v: eye }).data;
    const data = new Float64Array(H * T * 3);
    const sizes: number[] = [];
    for (let hn = 0; hn < H * T; hn++) {
      const gamma = numbers.gammas[Math.floor(hn / T)]!;
      const decays = (1 - gamma ** ((hn % T) + 1)) / (1 - gamma);
      const row = scores.slice(hn * T, (hn + 1) * T).map((x) => x / Math.sqrt(decays));
      const sum = row.reduce((a, b) => a + b, 0);
      sizes.push(Math.sign(sum) * Math.max(Math.abs(sum), 1));
      for (let m = 0; m < T; m++) {
        const value = (Math.floor(hn / T) * T + m) * 3;
        for (let e = 0; e < 3; e++)
          data[hn * 3 + e]! += (row[m]! / Math.abs(sizes[hn]!)) * numbers.v[value + e]!;
      }
    }
    // All three cases stand in it: a large sum of either sign, and a small one.
    expect(sizes.some((x) => x > 1) && sizes.some((x) => x < -1)).to.equal(true);
    expect(sizes.some((x) => Math.abs(x) === 1)).to.equal(true);
    assertClose(scoreNormalisedRetention(tensors), { shape: [1, H, T, 3], data }, rounding);
  });

  it("hidden keys count nowhere, and a row that sees none is zero, in every form", () => {
    const { tensors, numbers } = draw({ B: 2, H: 2, T: 9, D: 4, E: 3 }, 1, 3);
    // In the first sequence positions 0 to 2 are hidden, so that rows 0 to 2 see nothing.
    const seen = [0, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1];
    const keyMask = tf.tensor2d(seen, [2, 9], "bool");
    const expected = referenceRetention({ ...numbers, hidden: (b, m) => seen[b * 9 + m] === 0 });
    const none = tf.zeros([2, 9], "bool") as tf.Tensor2D;
    for (const [form, run] of Object.entries(forms)) {
      assertClose(run({ ...tensors, keyMask }), expected, rounding, form);
      const blind = headNorm({ x: run({ ...tensors, keyMask: none }) });
      assertClose(blind, tf.zeros([2, 2, 9, 3]), rounding, `${form}, all keys hidden`);
    }
  });

  for (const { sentence, check } of retentionIdentities) {
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: ${sentence}`, () =>
        check(
          (q, k, v, gamma) => tf.squeeze(run({ ...fourAxes(q, k, v), decays: [gamma] }), [0, 1]),
          random(sentence),
        ));
    }
  }

  for (const { sentence, check } of chunkwiseRetentionIdentities) {
    it(`chunkwise: ${sentence}`, () =>
      check(
        (q, k, v, gamma, chunk) =>
          tf.squeeze(retentionChunkwise({ ...fourAxes(q, k, v), decays: [gamma], chunk }), [0, 1]),
        random(sentence),
      ));
  }

  for (const { sentence, check } of normedRetentionIdentities) {
    for (const [form, run] of Object.entries({ ...forms, "normalised scores": scoreNormalisedRetention })) {
      it(`${form}: ${sentence}`, () =>
        check((q, k, v) => normed(run({ q, k, v, angles: retentionAngles(6) })), random(sentence)));
    }
  }

  it("with features of the exponential and divided by its row sums, it is softmax attention with the bias (m − n) ln 1/γ", () => {
    const { q, k, v } = draw({ T: 12, D: 2, E: 3 }, 3, 1).tensors;
    // Scores of at most 2, whose thirteenth power over 13! is 10⁻⁶.
    const [small, small2] = [tf.clipByValue(q, -1.1, 1.1), tf.clipByValue(k, -1.1, 1.1)];
    const phi = taylorFeatures(12);
    const values = tf.concat([v, tf.ones([1, 1, 12, 1])], 3) as tf.Tensor4D;
    const features = { q: phi(small), k: phi(small2), v: values };
    const position = tf.range(0, 12);
    for (const gamma of [1 - 2 ** -40, 0.75]) {
      const distance = tf.sub(tf.reshape(position, [12, 1]), position);
      const bias = tf.mul(distance, Math.log(gamma));
      const softmax = attention({ q: small, k: small2, v, bias, causal: true });
      for (const [form, run] of Object.entries(forms)) {
        const sums = run({ ...features, decays: [gamma] });
        const ratio = tf.div(
          tf.slice(sums, [0, 0, 0, 0], [1, 1, 12, 3]),
          tf.slice(sums, [0, 0, 0, 3], [1, 1, 12, 1]),
        );
        assertClose(ratio, softmax, rounding, `${form}, γ = ${gamma}`);
      }
    }
  });

  it("agrees with flash-linear-attention's naive retention", () => {
    interface Vector {
      name: string;
      turned: boolean;
      sizes: { B: number; H: number; T: number; D: number; E: number };
      q: number[];
      k: number[];
      v: number[];
      out: number[];
    }
    const file = path.join(root, "test/vectors/retnet.json");
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    expect(cases.length).to.equal(4);
    for (const { name, turned, sizes, q, k, v, out } of cases) {
      const { B, H, T, D, E } = sizes;
      const tensors = {
        q: tf.tensor4d(q, [B, H, T, D]),
        k: tf.tensor4d(k, [B, H, T, D]),
        v: tf.tensor4d(v, [B, H, T, E]),
      };
      const angles = turned ? retentionAngles(D) : undefined;
      for (const [form, run] of Object.entries(forms)) {
        const expected = { shape: [B, H, T, E], data: out };
        assertClose(run({ ...tensors, angles }), expected, rounding, `${name}, ${form}`);
      }
    }
  });

  for (const [form, run] of Object.entries(forms)) {
    it(`${form}: its gradients equal the loop's finite differences`, () => {
      const { tensors, numbers, thetas } = draw({ H: 2, T: 9, D: 2, E: 3 }, 4, 3);
      const cotangent = random(5).normalTensor<tf.Rank.R4>([1, 2, 9, 3]);
      const weights = cotangent.dataSync();
      const angles = retentionAngles(2);
      const gradients = tf.grads((q, k, v) =>
        tf.sum(tf.mul(run({ q, k, v, angles } as RetentionOptions), cotangent)),
      )([tensors.q, tensors.k, tensors.v]);
      const loss = (inputs: Partial<Record<"q" | "k" | "v", ArrayLike<number>>>) =>
        referenceRetention({ ...numbers, ...inputs, thetas }).data.reduce(
          (a, y, i) => a + y * weights[i]!,
          0,
        );
      for (const [i, name] of (["q", "k", "v"] as const).entries()) {
        const values = Float64Array.from(numbers[name]);
        const slope = values.map((value, at) => {
          const shifted = (h: number) => loss({ [name]: values.with(at, value + h) });
          return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        });
        const expected: Float64 = { shape: tensors[name].shape, data: slope };
        assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
      }
    });
  }

  it("one token at a time: the state goes on where the last one stopped, turned by its position", () => {
    const { tensors, numbers, thetas } = draw({ B: 2, H: 2, T: 20, D: 4, E: 3 }, 6, 3);
    let state: tf.Tensor4D | undefined;
    const outputs: tf.Tensor4D[] = [];
    for (let position = 0; position < 20; position++) {
      const at = (x: tf.Tensor4D) => tf.slice(x, [0, 0, position, 0], [2, 2, 1, x.shape[3]]);
      const one = { q: at(tensors.q), k: at(tensors.k), v: at(tensors.v), angles: retentionAngles(4) };
      const step = retentionStep({ ...one, position, state });
      outputs.push(step.y);
      state = step.state;
    }
    assertClose(tf.concat(outputs, 2), referenceRetention({ ...numbers, thetas }), rounding);
    expect(state!.shape).to.deep.equal([2, 2, 4, 3]);
  });

  it("each form leaves exactly its output, and its inputs alone", () => {
    const { tensors } = draw({ H: 2, T: 9, D: 4 }, 7);
    const angles = retentionAngles(4);
    for (const [form, run] of Object.entries({ ...forms, scores: scoreNormalisedRetention })) {
      const before = tf.memory().numTensors;
      const out = run({ ...tensors, angles });
      expect(tf.memory().numTensors, form).to.equal(before + 1);
      out.dispose();
      expect(Object.values(tensors).some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with outliers of ±1,000 and decays from 2⁻²⁰ to 1 − 2⁻²⁰, chunkwise and recurrent equal the float64 sums", () => {
      const [T, D, E] = [16_384, 8, 4];
      const decays = [2 ** -20, 0.5, 1 - 2 ** -5, 1 - 2 ** -12, 1 - 2 ** -20];
      const { tensors } = draw({ H: decays.length, T, D, E }, 8, 1000);
      const { sums, sizes } = runningSums(tensors, decays);
      // Terms of both signs cancel, by any factor: what float32 can promise is a share of what was added up.
      const share = (data: ArrayLike<number>) => ({
        shape: sums.shape,
        data: Float64Array.from(data, (x, i) => x / sizes[i]!),
      });
      const expected = share(sums.data);
      const chunkwise = retentionChunkwise({ ...tensors, decays }).dataSync();
      assertClose(share(chunkwise), expected, rounding, "chunkwise");
      const steps = { tolerance: 2e-5, because: "16,384 roundings of 6 · 10⁻⁸ one after the other" };
      const recurrent = retentionRecurrent({ ...tensors, decays }).dataSync();
      assertClose(share(recurrent), expected, steps, "recurrent");
    });

    it("extreme decays and inputs of any size stay finite, with their gradients", () => {
      for (const [gamma, size] of [
        [1e-30, 1e6],
        [0.5, 1e-20],
        [1 - 2 ** -30, 1e6],
      ] as const) {
        const x = tf.mul(size, draw({ T: 600, D: 8 }, 9).tensors.q) as tf.Tensor4D;
        for (const [form, run] of Object.entries({ ...forms, scores: scoreNormalisedRetention })) {
          const layer = (q: tf.Tensor) =>
            headNorm({ x: run({ q: q as tf.Tensor4D, k: x, v: x, decays: [gamma] }) });
          for (const tensor of [layer(x), tf.grad(layer)(x)]) {
            const finite = tf.all(tf.isFinite(tensor)).dataSync()[0];
            expect(finite, `${form} at γ = ${gamma}, inputs of ${size}`).to.equal(1);
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
      () => retention({ ...good, k: zeros(1, 2, 5, 8) }),
      "retention: expected k of shape [B, H, T, D] with T = 3 (from q), got [1, 2, 5, 8]",
    );
    for (const gamma of [0, 1, 1.5, -0.5, Number.NaN]) {
      says(
        () => retentionRecurrent({ ...good, decays: [0.5, gamma] }),
        `retentionRecurrent: expected decays between 0 and 1, both excluded, got ${gamma}`,
      );
    }
    says(
      () => retentionChunkwise({ ...good, decays: [0.5] }),
      "retentionChunkwise: expected as many decays as heads (2), got [0.5]",
    );
    says(() => retention({ ...good, angles: [1] }), "rotate: expected D / 2 = 4 angles for D = 8, got 1");
    says(() => retentionAngles(5), "retentionAngles: expected an even width D, got 5");
    says(() => retentionDecays(0), "retentionDecays: expected a positive number of heads, got 0");
    says(
      () => retention({ ...good, keyMask: tf.zeros([1, 3]) as tf.Tensor2D }),
      "retention: expected a boolean keyMask (true = seen), got dtype float32",
    );
    says(() => headNorm({ x: good.q, epsilon: 0 }), "headNorm: expected an epsilon above 0, got 0");
    for (const chunk of [0, 2.5]) {
      says(
        () => retentionChunkwise({ ...good, chunk }),
        `splitChunks: expected a chunk of 1 or more positions, got ${chunk}`,
      );
    }
    says(() => retentionStep(good), "retentionStep: expected one position, got 3");
    const one = { q: zeros(1, 2, 1, 8), k: zeros(1, 2, 1, 8), v: zeros(1, 2, 1, 6) };
    says(
      () => retentionStep({ ...one, state: zeros(1, 2, 8, 8) }),
      "retentionStep: expected state of shape [B, H, D, E] with E = 6 (from v), got [1, 2, 8, 8]",
    );
  });
});

describe("variants/retnet: constants and costs", () => {
  before(() => useBackend());

  it("decays and angles are the authors'", () => {
    expect(retentionDecays(3)).to.deep.equal([31 / 32, 63 / 64, 127 / 128]);
    const angles = retentionAngles(6);
    assertClose({ shape: [3], data: angles }, { shape: [3], data: [1, 0.01, 0.0001] }, rounding);
    expect(retentionAngles(2)).to.deep.equal([1]);
    const D = decayMatrix([0.5, 0.25], 3);
    const expected = [1, 0, 0, 0.5, 1, 0, 0.25, 0.5, 1, 1, 0, 0, 0.25, 1, 0, 0.0625, 0.25, 1];
    assertClose(D, { shape: [2, 3, 3], data: expected }, { tolerance: 0, because: "powers of two" });
  });

  it("operations and peak bytes of the chunkwise form grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("retnet");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    const angles = retentionAngles(64);
    const { flops, peakBytes } = await growth(powersOfTwo(8, 14), selfSequences, (x) =>
      retentionChunkwise({ ...x, angles }),
    );
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("so do those of the recurrent form, to T = 2¹¹; the parallel one is square", async () => {
    const recurrent = await growth(powersOfTwo(8, 11), selfSequences, retentionRecurrent);
    const parallel = await growth(powersOfTwo(9, 12), selfSequences, retention);
    expect(recurrent.flops, "recurrent, operations").to.be.closeTo(1, 0.05);
    expect(recurrent.peakBytes, "recurrent, peak bytes").to.be.closeTo(1, 0.05);
    expect(parallel.flops, "parallel, operations").to.be.closeTo(2, 0.05);
    // Queries, keys and values, 64 numbers for each position, still show at 2⁹.
    expect(parallel.peakBytes, "parallel, peak bytes").to.be.within(1.9, 2);
  });

  it("a step takes the same operations and bytes after 10 tokens and after 1,000", async () => {
    const one = () => random(1).normalTensor<tf.Rank.R4>([1, 2, 1, 16]);
    const state = random(2).normalTensor<tf.Rank.R4>([1, 2, 16, 16]);
    const costAt = async (position: number) => {
      const { flops, peakBytes } = await count(() =>
        retentionStep({ q: one(), k: one(), v: one(), state, position, angles: retentionAngles(16) }),
      );
      return { flops, peakBytes };
    };
    expect(await costAt(1000)).to.deep.equal(await costAt(10));
  });
});

function fourAxes(...matrices: [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]) {
  const [q, k, v] = matrices.map((x) => tf.reshape(x, [1, 1, ...x.shape]) as tf.Tensor4D);
  return { q: q!, k: k!, v: v! };
}

/** The recurrence in float64, for lengths at which the double loop would take minutes; `sizes` sums absolute values. */
function runningSums(
  { q, k, v }: { q: tf.Tensor4D; k: tf.Tensor4D; v: tf.Tensor4D },
  gammas: readonly number[],
): { sums: Float64; sizes: Float64Array } {
  const [, H, T, D] = q.shape;
  const E = v.shape[3];
  const [Q, K, V] = [q.dataSync(), k.dataSync(), v.dataSync()];
  const [data, sizes] = [new Float64Array(H * T * E), new Float64Array(H * T * E)];
  for (let h = 0; h < H; h++) {
    const [S, A] = [new Float64Array(D * E), new Float64Array(D * E)];
    for (let n = h * T; n < (h + 1) * T; n++) {
      for (let i = 0; i < D * E; i++) {
        const [d, e] = [Math.floor(i / E), i % E];
        const product = K[n * D + d]! * V[n * E + e]!;
        S[i] = gammas[h]! * S[i]! + product;
        A[i] = gammas[h]! * A[i]! + Math.abs(product);
        data[n * E + e]! += (Q[n * D + d]! * S[i]!) / Math.sqrt(D);
        sizes[n * E + e]! += (Math.abs(Q[n * D + d]!) * A[i]!) / Math.sqrt(D);
      }
    }
  }
  return { sums: { shape: [1, H, T, E], data }, sizes };
}
