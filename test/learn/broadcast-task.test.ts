import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { accuracyByDistance, broadcastBatch } from "workbook/learn/broadcast-task";

const options = { batch: 40, seed: 1, length: 12, symbols: 4, noise: 3 };

describe("learn/broadcast-task", () => {
  before(() => useBackend());

  it("each row holds one start token, one marked token, and nothing else that means anything", () => {
    for (const tokens of broadcastBatch(options).inputs.arraySync()) {
      expect(tokens[0]).to.equal(7);
      expect(tokens.slice(1).filter((token) => token < 4)).to.have.lengthOf(1);
      expect(tokens.slice(1).every((token) => token < 7)).to.equal(true);
    }
  });

  it("the marked token is the target of all positions of its row", () => {
    const batch = broadcastBatch(options);
    const targets = batch.targets.arraySync();
    batch.inputs.arraySync().forEach((tokens, row) => {
      const mark = tokens.find((token) => token < 4);
      expect(targets[row]).to.deep.equal(tokens.map(() => mark));
    });
  });

  it("every symbol and every place but the first occurs, and the seed decides", () => {
    const inputs = broadcastBatch({ ...options, batch: 400 }).inputs.arraySync();
    const places = new Set(inputs.map((tokens) => tokens.findIndex((token) => token < 4)));
    expect([...places].sort((a, b) => a - b)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(new Set(inputs.flatMap((tokens) => tokens.filter((token) => token < 4))).size).to.equal(4);
    expect(broadcastBatch(options).inputs.arraySync()).to.deep.equal(
      broadcastBatch(options).inputs.arraySync(),
    );
    expect(broadcastBatch({ ...options, seed: 2 }).inputs.arraySync()).not.to.deep.equal(
      broadcastBatch(options).inputs.arraySync(),
    );
  });

  it("accuracy by distance is that of a model that knows the mark within two steps and guesses 0 beyond", () => {
    const batch = broadcastBatch(options);
    const answers = batch.inputs.arraySync().map((tokens) => {
      const mark = tokens.findIndex((token) => token < 4);
      return tokens.map((_, i) => (Math.abs(i - mark) <= 2 ? tokens[mark]! : 0));
    });
    const logits = tf.oneHot(tf.tensor2d(answers, undefined, "int32"), 8) as tf.Tensor3D;
    const byDistance = accuracyByDistance({ logits, batch, symbols: 4 });
    expect(byDistance.slice(0, 3)).to.deep.equal([1, 1, 1]);
    const zeros = batch.targets.arraySync().filter(([target]) => target === 0).length;
    expect(zeros).to.be.within(1, 39);
    for (const share of byDistance.slice(3)) expect(share ?? 0).to.be.below(1);
  });

  it("refuses sizes that leave no room for the mark", () => {
    expect(() => broadcastBatch({ ...options, length: 1 })).to.throw(
      "broadcastBatch: expected length to be a whole number of at least 2, got 1",
    );
  });
});
