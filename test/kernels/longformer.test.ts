import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { peakGpuBytes } from "workbook/kernels/peak-bytes";
import { type LongformerOptions, longformer, longformerDense } from "workbook/variants/longformer";
import { type Case, draw, reference } from "../reference/longformer.js";
import { onGpu, read } from "./on-gpu.js";

const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };

const cases: Case[] = [
  { T: 1, D: 60, window: 2, dilation: 5, globals: [0] },
  { T: 63, D: 60, window: 32, globals: [0, 40], causal: true },
  { T: 65, D: 16, window: 6, dilation: 7, globals: [9] },
  { T: 130, D: 64, E: 8, window: 64, B: 2, H: 2 },
  { T: 130, D: 60, window: 20, dilation: 3, causal: true, globals: [129, 0, 65] },
  { T: 64, D: 32, window: 32, H: 2, B: 2, globals: [1], dilation: 2 },
];

/** The six inputs that can be trained. */
function inputsOf({ q, k, v, global }: LongformerOptions): tf.Tensor4D[] {
  return [q, k, v, ...(global === undefined ? [] : [global.q, global.k, global.v])];
}

function withInputs(options: LongformerOptions, inputs: readonly tf.Tensor[]): LongformerOptions {
  const [q, k, v, gq, gk, gv] = inputs as tf.Tensor4D[];
  const global = options.global && { ...options.global, q: gq!, k: gk!, v: gv! };
  return { ...options, q: q!, k: k!, v: v!, global };
}

onGpu("kernels/attention, in Longformer", () => {
  for (const [n, one] of cases.entries()) {
    it(`equals a float64 loop, and a dense mask's gradients: ${JSON.stringify(one)}`, async () => {
      const options = draw(one, `case ${n}`);
      const expected = reference(options);
      const direction = draw(one, "direction").v;
      assertClose(await read(longformer(options)), expected, rounding);
      const inputs = inputsOf(options).map((x) => tf.clipByValue(x, -2, 2));
      const gradients = (form: typeof longformer) =>
        tf.grads((...at) => tf.sum(tf.mul(direction, form(withInputs(options, at)))))(inputs);
      const dense = gradients(longformerDense);
      for (const [i, gradient] of gradients(longformer).entries()) {
        assertClose(await read(gradient), await read(dense[i]!), rounding, `gradient of input ${i}`);
      }
    });
  }

  it("hides padding, and gives it zeros, with global tokens and without", async () => {
    for (const globals of [[], [3, 60]]) {
      const options = draw({ T: 65, D: 16, window: 8, dilation: 2, globals }, "padding");
      const mask = tf.tensor2d([Array.from({ length: 65 }, (_, t) => t < 50)], [1, 65], "bool");
      assertClose(
        await read(longformer({ ...options, mask })),
        await read(longformerDense({ ...options, mask })),
        rounding,
      );
    }
  });

  it("needs memory that grows linearly in T, gradient included", async () => {
    const peak = async (T: number) => {
      const options = draw({ T, D: 8, window: 1024, globals: [0] }, "memory");
      const inputs = inputsOf(options);
      for (const input of inputs) await tf.sum(input).data();
      const bytes = peakGpuBytes(() =>
        tf.grads((...at) => tf.sum(longformer(withInputs(options, at))))(inputs),
      );
      return bytes;
    };
    const [small, large] = [await peak(512), await peak(2048)];
    expect(large / small).to.be.within(3.5, 4.1);
    // One score of every query with its window would be T w numbers.
    expect(large).to.be.below(4 * 2048 * 1025);
  });
});
