import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { mambaMixer } from "workbook/learn/mamba-mixer";
import { induction, selectionAccuracy, selectiveCopying, trainSelection } from "workbook/learn/selection";

describe("trained tests of selection", () => {
  before(() => useBackend());

  it("draw tokens of the vocabulary, at any length", () => {
    for (const task of [selectiveCopying, induction]) {
      for (const length of [...task.lengths, 50]) {
        const batch = task.draw({ batch: 3, length, seed: "x" });
        expect(tf.max(batch.inputs).dataSync()[0], task.name).to.be.lessThan(task.vocabulary);
        expect(tf.sum(batch.mask!).dataSync()[0], task.name).to.be.greaterThan(0);
        tf.dispose(batch);
      }
    }
  });

  it("an untrained model guesses, a few steps of training lower the loss, and the same seed gives the same", async () => {
    const options = { task: induction, mixer: mambaMixer(), seed: 1, steps: 6 };
    const [one, other] = [await trainSelection(options), await trainSelection(options)];
    const losses = one.history.training.map(({ loss }) => loss);
    expect(losses[0]).to.be.closeTo(Math.log(induction.vocabulary), 1e-4);
    expect(losses[5]).to.be.lessThan(losses[0]!);
    expect(other.history.training).to.deep.equal(one.history.training);
    expect(selectionAccuracy({ ...one, task: induction, length: 8 })).to.be.within(0, 0.6);
    tf.dispose([one.params, other.params]);
  });
});
