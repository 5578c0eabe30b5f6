import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { type AttentionOptions, attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { type Counts, count } from "workbook/measure/count";
import { random } from "workbook/random";
import { onEveryBackend, useBackendOrSkip } from "../backends.js";

onEveryBackend("peak bytes", () => {
  it("count what is alive at once, above what was there before", async () => {
    const x = tf.ones([100]);
    const peak = async (run: () => unknown) => (await count(run)).peakBytes;
    expect(await peak(() => tf.square(x))).to.equal(400);
    expect(await peak(() => tf.tidy(() => tf.square(tf.square(x))))).to.equal(800);
    const freed = () => {
      const first = tf.square(x);
      first.dispose();
      return tf.square(x);
    };
    expect(await peak(freed), "freed memory is used again").to.equal(400);
    expect(await peak(() => tf.tidy(() => tf.sum(tf.concat([x, x]))))).to.equal(804);
  });

  it("count shared memory once: clones, reshapes, casts to the same type", async () => {
    const x = tf.ones([100]);
    const peak = async (run: () => unknown) => (await count(run)).peakBytes;
    expect(await peak(() => tf.reshape(x, [10, 10]))).to.equal(0);
    expect(await peak(() => tf.clone(x))).to.equal(0);
    const views = () =>
      tf.tidy(() =>
        [tf.square(x)].flatMap((y) => [y, tf.reshape(y, [10, 10]), tf.clone(y), tf.cast(y, "float32")]),
      );
    expect(await peak(views)).to.equal(400);
    const viewOutlives = () => {
      const y = tf.square(x);
      const view = tf.reshape(y, [10, 10]);
      y.dispose();
      const other = tf.square(view);
      return [view, other];
    };
    expect(await peak(viewOutlives)).to.equal(800);
  });

  it("know the size of booleans and complex numbers", async () => {
    const x = tf.ones([100]);
    expect((await count(() => tf.greater(x, x))).peakBytes).to.equal(100);
    expect((await count(() => tf.tidy(() => tf.complex(x, x)))).peakBytes).to.equal(800);
  });

  it("include variables that are assigned anew", async () => {
    const variable = tf.variable(tf.zeros([100]));
    const { peakBytes } = await count(() => {
      for (let i = 0; i < 3; i++) {
        const next = tf.add(variable, 1);
        variable.assign(next);
        next.dispose();
      }
    });
    // A new value beside the last one, and the number one.
    expect(peakBytes).to.equal(400 + 400 + 4);
    expect([...variable.dataSync()].every((value) => value === 3)).to.equal(true);
    variable.dispose();
  });
});

onEveryBackend("counting", () => {
  const x = () => tf.ones([10]);

  it("frees what the function leaves, returned or not, and keeps its inputs", async () => {
    const input = x();
    const before = tf.memory().numTensors;
    await count(() => tf.add(tf.square(input), 1));
    await count(() => input);
    await count(async () => {
      const squared = tf.square(input);
      await Promise.resolve();
      return squared;
    });
    await count(async () => {
      await Promise.resolve();
      return { deep: [tf.square(input)] };
    });
    expect(tf.memory().numTensors).to.equal(before);
    expect(input.isDisposed).to.equal(false);
  });

  it("an asynchronous function counts like the same function called directly", async () => {
    const input = x();
    const later = await count(async () => {
      const y = tf.square(input);
      await new Promise((resolve) => setImmediate(resolve));
      return tf.exp(y);
    });
    expect(later).to.deep.equal(await count(() => tf.exp(tf.square(input))));
    expect(later.flops).to.equal(20);
  });

  it("passes errors on, and leaves the backend as it was", async () => {
    const kernels = () => tf.getKernelsForBackend(tf.getBackend()).map(({ kernelFunc }) => kernelFunc);
    const before = kernels();
    const failure = await count(() => tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3])))).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure?.message).to.match(/inner shapes|incompatible/i);
    const rejected = await count(() => Promise.reject(new Error("later"))).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(rejected?.message).to.equal("later");
    expect(kernels()).to.deep.equal(before);
    expect((await count(() => tf.square(x()))).flops).to.equal(10);
  });

  it("refuses a second count while one is running", async () => {
    let inner: Error | undefined;
    await count(async () => {
      inner = await count(() => x()).then(
        () => undefined,
        (error: Error) => error,
      );
    });
    expect(inner?.message).to.equal("count: expected one count at a time, got a second while one is running");
  });
});

describe("counts on different backends", () => {
  /** Forward and gradient of a causal layer with most kinds of kernel in it. */
  function step(): tf.Tensor[] {
    return tf.tidy(() => {
      const x = random(1).normalTensor<tf.Rank.R4>([1, 2, 6, 4]);
      const loss = (q: tf.Tensor) => {
        const mixed = attention({ q, k: x, v: x, causal: true } as AttentionOptions);
        const { mean, variance } = tf.moments(mixed, -1, true);
        const normal = tf.div(tf.sub(mixed, mean), tf.sqrt(tf.add(variance, 1e-5)));
        return tf.neg(tf.mean(tf.logSoftmax(tf.gather(normal, tf.tensor1d([0, 2], "int32"), 2))));
      };
      const { value, grad } = tf.valueAndGrad(loss)(x);
      return [value, grad];
    });
  }

  it("are equal: operations, traffic, peak, kernel by kernel, and on every run", async function () {
    const counts: Counts[] = [];
    for (const backend of ["tensorflow", "cpu"] as const) {
      await useBackendOrSkip(this, backend);
      counts.push(await count(step), await count(step));
    }
    await useBackend();
    for (const other of counts) expect(other).to.deep.equal(counts[0]);
    expect(counts.length).to.equal(4);
    expect(counts[0]!.uncounted).to.deep.equal([]);
    expect(counts[0]!.flops).to.be.above(1000);
  });
});
