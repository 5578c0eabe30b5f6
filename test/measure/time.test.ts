import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { summary, time } from "workbook/measure/time";
import { onEveryBackend } from "../backends.js";

describe("summary of times", () => {
  it("median, extremes and interquartile range, interpolated as in the textbooks", () => {
    expect(summary([4, 1, 3, 2])).to.deep.equal({ median: 2.5, min: 1, max: 4, iqr: 1.5, runs: 4 });
    expect(summary([5, 1, 2])).to.deep.equal({ median: 2, min: 1, max: 5, iqr: 2, runs: 3 });
    expect(summary([7])).to.deep.equal({ median: 7, min: 7, max: 7, iqr: 0, runs: 1 });
  });

  it("one slow outlier moves neither the median nor the range much", () => {
    expect(summary([1, 1, 1, 1, 1000])).to.include({ median: 1, iqr: 0, max: 1000 });
  });

  it("refuses an empty list", () => {
    expect(() => summary([])).to.throw(RangeError, "expected at least one sample, got none");
  });
});

onEveryBackend("timing", () => {
  const quick = { warmup: 2, runs: 3, minSeconds: 0 };

  it("calls the function once per warm-up and run, and frees what it returns", async () => {
    const x = tf.ones([4, 4]);
    let calls = 0;
    const before = tf.memory().numTensors;
    const { runs, min, median, max } = await time(() => {
      calls++;
      return [tf.matMul(tf.square(x) as tf.Tensor2D, x as tf.Tensor2D)];
    }, quick);
    expect([calls, runs]).to.deep.equal([5, 3]);
    expect(tf.memory().numTensors).to.equal(before);
    expect([0, min, median, max]).to.deep.equal([0, min, median, max].toSorted((a, b) => a - b));
  });

  it("goes on until the least time has passed", async () => {
    const { runs } = await time(() => tf.ones([1]), { warmup: 0, runs: 1, minSeconds: 0.02 });
    expect(runs).to.be.above(1);
  });

  it("awaits an asynchronous function, and its time includes the wait", async () => {
    const { min } = await time(() => new Promise((resolve) => setTimeout(resolve, 8)), {
      ...quick,
      warmup: 0,
      runs: 1,
    });
    // Node's timers may fire a millisecond early.
    expect(min).to.be.at.least(6);
  });

  it("takes results of any shape: scalars, empty tensors, containers, nothing", async () => {
    const before = tf.memory().numTensors;
    const run = () => ({ scalar: tf.scalar(1), list: [tf.ones([0, 3]), tf.ones([2, 1])], other: "text" });
    expect((await time(run, quick)).runs).to.equal(3);
    expect((await time(() => undefined, quick)).runs).to.equal(3);
    expect(tf.memory().numTensors).to.equal(before);
  });

  it("passes errors on, and refuses no runs at all", async () => {
    const fails = (promise: Promise<unknown>) => promise.then(() => "no error", String);
    const broken = () => {
      throw new Error("broken");
    };
    expect(await fails(time(broken, quick))).to.equal("Error: broken");
    const message = "RangeError: time: expected runs to be a positive integer, got 0";
    expect(await fails(time(() => tf.ones([1]), { runs: 0 }))).to.equal(message);
  });
});
