import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { scanIdentities } from "workbook/identities/mamba";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  euler,
  type ScanState,
  type SelectiveScanOptions,
  selectiveScan,
  selectiveScanChunkwise,
  selectiveScanRecurrent,
  selectiveScanStep,
  zeroOrderHold,
} from "workbook/variants/mamba";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo } from "../growth.js";
import { eulerHold, type ReferenceScan, referenceScan, zeroOrder } from "../reference/selective-scan.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 exponentials and sums of products, decaying with the distance",
};

const forms = {
  associative: selectiveScan,
  recurrent: selectiveScanRecurrent,
  "chunkwise, chunk 16": selectiveScanChunkwise,
  "chunkwise, chunk 7": (options: SelectiveScanOptions) => selectiveScanChunkwise({ ...options, chunk: 7 }),
};

const discretisations = { Euler: [euler, eulerHold], "zero-order hold": [zeroOrderHold, zeroOrder] } as const;

interface Sizes {
  readonly batch?: number;
  readonly T: number;
  readonly D: number;
  readonly N?: number;
}

/** Random inputs with outliers among x, and the same numbers for the reference. */
function draw({ batch = 1, T, D, N = 4 }: Sizes, seed: string | number, outlier = 10) {
  const r = random(seed);
  const values = r.normalTensor<tf.Rank.R3>([batch, T, D]).dataSync();
  for (let i = 0; i < values.length; i += 97) values[i]! *= outlier;
  const tensors = {
    x: tf.tensor3d(values, [batch, T, D]),
    delta: r.uniformTensor<tf.Rank.R3>([batch, T, D], 0.01, 1),
    A: r.uniformTensor<tf.Rank.R2>([D, N], -3, -0.3),
    B: r.normalTensor<tf.Rank.R3>([batch, T, N]),
    C: r.normalTensor<tf.Rank.R3>([batch, T, N]),
  };
  return { tensors, numbers: numbersOf(tensors, eulerHold) };
}

function numbersOf({ x, delta, A, B, C }: SelectiveScanOptions, hold: ReferenceScan["hold"]): ReferenceScan {
  const [[batch, T, D], N] = [x.shape, A.shape[1]];
  const data = {
    x: x.dataSync(),
    delta: delta.dataSync(),
    A: A.dataSync(),
    B: B.dataSync(),
    C: C.dataSync(),
  };
  return { batch, T, D, N, ...data, hold };
}

onEveryBackend("variants/mamba", (backend) => {
  const sizes: Sizes[] = [
    { T: 1, D: 1, N: 1 },
    { T: 1, D: 60 },
    { batch: 2, T: 63, D: 8, N: 5 },
    { T: 65, D: 60 },
    { T: 128, D: 16, N: 2 },
    { batch: 2, T: 130, D: 4, N: 7 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: equals the float64 loop at ${name}, by Euler and by zero-order hold`, () => {
        const { tensors, numbers } = draw(size, name);
        for (const [rule, [discretise, hold]] of Object.entries(discretisations)) {
          const got = run({ ...tensors, discretise });
          assertClose(got, referenceScan({ ...numbers, hold }), rounding, rule);
        }
      });
    }
  }

  for (const { sentence, check } of scanIdentities) {
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: ${sentence}`, () =>
        check((x, delta, A, B, C) => {
          const rows = (tensor: tf.Tensor2D) => tf.expandDims(tensor, 0) as tf.Tensor3D;
          return tf.squeeze(run({ x: rows(x), delta: rows(delta), A, B: rows(B), C: rows(C) }), [0]);
        }, random(sentence)));
    }
  }

  it("zero-order hold equals matrix exponentials, for long and short steps", () => {
    interface Hold {
      name: string;
      sizes: { T: number; D: number; N: number };
      x: number[];
      delta: number[];
      A: number[];
      B: number[];
      C: number[];
      y: number[];
    }
    const file = path.join(root, "test/vectors/mamba.json");
    const { holds } = JSON.parse(readFileSync(file, "utf8")) as { holds: Hold[] };
    expect(holds.length).to.equal(2);
    for (const { name, sizes, x, delta, A, B, C, y } of holds) {
      const { T, D, N } = sizes;
      const options = {
        x: tf.tensor3d(x, [1, T, D]),
        delta: tf.tensor3d(delta, [1, T, D]),
        A: tf.tensor2d(A, [D, N]),
        B: tf.tensor3d(B, [1, T, N]),
        C: tf.tensor3d(C, [1, T, N]),
        discretise: zeroOrderHold,
      };
      // What short steps write is small: compared on its own scale.
      const largest = Math.max(...y.map(Math.abs));
      const expected = { shape: [1, T, D], data: y.map((value) => value / largest) };
      for (const [form, run] of Object.entries(forms)) {
        assertClose(tf.div(run(options), largest), expected, rounding, `${name}, ${form}`);
      }
    }
  });

  it("Euler and zero-order hold meet as Δ goes to 0, twice as close for half the step", () => {
    const { tensors } = draw({ T: 12, D: 3 }, 1, 1);
    const apart = (scale: number) => {
      const scaled = { ...tensors, delta: tf.mul(tensors.delta, scale) as tf.Tensor3D };
      const [a, b] = [euler, zeroOrderHold].map((discretise) => selectiveScan({ ...scaled, discretise }));
      return tf.div(tf.max(tf.abs(tf.sub(a!, b!))), tf.max(tf.abs(b!))).dataSync()[0]!;
    };
    expect(apart(1)).to.be.greaterThan(0.1);
    expect(apart(0.01) / apart(0.005)).to.be.closeTo(2, 0.1);
  });

  it("Δ = 0, Δ = 10,000, gates that underflow and x = ±10⁶ stay finite and right, gradients too", () => {
    const { tensors } = draw({ T: 65, D: 3 }, 2, 1e6);
    const extreme = [0, 1e4, 1e-30, 0.5];
    const delta = tf.tensor3d(
      Array.from({ length: 65 * 3 }, (_, i) => extreme[(i * 7) % 4]!),
      [1, 65, 3],
    );
    const options = { ...tensors, delta };
    const largest = 1e10;
    for (const [rule, [discretise, hold]] of Object.entries(discretisations)) {
      const { shape, data } = referenceScan(numbersOf(options, hold));
      for (const [form, run] of Object.entries(forms)) {
        const scaled = { shape, data: data.map((y) => y / largest) };
        assertClose(tf.div(run({ ...options, discretise }), largest), scaled, rounding, `${rule}, ${form}`);
        const gradient = tf.grad((step) => run({ ...options, delta: step as tf.Tensor3D, discretise }))(
          delta,
        );
        expect(tf.all(tf.isFinite(gradient)).dataSync()[0], `${rule}, ${form}`).to.equal(1);
      }
    }
  });

  for (const [form, run] of Object.entries(forms)) {
    it(`${form}: its gradients equal the loop's finite differences`, () => {
      const { tensors } = draw({ T: 9, D: 2, N: 2 }, 4, 3);
      const cotangent = random(5).normalTensor<tf.Rank.R3>([1, 9, 2]);
      const weights = cotangent.dataSync();
      for (const [rule, [discretise, hold]] of Object.entries(discretisations)) {
        const numbers = numbersOf(tensors, hold);
        const names = ["x", "delta", "A", "B", "C"] as const;
        const gradients = tf.grads((x, delta, A, B, C) =>
          tf.sum(tf.mul(run({ x, delta, A, B, C, discretise } as SelectiveScanOptions), cotangent)),
        )(names.map((name) => tensors[name]));
        const loss = (given: ReferenceScan) =>
          referenceScan(given).data.reduce((sum, y, i) => sum + y * weights[i]!, 0);
        for (const [i, name] of names.entries()) {
          const values = Float64Array.from(numbers[name]);
          const slope = values.map((value, at) => {
            const shifted = (h: number) => loss({ ...numbers, [name]: values.with(at, value + h) });
            return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
          });
          const expected = { shape: tensors[name].shape, data: slope };
          assertClose(gradients[i]!, expected, rounding, `${rule}, gradient of ${name}`);
        }
      }
    });
  }

  it("one token at a time, from state to state, equals the whole", () => {
    const { tensors, numbers } = draw({ batch: 2, T: 6, D: 4, N: 3 }, 6);
    let state: ScanState | undefined;
    const outputs: tf.Tensor3D[] = [];
    for (let t = 0; t < 6; t++) {
      const at = (x: tf.Tensor3D) => tf.slice(x, [0, t, 0], [2, 1, x.shape[2]]);
      const { x, delta, A, B, C } = tensors;
      const step = selectiveScanStep({ x: at(x), delta: at(delta), A, B: at(B), C: at(C), state });
      outputs.push(step.y);
      state = step.state;
    }
    expect(state!.shape).to.deep.equal([2, 3, 4]);
    assertClose(tf.concat(outputs, 1), referenceScan(numbers), rounding);
  });

  it("each form leaves exactly its output, and its inputs alone", () => {
    const { tensors } = draw({ T: 33, D: 4 }, 7);
    for (const [form, run] of Object.entries(forms)) {
      const before = tf.memory().numTensors;
      run(tensors).dispose();
      expect(tf.memory().numTensors, form).to.equal(before);
      expect(Object.values(tensors).some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with gates from 0 to 1 and outliers of ±1,000, the forms equal the float64 loop", function () {
      this.timeout(90_000); // 16,384 steps of six kernels each

      const { tensors } = draw({ T: 16_384, D: 4, N: 2 }, 8, 1000);
      const uneven = tf.pow(10, random(9).uniformTensor([1, 16_384, 4], -6, 2)) as tf.Tensor3D;
      const options = { ...tensors, delta: uneven };
      const { shape, data } = referenceScan(numbersOf(options, eulerHold));
      const largest = data.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
      const expected = { shape, data: data.map((y) => y / largest) };
      for (const run of [selectiveScan, selectiveScanChunkwise, selectiveScanRecurrent]) {
        assertClose(tf.div(run(options), largest), expected, rounding, run.name);
      }
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor3D;
    const A = tf.zeros<tf.Rank.R2>([8, 4]);
    const good = { x: zeros(1, 3, 8), delta: zeros(1, 3, 8), A, B: zeros(1, 3, 4), C: zeros(1, 3, 4) };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => selectiveScan({ ...good, delta: zeros(1, 3, 1) }),
      "selectiveScan: expected delta of shape [B, T, D] with D = 8 (from x), got [1, 3, 1]",
    );
    says(
      () => selectiveScanRecurrent({ ...good, B: zeros(1, 3, 8) }),
      "selectiveScanRecurrent: expected B of shape [B, T, N] with N = 4 (from A), got [1, 3, 8]",
    );
    says(() => selectiveScanStep(good), "selectiveScanStep: expected one position, got 3");
    const one = { x: zeros(1, 1, 8), delta: zeros(1, 1, 8), A, B: zeros(1, 1, 4), C: zeros(1, 1, 4) };
    says(
      () => selectiveScanStep({ ...one, state: zeros(1, 8, 4) }),
      "selectiveScanStep: expected state of shape [B, N, D] with N = 4 (from A), got [1, 8, 4]",
    );
    for (const chunk of [0, 2.5]) {
      says(
        () => selectiveScanChunkwise({ ...good, chunk }),
        `selectiveScanChunkwise: expected a chunk of 1 or more positions, got ${chunk}`,
      );
    }
  });
});

describe("variants/mamba: what it costs", () => {
  before(() => useBackend());

  const drawSizes = (T: number) => draw({ T, D: 16, N: 4 }, T).tensors;

  it("operations and peak bytes of chunkwise and associative form grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("mamba");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    for (const run of [selectiveScanChunkwise, selectiveScan]) {
      const { flops, peakBytes } = await growth(powersOfTwo(8, 14), drawSizes, run);
      expect(flops, `${run.name}, operations`).to.be.closeTo(1, 0.05);
      expect(peakBytes, `${run.name}, peak bytes`).to.be.closeTo(1, 0.05);
    }
  });

  it("so do those of the recurrent form, to T = 2¹¹", async () => {
    const { flops, peakBytes } = await growth(powersOfTwo(8, 11), drawSizes, selectiveScanRecurrent);
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("chunkwise needs less than a third of the memory of the associative form", async () => {
    const { tensors } = draw({ T: 4096, D: 16, N: 16 }, 1);
    const chunkwise = await count(() => selectiveScanChunkwise(tensors));
    const associative = await count(() => selectiveScan(tensors));
    expect(chunkwise.peakBytes).to.be.lessThan(associative.peakBytes / 3);
  });

  it("recurrently a token takes 7 D N operations and D more for Δ x", async () => {
    const { tensors } = draw({ T: 10, D: 16, N: 4 }, 1);
    const { flops } = await count(() => selectiveScanRecurrent(tensors));
    expect(flops).to.equal(10 * (7 * 16 * 4 + 16));
  });
});
