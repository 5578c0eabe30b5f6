import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { hasKernel, runKernel, type ScanAttrs, SELECTIVE_SCAN } from "workbook/kernels/fused";
import { random } from "workbook/random";
import {
  type Discretisation,
  euler,
  type SelectiveScanOptions,
  selectiveScan,
  zeroOrderHold,
} from "workbook/variants/mamba";
import { eulerHold, type ReferenceScan, referenceScan, zeroOrder } from "../reference/selective-scan.js";
import {
  eulerDerivatives,
  referenceScanGradient,
  zeroOrderDerivatives,
} from "../reference/selective-scan-gradient.js";
import { onGpu, onGpuToo, read } from "./on-gpu.js";
import { itRepeats } from "./repeats.js";

const rounding = {
  tolerance: 2e-5,
  because: "float32 exponentials, and sums of products with outliers, over 130 positions",
};
/** Measured: 1.3e-5 at most, and 2.5e-5 for Δ, whose slopes of up to 300 stand beside others near 1; Euler's are good to 8e-6. */
const slopes = (input: string) => ({
  tolerance: input === "delta" ? 4e-5 : 2e-5,
  because: "float32 sums over states, channels or positions, of products that cancel",
});

const rules = {
  Euler: { discretise: euler, hold: eulerHold, derivatives: eulerDerivatives },
  "zero-order hold": { discretise: zeroOrderHold, hold: zeroOrder, derivatives: zeroOrderDerivatives },
} as const;

interface Sizes {
  readonly batch?: number;
  readonly T: number;
  readonly D: number;
  readonly N: number;
}

/** Normal numbers with outliers among x, steps from 0 to 1, in tensors and for the reference. */
function draw({ batch = 1, T, D, N }: Sizes, hold: ReferenceScan["hold"]) {
  const r = random(T + D);
  const numbers = (count: number, next: (i: number) => number) =>
    Float32Array.from({ length: count }, (_, i) => next(i));
  const data = {
    x: numbers(batch * T * D, (i) => r.normal() * (i % 97 === 0 ? 10 : 1)),
    delta: numbers(batch * T * D, (i) => (i % 31 === 0 ? 0 : r.uniform())),
    A: numbers(D * N, () => -0.3 - 3 * r.uniform()),
    B: numbers(batch * T * N, () => r.normal()),
    C: numbers(batch * T * N, () => r.normal()),
  };
  const dy = numbers(batch * T * D, () => r.normal());
  const tensors = {
    x: tf.tensor3d(data.x, [batch, T, D]),
    delta: tf.tensor3d(data.delta, [batch, T, D]),
    A: tf.tensor2d(data.A, [D, N]),
    B: tf.tensor3d(data.B, [batch, T, N]),
    C: tf.tensor3d(data.C, [batch, T, N]),
  };
  return { tensors, dy: tf.tensor3d(dy, [batch, T, D]), numbers: { batch, T, D, N, ...data, dy, hold } };
}

/** dL/d of each input, by name, for a given dL/dy. */
const gradients = (
  run: (options: SelectiveScanOptions) => tf.Tensor3D,
  { x, delta, A, B, C }: SelectiveScanOptions,
  dy: tf.Tensor3D,
) => {
  const names = ["x", "delta", "A", "B", "C"] as const;
  const named = (all: tf.Tensor[]) =>
    Object.fromEntries(names.map((name, i) => [name, all[i]])) as unknown as SelectiveScanOptions;
  const all = tf.grads((...inputs) => run(named(inputs)))([x, delta, A, B, C], dy);
  return all.map((gradient, i) => [names[i]!, gradient] as const);
};

/** The kernel itself, on the rung that is asked for. */
const rung = (name: ScanAttrs["rung"]) => (options: SelectiveScanOptions) =>
  runKernel(SELECTIVE_SCAN, inputsOf(options), {
    zeroOrder: options.discretise === zeroOrderHold,
    rung: name,
  })[0] as tf.Tensor3D;

const inputsOf = ({ x, delta, A, B, C }: SelectiveScanOptions) => ({ x, delta, A, B, C });

const rungs = ["plain", "chunked", "subgroup"] as const;

// Every number of states and every rule is another set of kernels to compile: few of them.
const cases: [Sizes, keyof typeof rules][] = [
  [{ batch: 2, T: 1, D: 16, N: 16 }, "Euler"],
  [{ T: 63, D: 60, N: 16 }, "Euler"],
  [{ batch: 2, T: 65, D: 64, N: 16 }, "zero-order hold"],
  [{ batch: 2, T: 130, D: 128, N: 16 }, "Euler"],
  [{ T: 130, D: 70, N: 16 }, "zero-order hold"],
  [{ T: 1024, D: 4, N: 16 }, "Euler"],
];

onGpu("kernels/selective-scan", () => {
  for (const [size, rule] of cases) {
    const name = JSON.stringify(size).replaceAll('"', "");
    it(`every rung and the gradients equal float64 loops at ${name}, by ${rule}`, async () => {
      const { discretise, hold, derivatives } = rules[rule];
      const { tensors, dy, numbers } = draw(size, hold);
      for (const name of rungs) {
        const y = rung(name)({ ...tensors, discretise });
        assertClose(await read(y), referenceScan(numbers), rounding, name);
      }
      const expected = referenceScanGradient(numbers, derivatives, numbers.dy);
      const scan = (all: SelectiveScanOptions) => rung("chunked")({ ...all, discretise });
      for (const [input, gradient] of gradients(scan, tensors, dy)) {
        assertClose(await read(gradient), expected[input], slopes(input), input);
      }
    });
  }

  it("lanes without states beside lanes with two vectors of them equal a float64 loop", async () => {
    const { tensors, numbers } = draw({ batch: 2, T: 66, D: 20, N: 20 }, eulerHold);
    assertClose(await read(rung("subgroup")(tensors)), referenceScan(numbers), rounding);
  });

  for (const name of rungs) {
    itRepeats(`rung ${name}`, () => {
      const { tensors, dy } = draw({ batch: 2, T: 130, D: 70, N: 16 }, eulerHold);
      return () => [rung(name)(tensors), ...gradients(rung(name), tensors, dy).map(([, slope]) => slope)];
    });
  }

  itRepeats("with states that are no multiple of four", () => {
    const { tensors, dy } = draw({ T: 130, D: 16, N: 5 }, eulerHold);
    return () => [
      selectiveScan(tensors),
      ...gradients(selectiveScan, tensors, dy).map(([, gradient]) => gradient),
    ];
  });
});

onGpuToo("kernels/selective-scan", (backend) => {
  it("is a kernel of ours on webgpu, and tfjs's operations elsewhere", () => {
    expect(hasKernel(SELECTIVE_SCAN)).to.equal(backend === "webgpu");
  });

  it("selectiveScan and its gradients equal float64 loops where the states are no multiple of four", async () => {
    const { tensors, dy, numbers } = draw({ batch: 2, T: 65, D: 16, N: 5 }, eulerHold);
    assertClose(await read(selectiveScan(tensors)), referenceScan(numbers), rounding);
    const expected = referenceScanGradient(numbers, eulerDerivatives, numbers.dy);
    for (const [input, gradient] of gradients(selectiveScan, tensors, dy)) {
      assertClose(await read(gradient), expected[input], slopes(input), input);
    }
  });

  it("a discretisation that the kernel does not know, and more states than it holds, are still right", async () => {
    const { tensors, numbers } = draw({ T: 3, D: 4, N: 33 }, (delta) => 2 * delta);
    const twice: Discretisation = ({ delta, ...all }) => {
      const { decay, input } = euler({ ...all, delta });
      return { decay, input: tf.mul(input, 2) };
    };
    assertClose(
      await read(selectiveScan({ ...tensors, discretise: twice })),
      referenceScan(numbers),
      rounding,
    );
    const one = { ...numbers, hold: eulerHold };
    assertClose(await read(selectiveScan(tensors)), referenceScan(one), rounding);
  });
});
