import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import type { BackendName } from "workbook/backend";
import { DECODE, type DecodeRung, hasKernel } from "workbook/kernels/fused";
import { random } from "workbook/random";
import { type DecodeOptions, decodeAttention } from "workbook/variants/lean-attention";
import { fixedSplit, type Splits, streamK } from "workbook/variants/lean-splits";
import { type ReferenceAttention, referenceAttention } from "../reference/attention.js";
import { finiteDifferences } from "../reference/finite-differences.js";
import { onGpuToo, read } from "./on-gpu.js";

const rounding = { tolerance: 2e-5, because: "float32 scores up to 50, exponentiated" };

interface Sizes {
  readonly H?: number;
  readonly G?: number;
  readonly T?: number;
  readonly D: number;
  readonly E?: number;
  readonly lengths: readonly number[];
}

/** Normal numbers, every 97th ten times as large. Behind a cache's end lies 10³⁰: a key that must not be seen shows. */
function draw({ H = 1, G = H, T = 1, D, E = D, lengths }: Sizes, seed: number) {
  const [B, S] = [lengths.length, Math.max(...lengths)];
  const r = random(seed);
  const numbers = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => r.normal() * (i % 97 === 0 ? 10 : 1));
  const cache = (width: number) =>
    numbers(B * G * S * width).map((x, i) => {
      const [b, s] = [Math.floor(i / (G * S * width)), Math.floor(i / width) % S];
      return s < lengths[b]! ? x : 1e30;
    });
  const data = { q: numbers(B * H * T * D), k: cache(D), v: cache(E) };
  const tensors = {
    q: tf.tensor4d(data.q, [B, H, T, D]),
    k: tf.tensor4d(data.k, [B, G, S, D]),
    v: tf.tensor4d(data.v, [B, G, S, E]),
    lengths,
  };
  const sees = (b: number, _h: number, t: number, s: number) => s < lengths[b]! - (T - 1 - t);
  const reference: ReferenceAttention = { B, H, G, T, S, D, E, ...data, sees };
  return { tensors, reference };
}

/** Every key once, in random pieces, some of them empty, dealt out to workers at random. */
function anySplits(lengths: readonly number[], heads: number, seed: number): Splits {
  const r = random(seed);
  const workers = Array.from({ length: 5 }, (): { b: number; g: number; from: number; to: number }[] => []);
  lengths.forEach((length, b) => {
    for (let g = 0; g < heads; g++) {
      const cuts = Array.from({ length: 4 }, () => r.integer(length + 1)).sort((x, y) => x - y);
      [...cuts, length].forEach((to, i) => {
        workers[r.integer(5)]!.push({ b, g, from: i === 0 ? 0 : cuts[i - 1]!, to });
      });
    }
  });
  return workers;
}

const rungsOf = (backend: BackendName): readonly (DecodeRung | undefined)[] =>
  backend === "webgpu" ? ["plain", "split", "subgroup"] : [undefined];

onGpuToo("kernels/decode", (backend) => {
  it("is one kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(DECODE)).to.equal(backend === "webgpu");
  });

  for (const rung of rungsOf(backend)) {
    const name = rung ?? "composed";
    for (const D of [16, 60, 64, 128]) {
      it(`${name}: two tokens of six heads against caches of 1, 0, 63, 65 and 130 keys equal a float64 loop at D = ${D}`, async () => {
        const { tensors, reference } = draw({ H: 6, G: 2, T: 2, D, lengths: [1, 0, 63, 65, 130] }, D);
        const out = decodeAttention({ ...tensors, rung });
        assertClose(await read(out), referenceAttention(reference), rounding);
      });
    }

    it(`${name}: so does one token against 1,024 keys, however they are cut`, async () => {
      const lengths = [1024, 700];
      const { tensors, reference } = draw({ H: 2, D: 16, lengths }, 1);
      const expected = referenceAttention(reference);
      const cuts: Record<string, Splits | undefined> = {
        "the library's": undefined,
        "stream-K, 7 workers": streamK({ lengths, heads: 2, workers: 7 }),
        "fixed, 3 parts": fixedSplit({ lengths, heads: 2, parts: 3 }),
        "more workers than blocks": streamK({ lengths, heads: 2, workers: 40, block: 100 }),
        random: anySplits(lengths, 2, 2),
      };
      for (const [label, splits] of Object.entries(cuts)) {
        assertClose(await read(decodeAttention({ ...tensors, splits, rung })), expected, rounding, label);
      }
    });

    it(`${name}: gradients of q, k and v equal the float64 loop's finite differences`, async () => {
      const { tensors, reference } = draw({ H: 4, G: 2, T: 2, D: 4, E: 8, lengths: [1, 7, 4] }, 3);
      const cotangent = random(5).normalTensor<tf.Rank.R4>([3, 4, 2, 8]);
      const weights = await cotangent.data();
      const { q, k, v, lengths } = tensors;
      const gradients = [undefined, anySplits(lengths, 2, 4)].map((splits) =>
        tf.grads((q, k, v) =>
          tf.sum(tf.mul(decodeAttention({ q, k, v, lengths, splits, rung } as DecodeOptions), cotangent)),
        )([q, k, v]),
      );
      const loss = (inputs: Partial<ReferenceAttention>) =>
        referenceAttention({ ...reference, ...inputs }).data.reduce((sum, y, i) => sum + y * weights[i]!, 0);
      for (const [i, name] of (["q", "k", "v"] as const).entries()) {
        const slopes = finiteDifferences((values) => loss({ [name]: values }), reference[name]);
        const expected = { shape: tensors[name].shape, data: slopes };
        for (const [label, own] of [
          ["as the library cuts", gradients[0]!],
          ["cut at random", gradients[1]!],
        ] as const) {
          assertClose(await read(own[i]!), expected, rounding, `gradient of ${name}, ${label}`);
        }
      }
    });
  }

  it("two runs give the same bits", async () => {
    const { tensors } = draw({ H: 2, D: 16, lengths: [300] }, 6);
    const [first, second] = [decodeAttention(tensors), decodeAttention(tensors)];
    expect([...(await first.data())]).to.deep.equal([...(await second.data())]);
  });

  it("widths that are no multiple of 4 and heads wider than the kernel takes are computed too", async () => {
    for (const D of [7, 132]) {
      const { tensors, reference } = draw({ D, lengths: [9, 5] }, D);
      assertClose(await read(decodeAttention(tensors)), referenceAttention(reference), rounding, `D = ${D}`);
    }
  });

  it("leaves exactly its output, and no memory of the device's behind", async () => {
    const { tensors } = draw({ H: 2, D: 16, lengths: [65, 3] }, 7);
    const { lengths } = tensors;
    const run = async (splits?: Splits) => {
      const out = decodeAttention({ ...tensors, splits });
      await out.data();
      out.dispose();
    };
    await run();
    const before = { ...tf.memory() };
    await run();
    await run(streamK({ lengths, heads: 2, workers: 3 }));
    const after = tf.memory();
    expect(after.numTensors).to.equal(before.numTensors);
    expect(after.numDataBuffers).to.equal(before.numDataBuffers);
    expect((after as { numBytesInGPU?: number }).numBytesInGPU).to.equal(
      (before as { numBytesInGPU?: number }).numBytesInGPU,
    );
  });

  if (backend === "webgpu") {
    it("a rung that cannot run says so", () => {
      const { tensors } = draw({ D: 6, lengths: [3] }, 8);
      expect(() => decodeAttention({ ...tensors, rung: "split" })).to.throw(
        RangeError,
        "WorkbookDecode: expected a rung that runs here with widths 6 and 6 (plain at best), got split",
      );
    });
  }
});
