import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { attention } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { dictionaryAccuracy, dictionaryBatch, trainDictionary } from "workbook/learn/dictionary";
import { recallMixer } from "workbook/learn/recall";

describe("learn/dictionary", () => {
  before(() => useBackend());

  it("every key that has stood before is scored, with the value that followed it then; nothing else is", () => {
    const [keys, values] = [5, 4];
    const batch = dictionaryBatch({ batch: 40, seed: 1, pairs: 12, keys, values });
    const [inputs, targets, mask] = [batch.inputs, batch.targets, batch.mask!].map(
      (tensor) => tensor.arraySync() as number[][],
    ) as [number[][], number[][], number[][]];
    let scored = 0;
    for (const [row, tokens] of inputs.entries()) {
      expect(tokens).to.have.length(23);
      for (const [t, token] of tokens.entries()) {
        const isKey = t % 2 === 0;
        expect(token).to.be.within(isKey ? 0 : keys, isKey ? keys - 1 : keys + values - 1);
        const first = tokens.indexOf(token);
        expect(mask[row]![t]).to.equal(isKey && first < t ? 1 : 0);
        if (mask[row]![t] === 0) continue;
        scored++;
        expect(targets[row]![t]).to.equal(tokens[first + 1]);
      }
    }
    // Of 12 pairs, about 5 introduce a key.
    expect(scored).to.be.within(40 * 6, 40 * 9);
    tf.dispose(batch);
  });

  it("the same seed gives the same texts, another seed others", () => {
    const draw = (seed: number) =>
      dictionaryBatch({ batch: 2, seed, pairs: 8, keys: 5, values: 4 }).inputs.arraySync();
    expect(draw(1)).to.deep.equal(draw(1));
    expect(draw(1)).not.to.deep.equal(draw(2));
  });

  it("softmax attention learns it, also in longer texts than it was trained with", async () => {
    const mixer = recallMixer({ name: "softmax", mix: (inputs) => attention({ ...inputs, causal: true }) });
    const { config, params } = await trainDictionary({ mixer, keys: 5, width: 16, seed: 1, steps: 150 });
    for (const pairs of [8, 64]) {
      // A guess is right once in 4 times.
      expect(dictionaryAccuracy({ config, params, keys: 5, pairs }), `${pairs} pairs`).to.be.greaterThan(0.9);
    }
    tf.dispose(params);
  });

  it("says which size does not fit", () => {
    expect(() => dictionaryBatch({ batch: 1, seed: 1, pairs: 0, keys: 2, values: 2 })).to.throw(
      "dictionaryBatch: expected pairs to be a positive integer, got 0",
    );
  });
});
