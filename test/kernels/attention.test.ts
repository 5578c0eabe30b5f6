import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { type AttentionOptions, attention, fusedAttention } from "workbook/attention";
import { ATTENTION, hasKernel, type Rung, runKernel } from "workbook/kernels/fused";
import { random } from "workbook/random";
import { referenceAttentionGradient } from "../reference/attention.js";
import { assertAttends, draw, rounding, rungsOf, type Sizes, withGradients } from "./attention-problem.js";
import { onGpuToo, read } from "./on-gpu.js";

/** That version of the kernel; the composition where there is none. */
const run = (rung: Rung | undefined, options: AttentionOptions) =>
  rung === undefined ? attention(options) : fusedAttention({ ...options, rung })!;

const oneAfterAnother = {
  tolerance: 2e-3,
  because:
    "the plain kernel adds 1024 weights one after another to the largest: 1e-5 in the sum, times values and keys up to 30",
};

onGpuToo("kernels/attention", (backend) => {
  it("is one kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(ATTENTION)).to.equal(backend === "webgpu");
  });

  for (const rung of rungsOf(backend)) {
    const named = rung ?? "composed";
    for (const T of [1, 63, 65, 130]) {
      for (const D of [16, 60, 64, 128]) {
        it(`causal ${named} attention and its gradients equal float64 loops at T = ${T}, D = ${D}`, () =>
          assertAttends((heads) => run(rung, { ...heads, causal: true }), draw({ T, D }, T + D), {
            sees: (_b, _h, t, s) => s <= t,
          }));
      }
    }

    it(`causal ${named} attention and its gradients equal float64 loops at T = 1024`, () =>
      assertAttends(
        (heads) => run(rung, { ...heads, causal: true }),
        draw({ T: 1024, D: 16 }, 1),
        { sees: (_b, _h, t, s) => s <= t },
        rung === "plain" ? oneAfterAnother : rounding,
      ));

    const uneven: Sizes[] = [
      { B: 2, H: 4, G: 2, T: 63, S: 70, D: 16, E: 20 },
      { B: 1, H: 2, G: 1, T: 70, S: 63, D: 5, E: 3 },
    ];
    for (const [i, size] of uneven.entries()) {
      it(`${named} attention sums over a group's heads, with bias and mask, at ${JSON.stringify(size)}`, async () => {
        const { T, S, H } = { H: 1, S: size.T, ...size };
        const problem = draw(size, 5 + i);
        const r = random(6);
        const bias = r.normalTensor<tf.Rank.R4>([1, H, 1, S]);
        const allowed = Array.from({ length: T * S }, (_, n) => n % S !== 3 && r.uniform() < 0.7);
        const mask = tf.tensor2d(allowed, [T, S], "bool");
        const added = await bias.data();
        await assertAttends((heads) => run(rung, { ...heads, bias, mask }), problem, {
          sees: (_b, _h, t, s) => allowed[t * S + s]!,
          bias: (_b, h, _t, s) => added[h * S + s]!,
        });
      });
    }

    for (const causal of [false, true]) {
      it(`a ${causal ? "causal " : ""}window of ${named} attention sees just the keys within its radius`, () =>
        assertAttends(
          (heads) => run(rung, { ...heads, causal, radius: 9 }),
          draw({ T: 150, S: 140, D: 16 }, 7),
          {
            sees: (_b, _h, t, s) => Math.abs(t - 10 - s) <= 9 && (!causal || s <= t - 10),
          },
        ));
    }

    it(`a query of ${named} attention that may see nothing gets zeros, and gives none a gradient`, async () => {
      const { tensors, dOut } = draw({ T: 8, S: 3, D: 16 }, 8); // under the causal mask the first five see nothing
      const { out, q } = withGradients((heads) => run(rung, { ...heads, causal: true }), tensors, dOut);
      for (const rows of [out, q]) {
        const data = await tf.slice(rows, [0, 0, 0, 0], [1, 1, 5, 16]).data();
        expect([...data].every((x) => x === 0)).to.equal(true);
      }
    });

    it(`two runs of ${named} attention agree in every bit, gradients too`, async () => {
      const { tensors, dOut } = draw({ H: 2, G: 1, T: 130, D: 60 }, 9);
      const once = async () => {
        const { out, q, k, v } = withGradients((heads) => run(rung, heads), tensors, dOut);
        return Promise.all([out, q, k, v].map((x) => x.data()));
      };
      expect(await once()).to.deep.equal(await once());
    });
  }

  it("the gradient of a bias sums over the axes along which it repeats", async () => {
    const { tensors, numbers, dOut } = draw({ B: 2, H: 2, T: 7, S: 9, D: 8 }, 10);
    const bias = random(11).normalTensor<tf.Rank.R4>([2, 1, 7, 1]);
    const gradient = tf.grad((b: tf.Tensor) =>
      tf.sum(tf.mul(attention({ ...tensors, bias: b }), tf.tensor4d(dOut, [2, 2, 7, 8]))),
    )(bias);
    const added = await bias.data();
    const { scores } = referenceAttentionGradient({
      ...numbers,
      dOut,
      bias: (b, _h, t) => added[b * 7 + t]!,
    });
    const expected = new Float64Array(14);
    scores.data.forEach((x, i) => {
      const [b, t] = [Math.floor(i / 126), Math.floor(i / 9) % 7];
      expected[b * 7 + t]! += x;
    });
    assertClose(await read(gradient), { shape: [2, 1, 7, 1], data: expected }, rounding);
  });

  const onWebgpu = backend === "webgpu" ? it : () => undefined; // nobody else has a log-sum-exp
  onWebgpu("the gradient of a row's log-sum-exp by its query is the scaled average of the keys", async () => {
    const { k, q } = draw({ H: 2, T: 65, D: 16 }, 13).tensors;
    const given = { k, v: k, bias: tf.scalar(0), mask: tf.scalar(true, "bool") };
    const attrs = { scale: 0.25, causal: true, biased: false, masked: false };
    const weights = random(14).normalTensor<tf.Rank.R3>([1, 2, 65]);
    const slope = tf.grad((q: tf.Tensor) =>
      tf.sum(tf.mul(runKernel(ATTENTION, { q, ...given }, attrs)[1]!, weights)),
    )(q);
    const average = attention({ q, k, v: k, causal: true });
    const expected = tf.mul(tf.mul(average, 0.25), tf.expandDims(weights, 3));
    assertClose(await read(slope), await read(expected), rounding);
  });

  it("leaves its output and its gradients, and nothing else", () => {
    const { tensors, dOut } = draw({ T: 65, D: 16 }, 12);
    const before = tf.memory().numTensors;
    const { out, q, k, v } = withGradients((heads) => attention({ ...heads, causal: true }), tensors, dOut);
    expect(tf.memory().numTensors).to.equal(before + 4);
    tf.dispose([out, q, k, v]);
    expect(tf.memory().numTensors).to.equal(before);
  });
});
