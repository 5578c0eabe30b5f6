import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import {
  accuracy,
  copyingBatch,
  inductionBatch,
  recallBatch,
  selectiveCopyingBatch,
} from "workbook/learn/tasks";
import type { Batch } from "workbook/learn/text";

/** Rows of plain numbers, and the batch disposed. */
function read(batch: Batch) {
  const rows = [batch.inputs, batch.targets, batch.mask!].map((tensor) => tensor.arraySync());
  tf.dispose([batch.inputs, batch.targets, batch.mask!]);
  const [inputs, targets, mask] = rows as [number[][], number[][], number[][]];
  return inputs.map((input, row) => ({ input, target: targets[row]!, mask: mask[row]! }));
}

/** Each scored position, with what came up to it. */
function scored(batch: Batch) {
  return read(batch).flatMap(({ input, target, mask }) =>
    input.flatMap((_, t) => (mask[t] === 1 ? [{ seen: input.slice(0, t + 1), target: target[t]!, t }] : [])),
  );
}

describe("synthetic tasks", () => {
  before(async () => {
    await useBackend();
  });

  it("copying: after the signal, the token one pattern, delay and signal ago comes again", () => {
    const options = { batch: 20, seed: 1, length: 5, symbols: 4, delay: 3 };
    const answers = scored(copyingBatch(options));
    expect(answers).to.have.length(20 * 5);
    for (const { seen, target, t } of answers) {
      expect(seen[5 + 3]).to.equal(5);
      expect(seen.slice(5, 8)).to.deep.equal([4, 4, 4]);
      expect(target).to.equal(seen[t - 8]);
    }
    expect(new Set(answers.map(({ target }) => target))).to.deep.equal(new Set([0, 1, 2, 3]));
  });

  it("selective copying: after the signal, the symbols between the blanks come again in their order", () => {
    const options = { batch: 100, seed: 1, length: 9, remembered: 3, symbols: 4 };
    const answers = scored(selectiveCopyingBatch(options));
    expect(answers).to.have.length(100 * 3);
    const places = new Set<string>();
    for (const { seen, target, t } of answers) {
      const context = seen.slice(0, 9);
      const symbols = context.filter((token) => token < 4);
      expect(symbols).to.have.length(3);
      expect(context.filter((token) => token === 4)).to.have.length(6);
      expect(seen[9]).to.equal(5);
      expect(target).to.equal(symbols[t - 9]);
      places.add(context.map((token) => Number(token < 4)).join(""));
    }
    expect(places.size).to.be.greaterThan(40);
  });

  it("induction: the last token is the trigger, and the answer is what followed it the first time", () => {
    const answers = scored(inductionBatch({ batch: 200, seed: 1, length: 10, symbols: 6 }));
    expect(answers).to.have.length(200);
    const places = answers.map(({ seen, target }) => {
      expect(seen).to.have.length(10);
      expect(seen.at(-1)).to.equal(6);
      const place = seen.indexOf(6);
      expect(seen.filter((token) => token === 6)).to.have.length(2);
      expect(target).to.equal(seen[place + 1]);
      return place;
    });
    expect(new Set(places)).to.deep.equal(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it("associative recall: each key asked for is answered with the value it was told with", () => {
    const options = { batch: 50, seed: 1, pairs: 4, queries: 3, keys: 6, values: 5 };
    const answers = scored(recallBatch(options));
    expect(answers).to.have.length(50 * 3);
    for (const { seen, target } of answers) {
      const [told, key] = [seen.slice(0, 8), seen.at(-1)!];
      const keys = told.filter((_, t) => t % 2 === 0);
      expect(new Set(keys).size).to.equal(4);
      expect(Math.max(...keys)).to.be.lessThan(6);
      expect(target).to.equal(told[2 * keys.indexOf(key) + 1]);
      expect(target).to.be.within(6, 10);
    }
  });

  it("inputs and targets are one sequence, shifted by one", () => {
    const batches = [
      copyingBatch({ batch: 3, seed: 2, length: 4, symbols: 4 }),
      inductionBatch({ batch: 3, seed: 2, length: 8, symbols: 4 }),
      recallBatch({ batch: 3, seed: 2, pairs: 3, keys: 4, values: 4 }),
      selectiveCopyingBatch({ batch: 3, seed: 2, length: 8, remembered: 2, symbols: 4 }),
    ];
    for (const { input, target } of batches.flatMap(read)) {
      expect(target.slice(0, -1)).to.deep.equal(input.slice(1));
    }
  });

  it("the same seed gives the same batch, another seed another", () => {
    const draw = (seed: number) => read(copyingBatch({ batch: 2, seed, length: 8, symbols: 8 }));
    expect(draw(1)).to.deep.equal(draw(1));
    expect(draw(1)).not.to.deep.equal(draw(2));
  });

  it("accuracy is the share of scored positions whose largest logit is the target's", () => {
    const batch = {
      inputs: tf.zeros<tf.Rank.R2>([1, 4], "int32"),
      targets: tf.tensor2d([[0, 1, 2, 1]], [1, 4], "int32"),
      mask: tf.tensor2d([[1, 1, 1, 0]]),
    };
    const logits = tf.oneHot(tf.tensor2d([[0, 2, 2, 0]], [1, 4], "int32"), 3) as tf.Tensor3D;
    expect(accuracy({ logits, batch })).to.be.closeTo(2 / 3, 1e-6);
    expect(accuracy({ logits, batch: { inputs: batch.inputs, targets: batch.targets } })).to.equal(0.5);
    tf.dispose([batch, logits]);
  });

  it("says which size does not fit", () => {
    expect(() => copyingBatch({ batch: 1, seed: 1, length: 0, symbols: 2 })).to.throw(
      "copyingBatch: expected length to be a positive integer, got 0",
    );
    expect(() => inductionBatch({ batch: 1, seed: 1, length: 2, symbols: 2 })).to.throw("at least 3, got 2");
    expect(() => selectiveCopyingBatch({ batch: 1, seed: 1, length: 2, remembered: 3, symbols: 2 })).to.throw(
      "at most 2 symbols to remember in as many positions, got 3",
    );
    expect(() => recallBatch({ batch: 1, seed: 1, pairs: 5, keys: 4, values: 2 })).to.throw(
      "recallBatch: expected queries <= pairs <= keys, got 1, 5 and 4",
    );
  });
});
