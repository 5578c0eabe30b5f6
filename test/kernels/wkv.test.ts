import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { hasKernel, runKernel, WKV, type WkvAttrs, type WkvInputs } from "workbook/kernels/fused";
import { random } from "workbook/random";
import { wkv as variant, wkvState } from "workbook/variants/rwkv";
import { referenceWkvGradient } from "../reference/wkv-gradient.js";
import { onGpu, onGpuToo, read } from "./on-gpu.js";
import { itRepeats } from "./repeats.js";

const rounding = { tolerance: 2e-5, because: "float32 exponentials of keys up to 50 over 130 positions" };
const cancelling = {
  tolerance: 5e-6,
  because:
    "a float32 near 50 is good to 4e-6, and so are weights of such keys; as a share of all terms' sizes",
};

interface Sizes {
  readonly B?: number;
  readonly T: number;
  readonly C: number;
}

/** Keys and values with outliers; channels that forget nothing, slowly, and all. */
function draw({ B = 1, T, C }: Sizes) {
  const r = random(T + C);
  const numbers = (count: number, next: (i: number) => number) =>
    Float32Array.from({ length: count }, (_, i) => next(i));
  const data = {
    w: numbers(C, (i) => [0, -0.001, -1e30][i % 11] ?? -Math.exp(r.normal())),
    u: numbers(C, () => r.normal()),
    k: numbers(B * T * C, (i) => r.normal() * (i % 97 === 0 ? 20 : 1)),
    v: numbers(B * T * C, (i) => r.normal() * (i % 89 === 0 ? 10 : 1)),
  };
  const dy = numbers(B * T * C, () => r.normal());
  const tensors: WkvInputs = {
    w: tf.tensor1d(data.w),
    u: tf.tensor1d(data.u),
    k: tf.tensor3d(data.k, [B, T, C]),
    v: tf.tensor3d(data.v, [B, T, C]),
  };
  return { tensors, dy: tf.tensor3d(dy, [B, T, C]), numbers: { B, T, C, ...data, dy } };
}

const wkv = (inputs: WkvInputs, rung?: WkvAttrs["rung"]) =>
  tf.tidy(() => runKernel(WKV, { ...inputs }, { rung })[0]) as tf.Tensor3D;

/** dL/d of each input, by name, for a given dL/dy. */
function gradients({ w, u, k, v }: WkvInputs, dy: tf.Tensor3D, run: typeof wkv = wkv) {
  const all = tf.grads((...[w, u, k, v]) => run({ w, u, k, v } as WkvInputs))([w, u, k, v], dy);
  return (["w", "u", "k", "v"] as const).map((name, i) => [name, all[i]!] as const);
}

/** Each number as a share of a magnitude. */
const shareOf = (data: ArrayLike<number>, magnitude: ArrayLike<number>) => ({
  shape: [data.length],
  data: Array.from(data, (x, i) => x / magnitude[i]!),
});

onGpu("kernels/wkv", () => {
  const sizes: Sizes[] = [
    { B: 2, T: 1, C: 16 },
    { B: 2, T: 63, C: 60 },
    { B: 2, T: 65, C: 64 },
    { T: 130, C: 128 },
    { T: 1024, C: 12 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    it(`every rung and its gradients equal float64 sums at ${name}`, async () => {
      const { tensors, dy, numbers } = draw(size);
      const expected = referenceWkvGradient(numbers);
      for (const rung of ["plain", "chunked"] as const) {
        assertClose(await read(wkv(tensors, rung)), expected.y, rounding, rung);
        for (const [input, gradient] of gradients(tensors, dy, (inputs) => wkv(inputs, rung))) {
          const share = (data: ArrayLike<number>) => shareOf(data, expected.magnitudes[input]);
          const label = `${rung}, ${input}`;
          assertClose(share(await gradient.data()), share(expected[input].data), cancelling, label);
        }
      }
    });
  }

  for (const rung of ["plain", "chunked"] as const) {
    itRepeats(`rung ${rung}`, () => {
      const { tensors, dy } = draw({ B: 2, T: 130, C: 70 });
      const run = (inputs: WkvInputs) => wkv(inputs, rung);
      return () => [run(tensors), ...gradients(tensors, dy, run).map(([, gradient]) => gradient)];
    });
  }
});

onGpuToo("kernels/wkv", (backend) => {
  it("is a kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(WKV)).to.equal(backend === "webgpu");
  });

  it("RWKV's wkv equals the float64 sum, and so do its gradients", async () => {
    const { tensors, dy, numbers } = draw({ B: 2, T: 65, C: 16 });
    const expected = referenceWkvGradient(numbers);
    assertClose(await read(variant(tensors)), expected.y, rounding);
    for (const [input, gradient] of gradients(tensors, dy, variant)) {
      const share = (data: ArrayLike<number>) => shareOf(data, expected.magnitudes[input]);
      assertClose(share(await gradient.data()), share(expected[input].data), cancelling, input);
    }
  });

  it("RWKV's wkv goes on from a state, which the kernel does not know", async () => {
    const { tensors, numbers } = draw({ B: 2, T: 65, C: 16 });
    const part = (begin: number, size: number) => {
      const cut = (x: tf.Tensor3D) => tf.slice(x, [0, begin, 0], [-1, size, -1]);
      return { ...tensors, k: cut(tensors.k), v: cut(tensors.v) };
    };
    const state = wkvState(part(0, 40));
    const whole = tf.concat([variant(part(0, 40)), variant({ ...part(40, 25), state })], 1);
    assertClose(await read(whole), referenceWkvGradient(numbers).y, rounding);
  });
});
