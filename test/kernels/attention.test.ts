import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention, composedAttention } from "workbook/attention";
import { ATTENTION, hasKernel } from "workbook/kernels/fused";
import { random } from "workbook/random";
import { referenceAttention } from "../reference/attention.js";
import { onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };

interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly G?: number;
  readonly T: number;
  readonly S?: number;
  readonly D: number;
  readonly E?: number;
}

/** Normal numbers, every 97th ten times as large, in float64. */
function draw(sizes: Sizes, seed: number) {
  const { B = 1, H = 1, G = H, T, S = T, D, E = D } = sizes;
  const r = random(seed);
  const numbers = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => r.normal() * (i % 97 === 0 ? 10 : 1));
  const data = { q: numbers(B * H * T * D), k: numbers(B * G * S * D), v: numbers(B * G * S * E) };
  const tensors = {
    q: tf.tensor4d(data.q, [B, H, T, D]),
    k: tf.tensor4d(data.k, [B, G, S, D]),
    v: tf.tensor4d(data.v, [B, G, S, E]),
  };
  return { tensors, numbers: { B, H, G, T, S, D, E, ...data } };
}

onGpuToo("kernels/attention", (backend) => {
  it("is one kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(ATTENTION)).to.equal(backend === "webgpu");
  });

  for (const T of [1, 63, 65, 130]) {
    for (const D of [16, 60, 64, 128]) {
      it(`causal attention equals a float64 loop at T = ${T}, D = ${D}`, async () => {
        const { tensors, numbers } = draw({ H: 2, T, D }, T + D);
        const expected = referenceAttention({ ...numbers, sees: (_b, _h, t, s) => s <= t });
        assertClose(await read(attention({ ...tensors, causal: true })), expected, rounding);
      });
    }
  }

  it("gradients of q, k, v and bias equal those of the composition", async () => {
    const { tensors } = draw({ H: 2, G: 1, T: 65, D: 16 }, 3);
    const bias = tf.tensor4d(random(4).normalTensor([1, 1, 65, 65]).dataSync(), [1, 1, 65, 65]);
    const inputs = [tensors.q, tensors.k, tensors.v, bias];
    const of = (f: typeof attention) =>
      tf.grads((q, k, v, b) =>
        tf.sum(tf.square(f({ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D, bias: b }))),
      )(inputs);
    const [actual, expected] = [of(attention), of(composedAttention)];
    for (const [i, gradient] of actual.entries()) {
      assertClose(await read(gradient), await read(expected[i]!), rounding, ["q", "k", "v", "bias"][i]);
    }
  });
});
