import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { selectiveScanChunkwise, selectiveScanRecurrent, zeroOrderHold } from "workbook/variants/mamba";
import {
  type MambaState,
  type MambaWeights,
  mambaBlock,
  mambaBlockStep,
  selective,
  timeInvariant,
} from "workbook/variants/mamba-block";
import { onEveryBackend } from "../backends.js";

const rounding = { tolerance: 1e-5, because: "float32 products of at most 12 terms, four of them in a row" };

interface Vector {
  readonly name: string;
  readonly shape: [number, number, number];
  readonly weights: Record<keyof MambaWeights, { shape: number[]; data: number[] }>;
  readonly x: number[];
  readonly y: number[];
}

function vectors() {
  const file = path.join(root, "test/vectors/mamba.json");
  const { blocks } = JSON.parse(readFileSync(file, "utf8")) as { blocks: Vector[] };
  return blocks.map(({ name, shape, weights, x, y }) => ({
    name,
    x: tf.tensor3d(x, shape),
    y: { shape, data: y },
    weights: Object.fromEntries(
      Object.entries(weights).map(([key, { shape, data }]) => [key, tf.tensor(data, shape)]),
    ) as unknown as MambaWeights,
  }));
}

onEveryBackend("variants/mamba-block", () => {
  it("agrees with transformers' Mamba mixer, whichever way the scan is computed", () => {
    const cases = vectors();
    expect(cases.length).to.equal(3);
    for (const { name, x, y, weights } of cases) {
      for (const scan of [undefined, selectiveScanRecurrent, selectiveScanChunkwise]) {
        assertClose(mambaBlock({ x, weights, scan }), y, rounding, `${name}, ${scan?.name ?? "associative"}`);
      }
    }
  });

  it("one token at a time, from state to state, equals the whole text", () => {
    const { x, y, weights } = vectors()[0]!;
    const [batch, T, C] = x.shape;
    let state: MambaState | undefined;
    const outputs: tf.Tensor3D[] = [];
    for (let t = 0; t < T; t++) {
      const step = mambaBlockStep({ x: tf.slice(x, [0, t, 0], [batch, 1, C]), weights, state });
      outputs.push(step.y);
      state = step.state;
    }
    expect(state!.past.shape).to.deep.equal([2, 3, 6]);
    expect(state!.scan.shape).to.deep.equal([2, 4, 6]);
    assertClose(tf.concat(outputs, 1), y, rounding);
  });

  it("with W_x = 0 and B, C = 0 selection and time invariance are the same: what goes past the scan", () => {
    const { x, weights } = vectors()[1]!;
    const blind = { ...weights, select: tf.zerosLike(weights.select) };
    const none = timeInvariant({ B: tf.zeros([2]), C: tf.zeros([2]) });
    assertClose(
      mambaBlock({ x, weights: blind }),
      mambaBlock({ x, weights: blind, selection: none }),
      rounding,
    );
  });

  it("time-invariant: a text that starts three tokens later gives the same outputs three tokens later", () => {
    const { x, weights } = vectors()[1]!;
    const [, T, C] = x.shape;
    const selection = timeInvariant({ B: tf.tensor1d([0.5, -1]), C: tf.tensor1d([2, 1]) });
    const run = (input: tf.Tensor3D, select = selection) =>
      mambaBlock({ x: input, weights, selection: select });
    const shifted = tf.concat([tf.zeros<tf.Rank.R3>([1, 3, C]), x], 1);
    // Without biases, so that zeros stay silent.
    const silent = { ...weights, convBias: tf.zerosLike(weights.convBias) };
    const at = (input: tf.Tensor3D, from: number) =>
      tf.slice(mambaBlock({ x: input, weights: silent, selection }), [0, from, 0], [1, T, C]);
    assertClose(at(shifted, 3), at(x, 0), rounding);
    const apart = tf.max(tf.abs(tf.sub(run(x), run(x, selective)))).dataSync()[0]!;
    expect(apart, "the selective block is another function").to.be.greaterThan(0.1);
  });

  it("every weight has a gradient, also through zero-order hold", () => {
    const { x, weights } = vectors()[0]!;
    const names = Object.keys(weights) as (keyof MambaWeights)[];
    const cotangent = random(1).normalTensor<tf.Rank.R3>(x.shape);
    const gradients = tf.grads((...values) => {
      const own = Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as MambaWeights;
      return tf.sum(tf.mul(cotangent, mambaBlock({ x, weights: own, discretise: zeroOrderHold })));
    })(names.map((name) => weights[name]));
    gradients.forEach((gradient, i) => {
      expect(gradient.shape).to.deep.equal(weights[names[i]!].shape);
      const size = tf.sum(tf.abs(gradient)).dataSync()[0]!;
      expect(Number.isFinite(size) && size > 0, `${names[i]}: ${size}`).to.equal(true);
    });
  });

  it("says which weight does not fit", () => {
    const { x, weights } = vectors()[0]!;
    const says = (wrong: Partial<MambaWeights>, message: string) =>
      expect(() => mambaBlock({ x, weights: { ...weights, ...wrong } })).to.throw(RangeError, message);
    says({ into: tf.zeros([3, 11]) }, "mambaBlock: expected into with 12 columns, got 11");
    says({ select: tf.zeros([6, 9]) }, "mambaBlock: expected select with 10 columns, got 9");
    says({ skip: tf.zeros([5]) }, "mambaBlock: expected skip of shape [E] with E = 6 (from out), got [5]");
  });
});
