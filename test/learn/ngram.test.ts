import { expect } from "chai";
import { describe, it } from "mocha";
import { ngramModel } from "workbook/learn/ngram";
import { random } from "workbook/random";

const { integer } = random(1);
const tokens = Int32Array.from({ length: 300 }, () => integer(4));

describe("n-gram models", () => {
  it("the bigram of 0 0 1 0, by hand", () => {
    const model = ngramModel({ train: Int32Array.of(0, 0, 1, 0), vocabulary: 3, order: 2 });
    // N(0) = 3, N(1) = 1, two different tokens, 1 / V = 1/3 each to begin with.
    const unigram = [(3 + 2 / 3) / 6, (1 + 2 / 3) / 6, 2 / 3 / 6];
    // After 0 come 0 and 1, once each; after 1 comes 0.
    for (const token of [0, 1, 2]) {
      expect(model.probability(token, [0])).to.be.closeTo(
        ((token < 2 ? 1 : 0) + 2 * unigram[token]!) / 4,
        1e-12,
      );
      expect(model.probability(token, [0, 1])).to.be.closeTo(
        ((token === 0 ? 1 : 0) + unigram[token]!) / 2,
        1e-12,
      );
      expect(model.probability(token, [2])).to.be.closeTo(unigram[token]!, 1e-12);
    }
    const nats = -Math.log(unigram[1]!) - Math.log((1 + unigram[0]!) / 2);
    expect(model.crossEntropy(Int32Array.of(1, 0))).to.be.closeTo(nats / 2, 1e-12);
  });

  it("probabilities sum to one after every history, seen or not", () => {
    const model = ngramModel({ train: tokens, vocabulary: 5, order: 4 });
    for (const history of [[], [0], [4], [1, 2, 3], [4, 4, 4], [0, 4, 1], [3, 2, 1, 0, 1]]) {
      const total = [0, 1, 2, 3, 4].reduce((sum, token) => sum + model.probability(token, history), 0);
      expect(total, `after ${history}`).to.be.closeTo(1, 1e-12);
    }
  });

  it("a deterministic text costs nothing from the order that determines it", () => {
    const period = Int32Array.from({ length: 600 }, (_, i) => [0, 1, 0, 2][i % 4]!);
    const nats = [1, 2, 3].map((order) =>
      ngramModel({ train: period, vocabulary: 3, order }).crossEntropy(period),
    );
    expect(nats[0]).to.be.closeTo(1.5 * Math.log(2), 0.01);
    expect(nats[1]).to.be.closeTo(0.5 * Math.log(2), 0.01);
    expect(nats[2]).to.be.lessThan(0.02);
  });

  it("says which order it can count", () => {
    expect(() => ngramModel({ train: tokens, vocabulary: 77, order: 0 })).to.throw(
      "ngramModel: expected an order from 1 to 8 for 77 tokens, got 0",
    );
    expect(() => ngramModel({ train: new Int32Array(0), vocabulary: 77, order: 1 })).to.throw("got none");
  });
});
