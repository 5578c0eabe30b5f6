import { expect } from "chai";
import fc from "fast-check";
import { describe, it } from "mocha";
import { FrameReader, frame } from "workbook/grading/wall/frames";
import { WireError } from "workbook/grading/wall/wire";

const joined = (payloads: readonly Uint8Array[]) =>
  Uint8Array.from(payloads.flatMap((payload) => frame(payload).flatMap((part) => [...part])));

describe("frames", () => {
  it("come out whole, wherever the stream was cut", () => {
    const cuts = fc.array(fc.nat({ max: 200 }));
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), cuts, (payloads, places) => {
        const bytes = joined(payloads);
        const edges = [0, ...places.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length];
        const reader = new FrameReader(40);
        const received = edges
          .slice(1)
          .flatMap((end, i) => reader.push(bytes.slice(edges[i], end)))
          .map((payload) => [...payload]);
        expect(received).to.deep.equal(payloads.map((payload) => [...payload]));
        expect(reader.isEmpty).to.equal(true);
      }),
    );
  });

  it("one above the limit is refused by its header alone", () => {
    const reader = new FrameReader(1000);
    expect(reader.push(Uint8Array.from([0xe9]))).to.deep.equal([]);
    expect(() => reader.push(Uint8Array.from([3, 0, 0]))).to.throw(WireError, /1001 bytes, 1000 allowed/);
  });

  it("a part of a frame is kept and seen", () => {
    const reader = new FrameReader(1000);
    expect(reader.push(joined([Uint8Array.of(1, 2)]).slice(0, 5))).to.deep.equal([]);
    expect(reader.isEmpty).to.equal(false);
  });
});
