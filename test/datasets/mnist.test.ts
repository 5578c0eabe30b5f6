import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type Examples, mnist } from "workbook/datasets/mnist";
import { root } from "workbook/root";

const images = ({ images: all }: Examples) => all.arraySync().map((image) => image.flat().join());
const count = ({ labels }: Examples) => {
  const counts = new Map<number, number>();
  for (const label of labels.dataSync()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
};

const folder = path.join(
  path.dirname(createRequire(import.meta.url).resolve("mnist/package.json")),
  "src/digits",
);

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

  it("is the data whose checksum README.md states", () => {
    const hash = createHash("sha256");
    for (let digit = 0; digit < 10; digit++) hash.update(readFileSync(path.join(folder, `${digit}.json`)));
    const readme = readFileSync(path.join(root, "datasets/mnist/README.md"), "utf8");
    expect(readme).to.contain(`SHA-256 | \`${hash.digest("hex")}\``);
  });

  it("all fives have the file's ink, in steps of 1/255", () => {
    const { train, test } = mnist({ train: 713, test: 150, digits: [5], seed: 1 });
    const pixels = [...train.images.dataSync(), ...test.images.dataSync()];
    const { data } = JSON.parse(readFileSync(path.join(folder, "5.json"), "utf8")) as { data: number[] };
    const mean = (values: readonly number[]) => values.reduce((x, y) => x + y, 0) / values.length;
    expect(pixels).to.have.length(data.length);
    expect(mean(pixels)).to.be.closeTo(mean(data), 2e-5);
    const worst = pixels.reduce(
      (most, value) => Math.max(most, Math.abs(255 * value - Math.round(255 * value))),
      0,
    );
    expect(worst).to.be.lessThan(1e-4);
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
