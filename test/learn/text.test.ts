import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { consecutiveBatches, sampleBatch } from "workbook/learn/text";

const tokens = Int32Array.from({ length: 20 }, (_, i) => i);

describe("batches of text", () => {
  before(async () => {
    await useBackend();
  });

  it("targets are the tokens after the inputs, in every window that fits and no other", () => {
    const batch = sampleBatch({ tokens, length: 17, batch: 40, seed: 1 });
    const [inputs, targets] = [batch.inputs.arraySync(), batch.targets.arraySync()];
    expect([batch.inputs.dtype, batch.targets.dtype]).to.deep.equal(["int32", "int32"]);
    inputs.forEach((row, i) => {
      expect(row).to.deep.equal(Array.from({ length: 17 }, (_, t) => row[0]! + t));
      expect(targets[i]).to.deep.equal(row.map((token) => token + 1));
    });
    expect(new Set(inputs.map((row) => row[0]))).to.deep.equal(new Set([0, 1, 2]));
    tf.dispose([batch.inputs, batch.targets]);
  });

  it("the same seed draws the same windows, another seed others", () => {
    const draw = (seed: number) => {
      const batch = sampleBatch({ tokens, length: 2, batch: 8, seed });
      const rows = batch.inputs.arraySync();
      tf.dispose([batch.inputs, batch.targets]);
      return rows;
    };
    expect(draw(1)).to.deep.equal(draw(1));
    expect(draw(1)).not.to.deep.equal(draw(2));
  });

  it("consecutive windows make each token a target once, in order, but for a rest shorter than a window", () => {
    const batches = [...consecutiveBatches({ tokens, length: 3, batch: 4 })];
    expect(batches.map(({ inputs }) => inputs.shape)).to.deep.equal([
      [4, 3],
      [2, 3],
    ]);
    const all = batches.flatMap(({ targets }) => Array.from(targets.dataSync()));
    expect(all).to.deep.equal(Array.from({ length: 18 }, (_, i) => i + 1));
    expect(batches[1]!.inputs.arraySync()[0]).to.deep.equal([12, 13, 14]);
    for (const { inputs, targets } of batches) tf.dispose([inputs, targets]);
  });

  it("says which length and batch it can make", () => {
    expect(() => sampleBatch({ tokens, length: 20, batch: 1, seed: 1 })).to.throw(
      "sampleBatch: expected a length from 1 to 19 (one less than the tokens), got 20",
    );
    expect(() => [...consecutiveBatches({ tokens, length: 3, batch: 0 })]).to.throw(
      "consecutiveBatches: expected a batch of at least 1 row, got 0",
    );
  });
});
