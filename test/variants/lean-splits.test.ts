import { expect } from "chai";
import * as fc from "fast-check";
import { describe, it } from "mocha";
import { checkSplits, fixedSplit, type Splits, streamK } from "workbook/variants/lean-splits";
import { timeline } from "workbook/variants/lean-timeline";

const batches = fc.record({
  lengths: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 5 }),
  heads: fc.integer({ min: 1, max: 3 }),
  workers: fc.integer({ min: 1, max: 20 }),
  block: fc.integer({ min: 1, max: 9 }),
});

const keysOf = (pieces: Splits[number]) => pieces.reduce((sum, { from, to }) => sum + to - from, 0);

describe("variants/lean-splits", () => {
  it("stream-K and the fixed split compute every key of every tile once, for any lengths, heads, workers and block", () => {
    for (const { workers, ...options } of fc.sample(batches, { seed: 1, numRuns: 200 })) {
      for (const splits of [streamK({ ...options, workers }), fixedSplit({ ...options, parts: workers })]) {
        const seen = options.lengths.map((length) =>
          Array.from({ length: options.heads }, () => Array<number>(length).fill(0)),
        );
        for (const { b, g, from, to } of splits.flat()) {
          for (let s = from; s < to; s++) seen[b]![g]![s]!++;
        }
        expect(seen.flat(2).every((times) => times === 1)).to.equal(true);
        checkSplits("test", splits, options);
      }
    }
  });

  it("stream-K's workers have equally many keys, but for one, and N tiles make N + W − 1 pieces at most", () => {
    for (const { workers, lengths, heads } of fc.sample(batches, { seed: 2, numRuns: 200 })) {
      const splits = streamK({ lengths, heads, workers });
      const counts = splits.map(keysOf);
      expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      const tiles = heads * lengths.filter((length) => length > 0).length;
      expect(splits.flat().length).to.be.at.most(Math.max(0, tiles + workers - 1));
    }
  });

  it("stream-K lays three texts behind one another and cuts the line in equal stretches", () => {
    expect(streamK({ lengths: [5, 1, 6], heads: 1, workers: 3 })).to.deep.equal([
      [{ b: 0, g: 0, from: 0, to: 4 }],
      [
        { b: 0, g: 0, from: 4, to: 5 },
        { b: 1, g: 0, from: 0, to: 1 },
        { b: 2, g: 0, from: 0, to: 2 },
      ],
      [{ b: 2, g: 0, from: 2, to: 6 }],
    ]);
  });

  it("the fixed split cuts each text by itself, at multiples of the block", () => {
    expect(fixedSplit({ lengths: [5, 1], heads: 1, parts: 2, block: 2 })).to.deep.equal([
      [{ b: 0, g: 0, from: 0, to: 4 }],
      [{ b: 0, g: 0, from: 4, to: 5 }],
      [{ b: 1, g: 0, from: 0, to: 1 }],
      [{ b: 1, g: 0, from: 1, to: 1 }],
    ]);
  });

  it("says what it expected and what it got", () => {
    const options = { lengths: [5], heads: 1 };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(() => streamK({ ...options, workers: 0 }), "streamK: expected 1 or more workers, got 0");
    says(() => fixedSplit({ ...options, parts: 1.5 }), "fixedSplit: expected 1 or more parts, got 1.5");
    says(() => streamK({ ...options, workers: 2, block: 0 }), "streamK: expected 1 or more block, got 0");
    says(
      () => streamK({ lengths: [3, -1], heads: 1, workers: 2 }),
      "streamK: expected whole lengths from 0 on, got -1 for batch element 1",
    );
    const piece = (from: number, to: number, b = 0) => [{ b, g: 0, from, to }];
    const check = (splits: Splits) => () => checkSplits("decode", splits, options);
    says(
      check([piece(0, 3), piece(2, 5)]),
      "decode: expected pieces that cover the 5 keys of batch element 0, key head 0, once each; got keys 2 to 5 after key 3",
    );
    says(
      check([piece(0, 3)]),
      "decode: expected pieces that cover the 5 keys of batch element 0, key head 0; got the first 3",
    );
    says(check([piece(0, 6)]), "once each; got keys 0 to 6 after key 0");
    says(
      check([piece(0, 5), piece(0, 5, 1)]),
      "decode: expected pieces of 1 batch elements and 1 key heads, got one of element 1, head 0",
    );
  });
});

describe("variants/lean-timeline", () => {
  const options = { lengths: [6, 2, 2], heads: 1 };

  it("deals jobs in order to whoever is free first, and counts who waits", () => {
    const { spans, end, idle } = timeline({ splits: fixedSplit({ ...options, parts: 1 }), workers: 2 });
    const seen = spans.map(({ worker, start, end, piece }) => [piece.b, worker, start, end]);
    expect(seen).to.deep.equal([
      [0, 0, 0, 6],
      [1, 1, 0, 2],
      [2, 1, 2, 4],
    ]);
    expect([end, idle]).to.deep.equal([6, 1 - 10 / 12]);
  });

  it("with stream-K nobody waits when the keys divide evenly, and each piece's overhead counts", () => {
    const splits = streamK({ ...options, workers: 5 });
    expect(timeline({ splits, workers: 5 })).to.include({ end: 2, idle: 0 });
    expect(timeline({ splits, workers: 5, overhead: 0.5 })).to.include({ end: 2.5, idle: 0 });
  });

  it("no keys take no time", () => {
    expect(timeline({ splits: [[]], workers: 3 })).to.deep.equal({ spans: [], end: 0, idle: 0 });
    expect(() => timeline({ splits: [], workers: 0 })).to.throw(
      RangeError,
      "timeline: expected one worker or more, got 0",
    );
  });
});
