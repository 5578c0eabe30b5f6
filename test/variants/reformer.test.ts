import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { catalog } from "workbook/catalog";
import { finiteDifferences } from "workbook/grading/gradient";
import { type LshRound, lshIdentities, lshRoundIdentities } from "workbook/identities/reformer";
import { count } from "workbook/measure/count";
import { fitExponent } from "workbook/measure/fit";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  type LshAttentionOptions,
  lshAttention,
  lshAttentionDense,
  reformer,
  sharedAttention,
} from "workbook/variants/reformer";
import {
  bucketFactors,
  hashBuckets,
  rotations,
  sharingProbability,
  sortByBucket,
} from "workbook/variants/reformer-hash";
import { onEveryBackend } from "../backends.js";
import { referenceAttention } from "../reference/attention.js";

const forms = { lshAttention, lshAttentionDense };
const rounding = { tolerance: 2e-5, because: "float32 scores up to 100, exponentiated" };
const vectors = { tolerance: 1e-5, because: "float32 against float64, at widths up to 6" };

interface Case {
  readonly B?: number;
  readonly H?: number;
  readonly T: number;
  readonly D: number;
  readonly E?: number;
  readonly chunk: number;
  readonly rounds: number;
  /** Different buckets. */
  readonly kinds: number;
  readonly causal?: boolean;
}

/** Normal numbers with outliers, and random buckets. */
function draw({ B = 1, H = 1, T, D, E = D, chunk, rounds, kinds, causal }: Case, seed: string | number) {
  const r = random(seed);
  const tensor = (width: number): tf.Tensor4D => {
    const values = r.normalTensor<tf.Rank.R4>([B, H, T, width]).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= 10;
    return tf.tensor4d(values, [B, H, T, width]);
  };
  const numbers = Array.from({ length: B * H * rounds * T }, () => r.integer(kinds));
  const buckets = tf.tensor4d(numbers, [B, H, rounds, T], "int32");
  return { qk: tensor(D), v: tensor(E), buckets, chunk, causal } satisfies LshAttentionOptions;
}

/** The definition, from the float64 loop of test/reference: one softmax over the union of all rounds' pairs. */
function reference({ qk, v, buckets, chunk, causal = false }: LshAttentionOptions) {
  const [B, H, T, D] = qk.shape;
  const [R, E] = [buckets.shape[2], v.shape[3]];
  const [Q, kinds] = [qk.dataSync(), buckets.dataSync()];
  const K = Float64Array.from(Q);
  for (let row = 0; row < B * H * T; row++) {
    const own = K.subarray(row * D, (row + 1) * D);
    const length = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0));
    own.forEach((x, d) => {
      own[d] = x / length;
    });
  }
  const bucket = (b: number, h: number, r: number, t: number) => kinds[((b * H + h) * R + r) * T + t]!;
  const chunkOf = (b: number, h: number, r: number, t: number) => {
    let place = 0;
    for (let s = 0; s < T; s++) {
      const [other, own] = [bucket(b, h, r, s), bucket(b, h, r, t)];
      if (other < own || (other === own && s < t)) place++;
    }
    return Math.floor(place / chunk);
  };
  const known = new Map<string, boolean[][]>();
  const meets = (b: number, h: number) => {
    const key = `${b} ${h}`;
    const found =
      known.get(key) ??
      Array.from({ length: T }, (_, i) => {
        const row = new Array<boolean>(T).fill(false);
        for (let r = 0; r < R; r++) {
          for (let j = 0; j < T; j++) {
            const apart =
              bucket(b, h, r, i) === bucket(b, h, r, j) ? chunkOf(b, h, r, i) - chunkOf(b, h, r, j) : 2;
            if ((apart === 0 || apart === 1) && j !== i && (!causal || j < i)) row[j] = true;
          }
        }
        return row;
      });
    known.set(key, found);
    return found;
  };
  const sees = (b: number, h: number, i: number, j: number) => {
    const row = meets(b, h)[i]!;
    return i === j ? !row.includes(true) : row[j]!;
  };
  return referenceAttention({ B, H, G: H, T, S: T, D, E, q: Q, k: K, v: v.dataSync(), scale: 1, sees });
}

onEveryBackend("variants/reformer", () => {
  for (const [name, form] of Object.entries(forms)) {
    const oneRound: LshRound = (qk, v, buckets, chunk) => {
      const [T] = qk.shape;
      const four = (x: tf.Tensor) => tf.reshape(x, [1, 1, T, -1]) as tf.Tensor4D;
      const options = { qk: four(qk), v: four(v), buckets: tf.reshape(buckets, [1, 1, 1, T]) as tf.Tensor4D };
      return tf.squeeze(form({ ...options, chunk, causal: true }), [0, 1]);
    };
    for (const { sentence, check } of lshRoundIdentities) {
      it(`${name}, one round: ${sentence}`, () => check(oneRound, random(sentence)));
    }
    for (const { sentence, check } of lshIdentities) {
      it(`${name}: ${sentence}`, () => check(form, random(sentence)));
    }
  }

  it("gradients of both inputs equal finite differences", async () => {
    const options = draw({ T: 7, D: 3, chunk: 2, rounds: 2, kinds: 2, causal: true }, 1);
    const mask = tf.tensor2d([[1, 1, 1, 1, 1, 0, 1]], [1, 7], "bool");
    const direction = random(2).normalTensor<tf.Rank.R4>([1, 1, 7, 3]);
    const inputs = [options.qk, options.v].map((x) => tf.clipByValue(x, -2, 2));
    for (const form of Object.values(forms)) {
      const value = (at: readonly tf.Tensor[]): tf.Scalar => {
        const [qk, v] = at as tf.Tensor4D[];
        return tf.sum(tf.mul(direction, form({ ...options, qk: qk!, v: v!, mask })));
      };
      const gradients = tf.grads((...at: tf.Tensor[]) => value(at))(inputs);
      for (const [n, gradient] of gradients.entries()) {
        const along = (x: tf.Tensor) =>
          tf.tidy(() => value(inputs.map((input, m) => (m === n ? x : input))).dataSync()[0]!);
        const expected = await finiteDifferences(along, inputs[n]!);
        const rough = { tolerance: 2e-3, because: "five-point differences of float32 sums" };
        assertClose(gradient, expected, rough, `input ${n}`);
      }
    }
  });

  it("a gradient flows through reformer, which hashes what it differentiates", () => {
    const { qk, v } = draw({ T: 12, D: 4, chunk: 4, rounds: 2, kinds: 1 }, 3);
    const buckets = hashBuckets({ x: qk, rotations: rotations({ D: 4, factors: [4], rounds: 2, seed: 5 }) });
    const gradientOf = (f: (qk: tf.Tensor4D) => tf.Tensor4D) => tf.grad((x) => f(x as tf.Tensor4D))(qk);
    assertClose(
      gradientOf((qk) => reformer({ qk, v, chunk: 4, rounds: 2, factors: [4], seed: 5 })),
      gradientOf((qk) => lshAttentionDense({ qk, v, buckets, chunk: 4 })),
      vectors,
    );
  });

  it("sorting keeps equal buckets in the order of time, and place undoes order", () => {
    const { order, sorted, place } = sortByBucket(
      tf.tensor2d(
        [
          [2, 0, 2, 1, 0],
          [1, 1, 1, 0, 0],
        ],
        [2, 5],
        "int32",
      ),
    );
    expect(order.arraySync()).to.deep.equal([
      [1, 4, 3, 0, 2],
      [3, 4, 0, 1, 2],
    ]);
    expect(sorted.arraySync()).to.deep.equal([
      [0, 0, 1, 2, 2],
      [0, 0, 1, 1, 1],
    ]);
    expect(place.arraySync()).to.deep.equal([
      [3, 0, 4, 2, 1],
      [7, 8, 9, 5, 6],
    ]);
  });
});

describe("variants/reformer", () => {
  before(() => useBackend());

  const cases: Case[] = [
    { T: 1, D: 60, chunk: 4, rounds: 2, kinds: 3 },
    { T: 63, D: 60, chunk: 8, rounds: 1, kinds: 6, H: 2 },
    { T: 63, D: 60, chunk: 64, rounds: 2, kinds: 2, causal: true },
    { T: 65, D: 60, chunk: 16, rounds: 4, kinds: 8 },
    { T: 65, D: 60, chunk: 7, rounds: 3, kinds: 5, causal: true, B: 2 },
    { T: 130, D: 60, E: 8, chunk: 16, rounds: 2, kinds: 16, causal: true, H: 2 },
    { T: 130, D: 60, chunk: 1, rounds: 2, kinds: 4 },
    { T: 64, D: 32, chunk: 16, rounds: 8, kinds: 8, B: 2, H: 2 },
  ];
  for (const [n, one] of cases.entries()) {
    const text = Object.entries(one).map(([key, value]) => `${key} = ${value}`);
    it(`both forms equal a float64 loop, outliers included: ${text.join(", ")}`, () => {
      const options = draw(one, `case ${n}`);
      const expected = reference(options);
      for (const [name, form] of Object.entries(forms)) assertClose(form(options), expected, rounding, name);
    });
  }

  it("equals transformers' LSHSelfAttention and PyTorch under the union of rounds on kept vectors", () => {
    const file = readVectors();
    expect([file.attentions.length, file.hashes.length, file.unions.length]).to.deep.equal([5, 2, 2]);
    for (const { name, sizes, chunk, rounds, causal, lengths, buckets, x, wqk, wv, out } of file.attentions) {
      const { B, T, C, H } = sizes;
      const heads = (w: number[]) => {
        const projected = tf.matMul(tf.tensor2d(x, [B * T, C]), tf.tensor2d(w, [C, C]));
        return tf.transpose(tf.reshape(projected, [B, T, H, C / H]), [0, 2, 1, 3]) as tf.Tensor4D;
      };
      const present = lengths.map((length) => Array.from({ length: T }, (_, t) => t < length));
      const mask = tf.tensor2d(present, [B, T], "bool");
      const options = { qk: heads(wqk), v: heads(wv), causal, mask };
      const actual =
        buckets.length === 0
          ? [sharedAttention(options), reformer({ ...options, chunk })]
          : Object.values(forms).map((form) =>
              form({ ...options, chunk, buckets: tf.tensor4d(buckets, [B, H, rounds, T], "int32") }),
            );
      // What transformers gives for padding itself depends on how it masks; here it is zero.
      const shown = tf.reshape(tf.cast(mask, "float32"), [B, T, 1]);
      const expected = tf.mul(tf.tensor3d(out, [B, T, C]), shown);
      for (const one of actual) {
        assertClose(tf.reshape(tf.transpose(one, [0, 2, 1, 3]), [B, T, C]), expected, vectors, name);
      }
    }
    for (const { name, sizes, chunk, rounds, causal, buckets, qk, v, out } of file.unions) {
      const { T, D } = sizes;
      const tensor = (data: number[]) => tf.tensor4d(data, [1, 1, T, D]);
      const options = { qk: tensor(qk), v: tensor(v), causal, chunk };
      for (const form of Object.values(forms)) {
        const actual = form({ ...options, buckets: tf.tensor4d(buckets, [1, 1, rounds, T], "int32") });
        assertClose(actual, { shape: [1, 1, T, D], data: out }, vectors, name);
      }
    }
  });

  it("hashes as transformers does, with the same rotations", () => {
    for (const { sizes, rounds, factors, x, rotations, buckets } of readVectors().hashes) {
      const { B, H, T, D } = sizes;
      const given = rotations.map((data, n) => tf.tensor3d(data, [D, rounds, factors[n]! / 2]));
      const actual = hashBuckets({ x: tf.tensor4d(x, [B, H, T, D]), rotations: given });
      expect(actual.shape).to.deep.equal([B, H, rounds, T]);
      expect([...actual.dataSync()]).to.deep.equal(buckets);
    }
  });

  it("the share of common buckets is the derived probability, and does not change with length", () => {
    const [n, D] = [4000, 24];
    for (const angle of [0.3, 1, 2, Math.PI]) {
      const r = random(`angle ${angle}`);
      const data: number[] = [];
      for (const length of [1, 7]) {
        data.push(length, ...new Array<number>(D - 1).fill(0));
        data.push(Math.cos(angle), Math.sin(angle), ...new Array<number>(D - 2).fill(0));
      }
      const x = tf.tensor4d(data, [1, 1, 4, D]);
      for (const factors of [[2], [4], [4, 2]]) {
        const given = factors.map((f) => r.normalTensor<tf.Rank.R3>([D, n, f / 2]));
        const buckets = hashBuckets({ x, rotations: given }).arraySync()[0]![0]!;
        const same = buckets.filter(([a, b]) => a === b).length / n;
        const p = sharingProbability({ angle, factors });
        const spread = Math.sqrt((p * (1 - p)) / n);
        expect(Math.abs(same - p), `angle ${angle}, factors ${factors}`).to.be.at.most(4.5 * spread + 1e-9);
        expect(buckets.every(([a, b, c, d]) => a === c && b === d)).to.equal(true);
      }
    }
    expect(sharingProbability({ angle: Math.PI / 2, factors: [4], rounds: 2 })).to.equal(1 - 0.75 ** 2);
  });

  it("reformer of one chunk is full attention with shared queries and keys, of two chunks it is LSH attention", () => {
    const { qk, v } = draw({ T: 16, D: 8, chunk: 16, rounds: 1, kinds: 1 }, 7);
    assertClose(
      reformer({ qk, v, chunk: 16, causal: true }),
      sharedAttention({ qk, v, causal: true }),
      vectors,
    );
    const rotation = rotations({ D: 8, factors: bucketFactors({ T: 16, chunk: 8 }), rounds: 2, seed: "s" });
    const buckets = hashBuckets({ x: qk, rotations: rotation });
    assertClose(
      reformer({ qk, v, chunk: 8, rounds: 2, seed: "s" }),
      lshAttentionDense({ qk, v, buckets, chunk: 8 }),
      vectors,
    );
  });

  it("stays finite and equal at T = 16,384 with inputs in the hundreds", () => {
    const T = 16_384;
    const r = random(3);
    const qk = r.normalTensor<tf.Rank.R4>([1, 1, T, 8], 300);
    const v = r.normalTensor<tf.Rank.R4>([1, 1, T, 4], 300);
    const out = reformer({ qk, v, chunk: 32, rounds: 2, causal: true });
    expect(tf.all(tf.isFinite(out)).dataSync()[0]).to.equal(1);
    const buckets = hashBuckets({
      x: qk,
      rotations: rotations({ D: 8, factors: bucketFactors({ T, chunk: 32 }), rounds: 2, seed: 0 }),
    });
    const [kinds, Q, V, O] = [buckets, qk, v, out].map((x) => x.dataSync()) as ArrayLike<number>[];
    const places = [0, 1].map((round) => {
      const order = Array.from({ length: T }, (_, t) => t).sort(
        (a, b) => kinds![round * T + a]! - kinds![round * T + b]! || a - b,
      );
      const place = new Array<number>(T);
      order.forEach((t, n) => {
        place[t] = n;
      });
      return place;
    });
    for (const i of [0, 1, 777, 9000, T - 1]) {
      const seen: { score: number; j: number }[] = [];
      for (let j = 0; j < i; j++) {
        const meets = places.some((place, round) => {
          const apart = Math.floor(place[i]! / 32) - Math.floor(place[j]! / 32);
          return kinds![round * T + i] === kinds![round * T + j] && (apart === 0 || apart === 1);
        });
        if (!meets) continue;
        let [dot, square] = [0, 0];
        for (let d = 0; d < 8; d++) {
          dot += Q![i * 8 + d]! * Q![j * 8 + d]!;
          square += Q![j * 8 + d]! ** 2;
        }
        seen.push({ score: dot / Math.sqrt(square), j });
      }
      if (seen.length === 0) seen.push({ score: 0, j: i });
      const largest = Math.max(...seen.map(({ score }) => score));
      const powers = seen.map(({ score }) => Math.exp(score - largest));
      const total = powers.reduce((a, b) => a + b, 0);
      const row = [0, 1, 2, 3].map((e) =>
        seen.reduce((sum, { j }, n) => sum + (powers[n]! / total) * V![j * 4 + e]!, 0),
      );
      const extreme = { tolerance: 1e-3, because: "float32 scores up to 2,000, exponentiated" };
      assertClose(
        { shape: [4], data: Array.from(O!).slice(i * 4, i * 4 + 4) },
        { shape: [4], data: row },
        extreme,
        `row ${i}`,
      );
    }
  });

  it("operations and memory grow as the catalog says from 2⁸ to 2¹⁴: products like n, hashing and sorting like n log n", async () => {
    const row = catalog.find(({ slug }) => slug === "reformer")!;
    expect([row.time, row.memory]).to.deep.equal(["n log n", "n"]);
    const sizes = [8, 9, 10, 11, 12, 13, 14].map((power) => 2 ** power);
    const [whole, search]: { flops: number; peakBytes: number }[][] = [[], []] as never;
    for (const T of sizes) {
      const { qk, v } = draw({ T, D: 16, chunk: 16, rounds: 1, kinds: 1 }, T);
      const { flops, peakBytes, kernels, uncounted } = await count(() =>
        reformer({ qk, v, chunk: 16, rounds: 2 }),
      );
      expect(uncounted).to.deep.equal([]);
      whole!.push({ flops, peakBytes });
      const largest = Math.max(...kernels.map(({ outputBytes, calls }) => outputBytes / calls));
      if (T >= 1024) expect(largest).to.be.below(4 * T * T);
      // The same buckets sorted, apart from attention. Nine factors of 2 cost one direction each: log T of them.
      search!.push(
        await count(() => {
          const factors = new Array<number>(Math.log2((2 * T) / 16)).fill(2);
          const buckets = hashBuckets({
            x: qk,
            rotations: rotations({ D: 16, factors, rounds: 2, seed: 1 }),
          });
          return sortByBucket(tf.reshape(buckets, [2, T]));
        }),
      );
      tf.dispose([qk, v]);
    }
    const exponent = (counts: readonly number[]) => fitExponent(sizes, counts).exponent;
    expect(exponent(whole!.map(({ peakBytes }) => peakBytes)), "memory").to.be.closeTo(1, 0.05);
    const nLogN = exponent(sizes.map((T) => T * Math.log2(T)));
    expect(exponent(search!.map(({ flops }) => flops)), "hashing and sorting").to.be.closeTo(nLogN, 0.05);
    const total = exponent(whole!.map(({ flops }) => flops));
    expect(total, "operations").to.be.within(0.95, nLogN + 0.05);
  });

  it("bucketFactors makes about 2 T / chunk buckets, of small even factors", () => {
    expect(bucketFactors({ T: 4096, chunk: 64 })).to.deep.equal([8, 16]);
    for (const T of [3, 64, 100, 5000, 2 ** 17]) {
      const factors = bucketFactors({ T, chunk: 64 });
      const b = factors.reduce((x, y) => x * y);
      expect(b).to.be.at.least(2);
      if (T >= 64) expect(b).to.be.within(T / 64, (2 * T) / 64);
      expect(Math.max(...factors)).to.be.at.most(32);
    }
  });

  it("where nobody is present, rows and gradients are zero", () => {
    const options = draw({ T: 20, D: 4, chunk: 8, rounds: 2, kinds: 3 }, 4);
    const mask = tf.zeros([1, 20], "bool") as tf.Tensor2D;
    for (const form of [...Object.values(forms), sharedAttention]) {
      const gradient = tf.grad((qk) => form({ ...options, qk: qk as tf.Tensor4D, mask }))(options.qk);
      for (const zero of [form({ ...options, mask }), gradient]) {
        assertClose(zero, tf.zeros(options.qk.shape), { tolerance: 0, because: "products with zero" });
      }
    }
  });

  it("a vector of zeros, as query and as key, gives finite rows and gradients", () => {
    const options = draw({ T: 8, D: 4, chunk: 4, rounds: 1, kinds: 1 }, 5);
    for (const form of Object.values(forms)) {
      const qk = tf.zeros<tf.Rank.R4>([1, 1, 8, 4]);
      for (const x of [
        form({ ...options, qk }),
        tf.grad((qk) => form({ ...options, qk: qk as tf.Tensor4D }))(qk),
      ]) {
        expect(tf.all(tf.isFinite(x)).dataSync()[0]).to.equal(1);
      }
    }
  });

  it("leaves exactly its output", () => {
    const { qk, v } = draw({ T: 40, D: 4, chunk: 8, rounds: 2, kinds: 1 }, 7);
    const before = tf.memory().numTensors;
    const out = reformer({ qk, v, chunk: 8, rounds: 2 });
    expect(tf.memory().numTensors).to.equal(before + 1);
    expect(out.shape).to.deep.equal([1, 1, 40, 4]);
  });

  it("refuses odd buckets, no round, an empty chunk, and buckets that are no integers, by name", () => {
    const options = draw({ T: 12, D: 2, chunk: 4, rounds: 1, kinds: 2 }, 1);
    const { qk, v } = options;
    expect(() => reformer({ qk, v, chunk: 4, factors: [7] })).to.throw(
      RangeError,
      "rotations: expected even numbers of buckets, at least 2 (a direction and its opposite), got [7]",
    );
    expect(() => reformer({ qk, v, chunk: 4, factors: [] })).to.throw("got []");
    expect(() => reformer({ qk, v, chunk: 4, rounds: 0 })).to.throw(
      RangeError,
      "rotations: expected one or more hashing rounds, got 0",
    );
    expect(() => reformer({ qk, v, chunk: 0 })).to.throw(
      RangeError,
      "reformer: expected a chunk of one or more positions, got 0",
    );
    for (const [name, form] of Object.entries(forms)) {
      expect(() => form({ ...options, chunk: 1.5 })).to.throw(
        `${name}: expected a chunk of one or more positions, got 1.5`,
      );
      expect(() => form({ ...options, buckets: tf.cast(options.buckets, "float32") })).to.throw(
        `${name}: expected int32 buckets, got dtype float32`,
      );
    }
    expect(() => sharingProbability({ angle: 1, factors: [8] })).to.throw(
      "sharingProbability: expected factors 2 or 4, which have a closed form, got [8]",
    );
  });
});

interface Vectors {
  readonly attentions: readonly {
    readonly name: string;
    readonly sizes: { readonly B: number; readonly T: number; readonly C: number; readonly H: number };
    readonly chunk: number;
    readonly rounds: number;
    readonly causal: boolean;
    readonly lengths: number[];
    readonly buckets: number[];
    readonly x: number[];
    readonly wqk: number[];
    readonly wv: number[];
    readonly out: number[];
  }[];
  readonly hashes: readonly {
    readonly sizes: { readonly B: number; readonly H: number; readonly T: number; readonly D: number };
    readonly rounds: number;
    readonly factors: number[];
    readonly x: number[];
    readonly rotations: number[][];
    readonly buckets: number[];
  }[];
  readonly unions: readonly {
    readonly name: string;
    readonly sizes: { readonly T: number; readonly D: number };
    readonly chunk: number;
    readonly rounds: number;
    readonly causal: boolean;
    readonly buckets: number[];
    readonly qk: number[];
    readonly v: number[];
    readonly out: number[];
  }[];
}

function readVectors(): Vectors {
  return JSON.parse(readFileSync(path.join(root, "test/vectors/reformer.json"), "utf8")) as Vectors;
}
