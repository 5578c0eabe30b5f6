import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, it } from "mocha";
import { useBackend } from "workbook/backend";
import { onGpu, read } from "./on-gpu.js";

/** Whole numbers 1 … 11 in mixed order. */
const NUMBERS = Array.from({ length: 24 }, (_, i) => ((i * 7) % 11) + 1);
const [deep, deeper] = [
  [2, 3, 2, 1, 2],
  [2, 1, 3, 2, 1, 2],
];

const float = (x: tf.Tensor, shape = [24]) => tf.reshape(tf.cast(x, "float32"), shape);
const large = (x: tf.Tensor) => tf.greater(x, tf.scalar(5, "int32"));

/** Of 24 whole numbers. */
const operations: Readonly<Record<string, (x: tf.Tensor) => tf.Tensor>> = {
  "a cast to float32, transposed": (x) => tf.transpose(float(x, [2, 3, 4]), [1, 0, 2]),
  "a cast of booleans, repeated": (x) => tf.tile(tf.cast(large(x), "float32"), [2]),
  "whole numbers, transposed": (x) => tf.transpose(tf.reshape(x, [2, 3, 4]), [2, 0, 1]),
  "booleans, transposed": (x) => tf.transpose(tf.reshape(large(x), [2, 2, 3, 2]), [0, 1, 3, 2]),
  "a sum over an inner axis": (x) => tf.sum(tf.reshape(x, [2, 3, 4]), 1),
  "a maximum over two inner axes, kept": (x) => tf.max(tf.reshape(x, [2, 3, 2, 2]), [1, 2], true),
  "a minimum over the first axis": (x) => tf.min(tf.reshape(x, [2, 3, 4]), 0),
  "a maximum over the last axis": (x) => tf.max(tf.reshape(x, [2, 3, 4]), 2),
  "the place of a maximum over an inner axis": (x) => tf.argMax(tf.reshape(x, [2, 3, 4]), 1),
  "any over an inner axis": (x) => tf.any(tf.reshape(large(x), [2, 3, 4]), 1),
  "all over an inner axis": (x) => tf.all(tf.reshape(large(x), [2, 3, 4]), 1, true),
  "a sum of forty": (x) => tf.addN(Array.from({ length: 40 }, (_, i) => tf.mul(float(x), i))),
  "a choice at rank 5": (x) =>
    tf.where(tf.greater(float(x, deep), 5), float(x, deep), tf.neg(float(x, deep))),
  "a choice at rank 6, broadcast": (x) =>
    tf.where(tf.greater(float(x, deeper), 5), float(x, deeper), tf.scalar(-1)),
  "running sums at rank 5": (x) => tf.cumsum(float(x, deep), 1),
  "running sums at rank 5, the other way": (x) => tf.cumsum(float(x, deep), 0, true, true),
  "running products at rank 5": (x) => tf.cumprod(float(x, deep), 2),
  "padding at rank 5": (x) =>
    tf.pad(
      float(x, deep),
      [
        [0, 1],
        [1, 0],
        [0, 0],
        [2, 1],
        [0, 1],
      ],
      7,
    ),
  "no padding at rank 5": (x) =>
    tf.pad(
      float(x, deep),
      Array.from({ length: 5 }, () => [0, 0]),
    ),
  "the other way round at rank 5": (x) => tf.reverse(float(x, deep), [0, 2, 4]),
  "the other way round at rank 5, all axes": (x) => tf.reverse(float(x, deep)),
  "repetition at rank 5": (x) => tf.tile(float(x, deep), [2, 1, 3, 1, 2]),
  "repetition of whole numbers at rank 5": (x) => tf.tile(tf.reshape(x, deep), [1, 2, 1, 2, 1]),
  "the gradient of a choice at rank 5": (x) => {
    const chosen = tf.greater(float(x, deep), 5);
    return tf.grad((y) => tf.sum(tf.where(chosen, tf.square(y), y)))(float(x, deep));
  },
};

onGpu("kernels/mends", () => {
  const expected = new Map<string, { shape: readonly number[]; dtype: string; data: number[] }>();

  before(async () => {
    await useBackend("cpu");
    for (const [name, run] of Object.entries(operations)) {
      const y = tf.tidy(() => run(tf.tensor1d(NUMBERS, "int32")));
      expected.set(name, { shape: y.shape, dtype: y.dtype, data: Array.from(y.dataSync()) });
      y.dispose();
    }
    await useBackend("webgpu");
  });

  for (const [name, run] of Object.entries(operations)) {
    it(`${name}: as on the CPU, and nothing is left behind`, async () => {
      const tensors = tf.memory().numTensors;
      // The sum comes out of a kernel, so that the numbers are on the GPU alone.
      const x = tf.tidy(() => tf.add(tf.tensor1d(NUMBERS, "int32"), tf.zeros([24], "int32")));
      await tf.tidy(() => tf.add(x, tf.relu(x))).data();
      const y = tf.tidy(() => run(x));
      const { shape, data } = await read(y);
      expect({ shape, dtype: y.dtype, data: Array.from(data) }).to.deep.equal(expected.get(name));
      tf.dispose([x, y]);
      expect(tf.memory().numTensors).to.be.at.most(tensors + 1);
    });
  }

  it("a synchronous read says what to do instead; numbers that never left can be read so", () => {
    expect(() => tf.relu(tf.relu(tf.fill([3], 1))).dataSync()).to.throw(
      /^webgpu: expected await tensor\.data\(\)/,
    );
    expect(Array.from(tf.tensor1d([1, 2]).dataSync())).to.deep.equal([1, 2]);
  });

  it("a refused command is an error of the next read, once", async () => {
    const x = tf.relu(tf.fill([3], 1));
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    device.createShaderModule({ code: "this is no WGSL" });
    const error = await x.data().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.message).to.match(
      /^webgpu: the GPU refused a command, so what comes after it is wrong: Error while parsing WGSL/,
    );
    expect(Array.from(await x.data())).to.deep.equal([1, 1, 1]);
  });

  after(() => expected.clear());
});
