import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import {
  type ConvolutionAttrs,
  type ConvolutionInputs,
  hasKernel,
  LONG_CONVOLUTION,
  runKernel,
} from "workbook/kernels/fused";
import { random } from "workbook/random";
import { longConvolution } from "workbook/variants/hyena";
import { referenceConvolutionGradient } from "../reference/long-convolution-gradient.js";
import { onGpu, onGpuToo, read } from "./on-gpu.js";
import { itRepeats } from "./repeats.js";

interface Sizes {
  readonly B?: number;
  readonly C: number;
  readonly T: number;
}

/** Normal numbers with outliers. */
function draw({ B = 1, C, T }: Sizes) {
  const r = random(T + C);
  const numbers = (count: number, next: (i: number) => number) =>
    Float32Array.from({ length: count }, (_, i) => next(i));
  const data = {
    u: numbers(B * C * T, (i) => r.normal() * (i % 97 === 0 ? 10 : 1)),
    h: numbers(C * T, (i) => r.normal() * (i % 101 === 0 ? 10 : 1)),
    bias: numbers(C, () => r.normal()),
  };
  const dy = numbers(B * C * T, () => r.normal());
  const tensors: ConvolutionInputs = {
    u: tf.tensor3d(data.u, [B, C, T]),
    h: tf.tensor2d(data.h, [C, T]),
    bias: tf.tensor1d(data.bias),
  };
  return { tensors, dy: tf.tensor3d(dy, [B, C, T]), numbers: { B, C, T, ...data, dy } };
}

const convolution = (inputs: ConvolutionInputs, rung?: ConvolutionAttrs["rung"]) =>
  runKernel(LONG_CONVOLUTION, { ...inputs }, { rung })[0] as tf.Tensor3D;

/** dL/d of each input, by name, for a given dL/dy. */
function gradients(
  { u, h, bias }: ConvolutionInputs,
  dy: tf.Tensor3D,
  run: typeof convolution = convolution,
) {
  const all = tf.grads((...[u, h, bias]) => run({ u, h, bias } as ConvolutionInputs))([u, h, bias], dy);
  return (["u", "h", "bias"] as const).map((name, i) => [name, all[i]!] as const);
}

/** A row of T products is good to a float32's rounding of the row's size, not of each number's. */
function assertRowsClose(actual: ArrayLike<number>, expected: Float64Array, label: string) {
  const size = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
  const scaled = (data: ArrayLike<number>) => ({
    shape: [data.length],
    data: Array.from(data, (x) => x / size),
  });
  const because = "sums of up to 4,096 products, relative to the root mean square of all of them";
  assertClose(scaled(actual), scaled(expected), { tolerance: 5e-6, because }, label);
}

onGpu("kernels/long-convolution", () => {
  const sizes: Sizes[] = [
    { B: 2, C: 3, T: 1 },
    { B: 2, C: 16, T: 63 },
    { B: 3, C: 2, T: 65 },
    { B: 2, C: 60, T: 130 },
    { B: 2, C: 3, T: 1024 },
    { C: 2, T: 2500 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    it(`every rung and its gradients equal float64 sums at ${name}`, async () => {
      const { tensors, dy, numbers } = draw(size);
      const expected = referenceConvolutionGradient(numbers);
      for (const rung of ["direct", "fourier"] as const) {
        const y = await read(convolution(tensors, rung));
        expect(y.shape).to.deep.equal(expected.y.shape);
        assertRowsClose(y.data, expected.y.data, rung);
        for (const [input, gradient] of gradients(tensors, dy, (inputs) => convolution(inputs, rung))) {
          expect(gradient.shape).to.deep.equal(expected[input].shape);
          assertRowsClose(await gradient.data(), expected[input].data, `${rung}, ${input}`);
        }
      }
    });
  }

  it("rows longer than workgroup memory equal float64 sums, and so do their gradients", async () => {
    const { tensors, dy, numbers } = draw({ B: 2, C: 1, T: 5000 });
    const expected = referenceConvolutionGradient(numbers);
    assertRowsClose(await convolution(tensors).data(), expected.y.data, "y");
    for (const [input, gradient] of gradients(tensors, dy)) {
      assertRowsClose(await gradient.data(), expected[input].data, input);
    }
  });

  for (const T of [130, 1024, 5000]) {
    itRepeats(`at T = ${T}`, () => {
      const { tensors, dy } = draw({ B: 2, C: 2, T });
      return () => [convolution(tensors), ...gradients(tensors, dy).map(([, gradient]) => gradient)];
    });
  }
});

onGpuToo("kernels/long-convolution", (backend) => {
  it("is a kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(LONG_CONVOLUTION)).to.equal(backend === "webgpu");
  });

  it("Hyena's longConvolution equals the float64 sum, and so do its gradients", async () => {
    const { tensors, dy, numbers } = draw({ B: 2, C: 3, T: 300 });
    const expected = referenceConvolutionGradient(numbers);
    assertRowsClose(await longConvolution(tensors).data(), expected.y.data, "y");
    for (const [input, gradient] of gradients(tensors, dy, longConvolution)) {
      assertRowsClose(await gradient.data(), expected[input].data, input);
    }
    const { u, h } = tensors;
    const unbiased = referenceConvolutionGradient({ ...numbers, bias: [0, 0, 0] });
    assertRowsClose(await longConvolution({ u, h }).data(), unbiased.y.data, "without a bias");
  });
});
