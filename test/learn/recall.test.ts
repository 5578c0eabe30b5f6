import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { recallAccuracy, recallMixer, trainRecall } from "workbook/learn/recall";
import { random } from "workbook/random";

const softmax = recallMixer({ name: "softmax", mix: (inputs) => attention({ ...inputs, causal: true }) });

describe("learn/recall", () => {
  before(() => useBackend());

  it("queries and values come from each token, keys from the token before, zeros first", () => {
    const x = random(1).normalTensor<tf.Rank.R3>([2, 4, 6]);
    const unit = tf.eye(6);
    const params = { wq: unit, wk: unit, wv: unit, wo: unit };
    const show = (part: "q" | "k" | "v") =>
      recallMixer({ name: part, mix: (inputs) => inputs[part] }).forward({ x, params, heads: 2 });
    const exact = { tolerance: 1e-6, because: "numbers are only moved" };
    assertClose(show("q"), x, exact, "queries");
    assertClose(show("v"), x, exact, "values");
    const before = tf.concat([tf.zeros([2, 1, 6]), tf.slice(x, [0, 0, 0], [2, 3, 6])], 1);
    assertClose(show("k"), before, exact, "keys");
  });

  it("softmax attention learns to recall, also more pairs than it was trained with", async () => {
    const { config, params, history } = await trainRecall({
      mixer: softmax,
      width: 32,
      seed: 1,
      steps: 120,
    });
    expect(history.training.length).to.equal(120);
    // A guess is right once in 16 times.
    for (const pairs of [2, 16, 64]) {
      expect(recallAccuracy({ config, params, pairs }), `${pairs} pairs`).to.be.greaterThan(0.9);
    }
    tf.dispose(params);
  });

  it("the same seed trains the same model, and nothing but its parameters is left", async () => {
    const tensors = tf.memory().numTensors;
    const losses: unknown[] = [];
    for (const seed of [1, 1, 2]) {
      const { params, history } = await trainRecall({ mixer: softmax, width: 8, seed, steps: 3 });
      losses.push(history.training);
      tf.dispose(params);
    }
    expect(losses[1]).to.deep.equal(losses[0]);
    expect(losses[2]).not.to.deep.equal(losses[0]);
    expect(tf.memory().numTensors).to.equal(tensors);
  });
});
