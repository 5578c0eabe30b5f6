import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import type { BackendName } from "workbook/backend";
import { hasKernel, PACKED, type Rung } from "workbook/kernels/fused";
import {
  offsetsOf,
  type PackedAttentionOptions,
  pack,
  packedAttention,
  unpack,
} from "workbook/packed-attention";
import { random } from "workbook/random";
import { referenceAttention, referenceAttentionGradient } from "../reference/attention.js";
import { finiteDifferences } from "../reference/finite-differences.js";
import { onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };
const ofGradients = {
  tolerance: 2e-4,
  because: "outliers lift scores to 130, whose float32 leaves 8e-6 in a weight; values and keys reach 30",
};
const exact = { tolerance: 0, because: "rows are moved, not computed" };

interface Sizes {
  readonly H?: number;
  readonly G?: number;
  readonly D: number;
  readonly E?: number;
  readonly lengths: readonly number[];
}

/** Normal numbers, every 97th ten times as large. */
function draw({ H = 1, G = H, D, E = D, lengths }: Sizes, seed: number) {
  const N = offsetsOf(lengths).at(-1)!;
  const r = random(seed);
  const numbers = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => r.normal() * (i % 97 === 0 ? 10 : 1));
  const data = { q: numbers(N * H * D), k: numbers(N * G * D), v: numbers(N * G * E) };
  const tensors = {
    q: tf.tensor3d(data.q, [N, H, D]),
    k: tf.tensor3d(data.k, [N, G, D]),
    v: tf.tensor3d(data.v, [N, G, E]),
    lengths,
  };
  return { tensors, data, sizes: { N, H, G, D, E } };
}

/** [rows, columns, width] → [columns, rows, width] */
function turned(x: ArrayLike<number>, rows: number, columns: number, width: number): Float64Array {
  return Float64Array.from({ length: rows * columns * width }, (_, i) => {
    const [c, r, d] = [Math.floor(i / (rows * width)), Math.floor(i / width) % rows, i % width];
    return x[(r * columns + c) * width + d]!;
  });
}

type Numbers = Record<"q" | "k" | "v", ArrayLike<number>>;

/** All N tokens as one text, of which each token sees its own text alone. */
function asOneText(
  { N, H, G, D, E }: ReturnType<typeof draw>["sizes"],
  { q, k, v }: Numbers,
  lengths: readonly number[],
  causal: boolean,
) {
  const text = lengths.flatMap((length, b) => Array<number>(length).fill(b));
  return {
    ...{ B: 1, H, G, T: N, S: N, D, E },
    q: turned(q, N, H, D),
    k: turned(k, N, G, D),
    v: turned(v, N, G, E),
    sees: (_b: number, _h: number, t: number, s: number) => text[t] === text[s] && (!causal || s <= t),
  };
}

/** The float64 loop. */
function reference(...[sizes, data, lengths, causal]: Parameters<typeof asOneText>) {
  const { N, H, E } = sizes;
  const out = referenceAttention(asOneText(sizes, data, lengths, causal));
  return { shape: [N, H, E], data: turned(out.data, H, N, E) };
}

const rungsOf = (backend: BackendName): readonly (Rung | undefined)[] =>
  backend === "webgpu" ? ["plain", "tiled", "subgroup"] : [undefined];

onGpuToo("packed attention", (backend) => {
  it("is one kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(PACKED)).to.equal(backend === "webgpu");
  });

  for (const rung of rungsOf(backend)) {
    const name = rung ?? "composed";
    for (const D of [16, 60, 64, 128]) {
      it(`${name}: texts of 1, 0, 63, 65 and 130 tokens equal a float64 loop at D = ${D}`, async () => {
        const lengths = [1, 0, 63, 65, 130];
        for (const causal of D === 60 ? [false, true] : [D === 64]) {
          const { tensors, data, sizes } = draw({ H: 4, G: 2, D, lengths }, D);
          const out = packedAttention({ ...tensors, causal, rung });
          const expected = reference(sizes, data, lengths, causal);
          assertClose(await read(out), expected, rounding, `causal: ${causal}`);
        }
      });
    }

    it(`${name}: so does one of 1,024 tokens before a short one`, async () => {
      const lengths = [1024, 3];
      const { tensors, data, sizes } = draw({ D: 16, lengths }, 1);
      const out = packedAttention({ ...tensors, rung });
      assertClose(await read(out), reference(sizes, data, lengths, false), rounding);
    });

    for (const causal of [false, true]) {
      it(`${name}: gradients of q, k and v equal the float64 loop's finite differences, causal: ${causal}`, async () => {
        const lengths = [1, 4, 0, 3];
        const { tensors, data, sizes } = draw({ H: 4, G: 2, D: 4, E: 8, lengths }, 3);
        const cotangent = random(5).normalTensor<tf.Rank.R3>([8, 4, 8]);
        const weights = await cotangent.data();
        const gradients = tf.grads((q, k, v) =>
          tf.sum(
            tf.mul(packedAttention({ q, k, v, lengths, causal, rung } as PackedAttentionOptions), cotangent),
          ),
        )([tensors.q, tensors.k, tensors.v]);
        for (const [i, name] of (["q", "k", "v"] as const).entries()) {
          const slopes = finiteDifferences(
            (values) =>
              reference(sizes, { ...data, [name]: values }, lengths, causal).data.reduce(
                (sum, y, at) => sum + y * weights[at]!,
                0,
              ),
            data[name],
          );
          const expected = { shape: tensors[name].shape, data: slopes };
          assertClose(await read(gradients[i]!), expected, rounding, `gradient of ${name}`);
        }
      });
    }
  }

  for (const rung of rungsOf(backend)) {
    for (const [causal, D] of [
      [false, 60],
      [true, 64],
    ] as const) {
      it(`${rung ?? "composed"}: gradients over texts of 1, 0, 63, 2, 65 and 10 tokens equal float64 loops, causal: ${causal}`, async () => {
        const lengths = [1, 0, 63, 2, 65, 10];
        const { tensors, data, sizes } = draw({ H: 4, G: 2, D, E: 32, lengths }, D);
        const { N, H, G, E } = sizes;
        const cotangent = random(5).normalTensor<tf.Rank.R3>([N, H, E]);
        const gradients = tf.grads((q, k, v) =>
          tf.sum(
            tf.mul(packedAttention({ q, k, v, lengths, causal, rung } as PackedAttentionOptions), cotangent),
          ),
        )([tensors.q, tensors.k, tensors.v]);
        const dOut = turned(await cotangent.data(), N, H, E);
        const expected = referenceAttentionGradient({ ...asOneText(sizes, data, lengths, causal), dOut });
        for (const [i, name] of (["q", "k", "v"] as const).entries()) {
          const [heads, width] = name === "q" ? [H, D] : [G, name === "k" ? D : E];
          const all = { shape: [N, heads, width], data: turned(expected[name].data, heads, N, width) };
          assertClose(await read(gradients[i]!), all, ofGradients, `gradient of ${name}`);
        }
      });
    }
  }

  it("what is packed, attended to and unpacked equals what is padded and masked", async () => {
    const [lengths, T, H, D] = [[5, 0, 9, 1], 9, 2, 8];
    const r = random(7);
    const [x, y, z] = [0, 1, 2].map(() => r.normalTensor<tf.Rank.R3>([4, T, H * D])) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const rows = (x: tf.Tensor3D) => tf.reshape(pack({ x, lengths }), [-1, H, D]) as tf.Tensor3D;
    const packed = packedAttention({ q: rows(x), k: rows(y), v: rows(z), lengths });
    const result = unpack({ x: tf.reshape(packed, [-1, H * D]), lengths, T });
    const heads = (x: tf.Tensor3D): tf.Tensor4D => tf.transpose(tf.reshape(x, [4, T, H, D]), [0, 2, 1, 3]);
    const inside = tf.less(tf.range(0, T), tf.tensor2d(lengths, [4, 1])); // [4, T]
    const mask = tf.logicalAnd(tf.reshape(inside, [4, 1, T, 1]), tf.reshape(inside, [4, 1, 1, T]));
    const padded = attention({ q: heads(x), k: heads(y), v: heads(z), mask });
    const expected = tf.reshape(tf.transpose(padded, [0, 2, 1, 3]), [4, T, H * D]);
    assertClose(await read(result), await read(expected), rounding);
  });

  it("unpacking undoes packing, and fills with zeros; each moves the other's gradient", async () => {
    const lengths = [2, 0, 3];
    const x = random(1).normalTensor<tf.Rank.R3>([3, 4, 2]);
    const dense = pack({ x, lengths });
    const there = await read(unpack({ x: dense, lengths, T: 4 }));
    const kept = Float64Array.from(await x.data(), (value, i) =>
      Math.floor(i / 2) % 4 < lengths[Math.floor(i / 8)]! ? value : 0,
    );
    assertClose(there, { shape: [3, 4, 2], data: kept }, exact);
    assertClose(
      await read(pack({ x: unpack({ x: dense, lengths, T: 4 }), lengths })),
      await read(dense),
      exact,
    );
    const weights = random(2).normalTensor<tf.Rank.R2>([5, 2]);
    const ofPack = tf.grad((x) => tf.sum(tf.mul(pack({ x: x as tf.Tensor3D, lengths }), weights)))(x);
    assertClose(await read(ofPack), await read(unpack({ x: weights, lengths, T: 4 })), exact);
    const ofUnpack = tf.grad((y) => tf.sum(tf.mul(unpack({ x: y as tf.Tensor2D, lengths, T: 4 }), x)))(dense);
    assertClose(await read(ofUnpack), await read(dense), exact);
  });

  it("nothing at all is packed to nothing", async () => {
    const q = tf.zeros<tf.Rank.R3>([0, 2, 4]);
    expect(packedAttention({ q, k: q, v: q, lengths: [0, 0] }).shape).to.deep.equal([0, 2, 4]);
  });

  it("two runs give the same bits, gradients too, and leave exactly their outputs", async () => {
    const { tensors } = draw({ H: 2, D: 16, lengths: [33, 5] }, 6);
    const { q, k, v, lengths } = tensors;
    const run = async () => {
      const out = packedAttention(tensors);
      const slopes = tf.grads((q, k, v) =>
        tf.sum(tf.square(packedAttention({ q, k, v, lengths } as PackedAttentionOptions))),
      )([q, k, v]);
      const numbers = await Promise.all([out, ...slopes].map((x) => x.data()));
      tf.dispose([out, slopes]);
      return numbers;
    };
    const first = await run();
    const before = { ...tf.memory() } as tf.MemoryInfo & { numBytesInGPU?: number };
    expect(await run()).to.deep.equal(first);
    expect(tf.memory()).to.include({ numTensors: before.numTensors, numDataBuffers: before.numDataBuffers });
    expect(tf.memory() as object).to.deep.include({ numBytes: before.numBytes });
  });

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor3D;
    const good = { q: zeros(5, 4, 8), k: zeros(5, 2, 8), v: zeros(5, 2, 8), lengths: [2, 3] };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => packedAttention({ ...good, lengths: [2, 2] }),
      "packedAttention: expected lengths that sum to the 5 packed rows, got [2, 2]",
    );
    says(
      () => packedAttention({ ...good, lengths: [-1, 6] }),
      "packedAttention: expected 2 lengths from 0 to 5, got [-1, 6]",
    );
    says(
      () => packedAttention({ ...good, q: zeros(5, 3, 8) }),
      "packedAttention: expected key heads that divide the 3 query heads, got 2",
    );
    says(
      () => pack({ x: zeros(2, 3, 1), lengths: [4, 1] }),
      "pack: expected 2 lengths from 0 to 3, got [4, 1]",
    );
    says(
      () => unpack({ x: zeros(5, 1) as unknown as tf.Tensor2D, lengths: [2, 2], T: 3 }),
      "unpack: expected lengths that sum to the 5 packed rows, got [2, 2]",
    );
  });
});
