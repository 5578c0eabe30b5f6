import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { convolutionIdentities, hyenaIdentities } from "workbook/identities/hyena";
import { fitExponent } from "workbook/measure/fit";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  hyena,
  type LongConvolutionOptions,
  longConvolution,
  longConvolutionDirect,
  toeplitz,
} from "workbook/variants/hyena";
import { retention } from "workbook/variants/retnet";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo } from "../growth.js";
import { referenceConvolution, referenceHyena } from "../reference/hyena.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 sums and transforms, as a share of what the sums could reach",
};

const forms = { "by Fourier transforms": longConvolution, direct: longConvolutionDirect };

interface Sizes {
  readonly B?: number;
  readonly C: number;
  readonly T: number;
}

/** Normal numbers with outliers, and the same for the reference. */
function draw({ B = 1, C, T }: Sizes, seed: string | number, outlier = 10) {
  const r = random(seed);
  const tensor = <R extends tf.Rank>(shape: tf.ShapeMap[R]) => {
    const values = r.normalTensor<R>(shape).dataSync();
    for (let i = 0; i < values.length; i += 53) values[i]! *= outlier;
    return tf.tensor(values, shape as number[]) as unknown as tf.Tensor<R>;
  };
  const u = tensor<tf.Rank.R3>([B, C, T]);
  const h = tensor<tf.Rank.R2>([C, T]);
  const bias = tensor<tf.Rank.R1>([C]);
  const numbers = { B, C, T, u: u.dataSync(), h: h.dataSync(), bias: bias.dataSync() };
  return { tensors: { u, h, bias }, numbers };
}

/**
 * Each row divided by |u| |h| of its channel: the rounding of a transform is a share of these lengths, whatever cancels in a sum.
 * `scale` is what the entries of a result are divided by.
 */
function shares(scale: Float64Array) {
  return (value: tf.Tensor | { shape: readonly number[]; data: ArrayLike<number> }) => {
    const data = value instanceof tf.Tensor ? value.dataSync() : value.data;
    return { shape: value.shape, data: Float64Array.from(data, (x, i) => x / scale[i]!) };
  };
}

function lengths({ B, C, T, u, h, bias }: ReturnType<typeof draw>["numbers"]): Float64Array {
  const norm = (x: ArrayLike<number>, row: number) =>
    Math.hypot(...Array.from({ length: T }, (_, t) => x[row * T + t]!));
  const rows = Array.from(
    { length: B * C },
    (_, row) => norm(u, row) * (norm(h, row % C) + Math.abs(bias[row % C]!)),
  );
  return Float64Array.from({ length: B * C * T }, (_, i) => rows[Math.floor(i / T)]!);
}

onEveryBackend("variants/hyena", (backend) => {
  const sizes: Sizes[] = [
    { C: 1, T: 1 },
    { B: 2, C: 60, T: 2 },
    { B: 2, C: 3, T: 63 },
    { C: 2, T: 65 },
    { C: 3, T: 128 },
    { B: 3, C: 1, T: 130 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: equals the float64 sums at ${name}, with outliers of ±1000`, () => {
        const { tensors, numbers } = draw(size, name, 1000);
        const share = shares(lengths(numbers));
        assertClose(share(run(tensors)), share(referenceConvolution(numbers)), rounding);
      });
    }

    it(`orders 1 to 3 equal the float64 recurrence at ${name}`, () => {
      for (const N of [1, 2, 3]) {
        const drawn = Array.from({ length: N }, (_, n) => draw(size, `${name}/${n}`, 1));
        const filters = drawn.map(({ tensors }) => tf.div(tensors.h, Math.sqrt(size.T)) as tf.Tensor2D);
        const { u: v } = draw(size, name).tensors;
        const gates = drawn.map(({ tensors }) => tensors.u);
        const biases = drawn.map(({ tensors }) => tensors.bias);
        const expected = referenceHyena({
          ...drawn[0]!.numbers,
          v: v.dataSync(),
          gates: gates.map((x) => x.dataSync()),
          filters: filters.map((x) => x.dataSync()),
          biases: biases.map((x) => x.dataSync()),
        });
        const share = shares(
          Float64Array.from(expected.data, () => Math.max(...expected.data.map(Math.abs))),
        );
        for (const [form, convolution] of Object.entries(forms)) {
          assertClose(
            share(hyena({ v, gates, filters, biases, convolution })),
            share(expected),
            rounding,
            form,
          );
        }
      }
    });
  }

  for (const [form, run] of Object.entries(forms)) {
    for (const { sentence, check } of convolutionIdentities) {
      it(`${form}: ${sentence}`, () =>
        check((u, h) => tf.squeeze(run({ u: tf.expandDims(u, 0), h }), [0]), random(sentence)));
    }
    for (const { sentence, check } of hyenaIdentities) {
      it(`${form}: ${sentence}`, () =>
        check((v, gates, filters) => {
          const options = {
            v: tf.expandDims(v, 0) as tf.Tensor3D,
            gates: tf.unstack(gates).map((x) => tf.expandDims(x, 0) as tf.Tensor3D),
            filters: tf.unstack(filters) as tf.Tensor2D[],
          };
          return tf.squeeze(hyena({ ...options, convolution: run }), [0]);
        }, random(sentence)));
    }

    it(`${form}: with h¹ = δ and h² = γᵗ it is the library's retention with heads of width 1`, () => {
      const [B, C, T] = [2, 3, 20];
      const { u: v } = draw({ B, C, T }, 1, 1).tensors;
      const [k, q] = [2, 3].map((seed) => draw({ B, C, T }, seed, 1).tensors.u) as [tf.Tensor3D, tf.Tensor3D];
      const decays = [0.5, 0.9, 0.99];
      const powers = decays.flatMap((gamma) => Array.from({ length: T }, (_, t) => gamma ** t));
      const impulse = tf.tile(tf.oneHot(tf.tensor1d([0], "int32"), T), [C, 1]);
      const filters = [tf.cast(impulse, "float32") as tf.Tensor2D, tf.tensor2d(powers, [C, T])];
      const [Q, K, V] = [q, k, v].map((x) => tf.expandDims(x, 3) as tf.Tensor4D) as [
        tf.Tensor4D,
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      const expected = tf.squeeze(retention({ q: Q, k: K, v: V, decays }), [3]);
      assertClose(hyena({ v, gates: [k, q], filters, convolution: run }), expected, rounding);
    });

    it(`${form}: its gradients equal the loop's finite differences`, () => {
      const { tensors, numbers } = draw({ B: 2, C: 2, T: 5 }, 4, 3);
      const cotangent = random(5).normalTensor<tf.Rank.R3>([2, 2, 5]);
      const weights = cotangent.dataSync();
      const gradients = tf.grads((u, h, bias) =>
        tf.sum(tf.mul(run({ u, h, bias } as LongConvolutionOptions), cotangent)),
      )([tensors.u, tensors.h, tensors.bias]);
      const loss = (inputs: Partial<Record<"u" | "h" | "bias", ArrayLike<number>>>) =>
        referenceConvolution({ ...numbers, ...inputs }).data.reduce((a, y, i) => a + y * weights[i]!, 0);
      for (const [i, name] of (["u", "h", "bias"] as const).entries()) {
        const values = Float64Array.from(numbers[name]);
        const slope = values.map((value, at) => {
          const shifted = (step: number) => loss({ [name]: values.with(at, value + step) });
          return (shifted(1e-3) - shifted(-1e-3)) / 2e-3;
        });
        const expected = { shape: tensors[name].shape, data: slope };
        assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
      }
    });
  }

  it("both forms have the same gradients through two orders, at a length that is no power of two", () => {
    const { u: v } = draw({ B: 2, C: 2, T: 21 }, 1, 1).tensors;
    const drawn = [2, 3].map((seed) => draw({ B: 2, C: 2, T: 21 }, seed, 1).tensors);
    const inputs = [v, ...drawn.flatMap(({ u, h }) => [u, tf.div(h, 5)])];
    const gradients = Object.values(forms).map((convolution) =>
      tf.grads((v, x1, h1, x2, h2) =>
        tf.sum(
          tf.square(
            hyena({
              v: v as tf.Tensor3D,
              gates: [x1, x2] as tf.Tensor3D[],
              filters: [h1, h2] as tf.Tensor2D[],
              convolution,
            }),
          ),
        ),
      )(inputs),
    );
    for (const i of inputs.keys()) {
      const largest = tf.max(tf.abs(gradients[1]![i]!)).dataSync()[0]!;
      const [a, b] = gradients.map((all) => tf.div(all[i]!, largest)) as [tf.Tensor, tf.Tensor];
      assertClose(a, b, rounding, `gradient ${i}`);
    }
  });

  it("agrees with PyTorch's transforms and numpy's convolution, order by order", () => {
    interface Vector {
      name: string;
      sizes: { B: number; C: number; T: number };
      v: number[];
      gates: number[][];
      filters: number[][];
      biases: number[][];
      out: number[];
    }
    const file = path.join(root, "test/vectors/hyena.json");
    const { operators } = JSON.parse(readFileSync(file, "utf8")) as { operators: Vector[] };
    expect(operators.length).to.equal(3);
    for (const { name, sizes, v, gates, filters, biases, out } of operators) {
      const { B, C, T } = sizes;
      const shape: [number, number, number] = [B, C, T];
      const options = {
        v: tf.tensor3d(v, shape),
        gates: gates.map((x) => tf.tensor3d(x, shape)),
        filters: filters.map((x) => tf.tensor2d(x, [C, T])),
        biases: biases.map((x) => tf.tensor1d(x)),
      };
      const share = shares(Float64Array.from(out, () => Math.max(...out.map(Math.abs))));
      for (const [form, convolution] of Object.entries(forms)) {
        const expected = share({ shape, data: out });
        assertClose(share(hyena({ ...options, convolution })), expected, rounding, `${name}, ${form}`);
      }
    }
  });

  it("toeplitz has h_(t−s) on and below the diagonal", () => {
    const exact = { tolerance: 0, because: "numbers are only moved" };
    const h = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const data = [1, 0, 0, 2, 1, 0, 3, 2, 1, 4, 0, 0, 5, 4, 0, 6, 5, 4];
    assertClose(toeplitz(h), { shape: [2, 3, 3], data }, exact);
  });

  it("each form leaves exactly its output, and its inputs alone", () => {
    const { u, h, bias } = draw({ B: 2, C: 3, T: 9 }, 7).tensors;
    for (const [form, convolution] of Object.entries(forms)) {
      const before = tf.memory().numTensors;
      const out = hyena({ v: u, gates: [u, u], filters: [h, h], biases: [bias, bias], convolution });
      expect(tf.memory().numTensors, form).to.equal(before + 1);
      out.dispose();
      expect([u, h, bias].some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with outliers of ±1,000, the transform equals the float64 sums", () => {
      const { tensors, numbers } = draw({ C: 2, T: 16_384 }, 8, 1000);
      const share = shares(lengths(numbers));
      assertClose(share(longConvolution(tensors)), share(referenceConvolution(numbers)), rounding);
    });

    it("inputs, gates and filters of any size stay finite at T = 16,384, with their gradients", () => {
      for (const size of [1e6, 1e-20, 0]) {
        const { u, h } = draw({ C: 2, T: 16_384 }, 9).tensors;
        const big = tf.mul(u, size) as tf.Tensor3D;
        const filters = [tf.mul(h, Math.min(size, 1)), h] as tf.Tensor2D[];
        const run = (v: tf.Tensor) => hyena({ v: v as tf.Tensor3D, gates: [big, big], filters });
        for (const tensor of [run(big), tf.grad(run)(big)]) {
          expect(tf.all(tf.isFinite(tensor)).dataSync()[0], `inputs of ${size}`).to.equal(1);
        }
      }
    });

    it("an outlier of 10⁶ in the future leaks no more than a share of 10⁻⁷ of itself into the past", () => {
      const { u, h } = draw({ C: 4, T: 1000 }, 10, 1).tensors;
      const at = tf.oneHot(tf.tensor1d([999], "int32"), 1000);
      const outlier = tf.add(u, tf.mul(tf.cast(at, "float32"), 1e6)) as tf.Tensor3D;
      const early = (x: tf.Tensor3D) => tf.slice(longConvolution({ u: x, h }), [0, 0, 0], [1, 4, 999]);
      const leak = tf.max(tf.abs(tf.sub(early(outlier), early(u)))).dataSync()[0]!;
      const norm = Math.max(...(tf.norm(h, "euclidean", 1).dataSync() as Float32Array));
      expect(leak / (1e6 * norm)).to.be.below(1e-7);
      const direct = (x: tf.Tensor3D) => tf.slice(longConvolutionDirect({ u: x, h }), [0, 0, 0], [1, 4, 999]);
      assertClose(direct(outlier), direct(u), { tolerance: 0, because: "nothing of it enters the sums" });
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor3D;
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    const u = zeros(1, 2, 3);
    const h = tf.zeros([2, 3]) as tf.Tensor2D;
    says(
      () => longConvolution({ u, h: tf.zeros([2, 4]) }),
      "longConvolution: expected h of shape [C, T] with T = 3 (from u), got [2, 4]",
    );
    says(
      () => longConvolutionDirect({ u, h, bias: tf.zeros([3]) }),
      "longConvolutionDirect: expected bias of shape [C] with C = 2 (from u), got [3]",
    );
    says(() => hyena({ v: u, gates: [], filters: [] }), "hyena: expected one gate or more, got none");
    says(
      () => hyena({ v: u, gates: [u, u], filters: [h] }),
      "hyena: expected as many filters as gates (2), got 1",
    );
    says(
      () => hyena({ v: u, gates: [u], filters: [h], biases: [] }),
      "hyena: expected as many biases as gates (1), got 0",
    );
    says(
      () => hyena({ v: u, gates: [zeros(1, 2, 4)], filters: [h] }),
      "hyena: expected gates[0] of shape [B, C, T] with T = 3 (from v), got [1, 2, 4]",
    );
  });
});

describe("variants/hyena: costs", () => {
  before(() => useBackend());

  const drawRows = (C: number) => (T: number) => {
    const { u, h } = draw({ C, T }, T).tensors;
    return { u, h };
  };
  const orderTwo =
    (convolution: typeof longConvolution) =>
    ({ u, h }: LongConvolutionOptions) =>
      hyena({ v: u, gates: [u, u], filters: [h, h], convolution });

  it("operations and peak bytes of order 2 grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("hyena");
    expect([time, memory]).to.deep.equal(["n log n", "n"]);
    const sizes = powersOfTwo(8, 14);
    const { flops, peakBytes } = await growth(sizes, drawRows(16), orderTwo(longConvolution));
    const nLogN = fitExponent(
      sizes,
      sizes.map((T) => T * Math.log2(T)),
    ).exponent;
    expect(flops, "operations").to.be.closeTo(nLogN, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("the direct form is square in both", async () => {
    const { flops, peakBytes } = await growth(
      powersOfTwo(7, 10),
      drawRows(4),
      orderTwo(longConvolutionDirect),
    );
    expect(flops, "operations").to.be.closeTo(2, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(2, 0.05);
  });
});
