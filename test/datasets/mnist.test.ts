import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type Examples, mnist } from "workbook/datasets/mnist";

const images = ({ images: all }: Examples) => all.arraySync().map((image) => image.flat().join());
const count = ({ labels }: Examples) => {
  const counts = new Map<number, number>();
  for (const label of labels.dataSync()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
};

describe("MNIST", () => {
  before(async () => {
    await useBackend();
  });

  it("gives as many of each digit, images of 28 by 28 from 0 to 1, and labels", () => {
    const { train, test } = mnist({ train: 23, test: 10, digits: [1, 7], seed: 1 });
    expect(train.images.shape).to.deep.equal([23, 28, 28]);
    expect([...count(train)].sort()).to.deep.equal([
      [1, 12],
      [7, 11],
    ]);
    expect([...count(test)].sort()).to.deep.equal([
      [1, 5],
      [7, 5],
    ]);
    expect(train.labels.dtype).to.equal("int32");
    const pixels = train.images.dataSync();
    expect(Math.min(...pixels)).to.equal(0);
    expect(Math.max(...pixels)).to.be.within(0.9, 1);
    // A one is a stroke: less ink than any other digit.
    const ink = (digit: number) => {
      const { train: some } = mnist({ train: 50, test: 1, digits: [digit], seed: 1 });
      const mean = tf.tidy(() => tf.mean(some.images).dataSync()[0]!);
      tf.dispose([some]);
      return mean;
    };
    expect(ink(1)).to.be.lessThan(0.7 * ink(7));
    tf.dispose([train, test]);
  });

  it("never tests on what any seed trains on", () => {
    const [one, two] = [1, 2].map((seed) => mnist({ train: 713, test: 150, digits: [5], seed }));
    const trained = new Set(images(one!.train));
    expect(images(two!.test).filter((image) => trained.has(image))).to.deep.equal([]);
    expect(new Set([...trained, ...images(one!.test)]).size).to.equal(863);
    tf.dispose([one!, two!]);
  });

  it("the same seed picks and orders the same examples, another seed others", () => {
    const draw = (seed: number) => {
      const { train, test } = mnist({ train: 30, test: 5, digits: [1, 5], seed });
      const result = [Array.from(train.labels.dataSync()), images(train), images(test)];
      tf.dispose([train, test]);
      return result;
    };
    expect(draw(1)).to.deep.equal(draw(1));
    expect(draw(1)[0]).not.to.deep.equal(draw(2)[0]);
  });

  it("is the data that README.md names, by the checksum of all fives", () => {
    const { train, test } = mnist({ train: 713, test: 150, digits: [5], seed: 1 });
    const bytes = [...images(train), ...images(test)].sort().join("\n");
    expect(createHash("sha256").update(bytes).digest("hex")).to.equal(
      "2777031916592bdd5ecc3eb91ba3721f5285977836de0ad8fdc76923db73a434",
    );
    tf.dispose([train, test]);
  });

  it("says how many examples there are, and which digits", () => {
    expect(() => mnist({ train: 1427, test: 1, digits: [1, 7], seed: 1 })).to.throw(
      "mnist: expected train from 1 to 1426 for 2 digits, got 1427",
    );
    expect(() => mnist({ train: 1, test: 1, digits: [1, 1], seed: 1 })).to.throw(
      "mnist: expected different digits from 0 to 9, got [1, 1]",
    );
    expect(() => mnist({ train: 1, test: 1, digits: [10], seed: 1 })).to.throw("got [10]");
  });
});
