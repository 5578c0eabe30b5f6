import { expect } from "chai";
import { describe, it } from "mocha";
import { logDomain, logTicks, plotDomain, position, rangeText, sizeTicks } from "workbook/plot/axis";

describe("axes", () => {
  it("a log axis of four decades or more has ticks at powers of ten", () => {
    expect(logTicks([0.5, 20000])).to.deep.equal([1, 10, 100, 1000, 10000]);
  });

  it("a shorter one has 2 and 5 too, exactly", () => {
    expect(logTicks([0.004, 0.3])).to.deep.equal([0.005, 0.01, 0.02, 0.05, 0.1, 0.2]);
  });

  it("one within a decade has even steps", () => {
    expect(logTicks([1.4, 4.4])).to.deep.equal([1.5, 2, 3, 4]);
  });

  it("one of very many decades has at most nine", () => {
    const ticks = logTicks([1, 1e20]);
    expect(ticks.length).to.be.within(4, 9);
    expect(
      new Set(ticks.slice(1).map((tick, i) => Math.round(Math.log10(tick / ticks[i]!)))),
    ).to.have.property("size", 1);
  });

  it("sequence lengths are their own ticks unless they crowd", () => {
    expect(sizeTicks([1024, 256, 512, 256], [200, 1200])).to.deep.equal([256, 512, 1024]);
    expect(sizeTicks([1000, 1001, 1002], [100, 2000])).to.deep.equal(logTicks([100, 2000]));
  });

  it("a log domain has equal margins in the logarithm", () => {
    const [low, high] = logDomain([10, 1000], 0.1);
    expect(10 / low).to.be.closeTo(high / 1000, 1e-9);
    expect(10 / low).to.be.closeTo(100 ** 0.1, 1e-9);
    expect(logDomain([8, 8])).to.deep.equal([4, 16].map((end) => Number(end)));
  });

  it("an axis shows exactly its domain", () => {
    const { scale } = position("plot", "y", { label: "y", unit: "ms", domain: [0.3, 7.1] });
    expect(scale).to.deep.equal({ type: "linear", domain: [0.3, 7.1], nice: false, zero: false });
  });

  it("bytes and FLOPs have SI prefixes on their ticks, other units plain numbers", () => {
    const labels = (unit: string) =>
      position("plot", "y", { label: "y", unit, domain: [1, 2] }).axis as Record<string, string>;
    expect(labels("bytes").labelExpr).to.contain("'~s'").and.to.contain(" $1B'");
    expect(labels("FLOPs").labelExpr).to.contain(" $1FLOP'");
    expect(labels("ms")).to.have.property("format");
  });

  it("an axis without a unit, and a domain that does not rise, are refused", () => {
    expect(() => position("plot", "y", { label: "time", unit: "", domain: [1, 2] })).to.throw(
      RangeError,
      'got "time" and ""',
    );
    const domain = (low: number, high: number, scale: "linear" | "log" = "linear") =>
      plotDomain("plot", { label: "time", unit: "ms", scale, domain: [low, high] }, [1, 2]);
    expect(domain(-1, 2)).to.deep.equal([-1, 2]);
    expect(() => domain(2, 1)).to.throw(RangeError, "plot: expected a rising domain for time, got 2 to 1");
    expect(() => domain(1, Number.NaN)).to.throw(RangeError, "got 1 to NaN");
    expect(() => domain(0, Number.POSITIVE_INFINITY)).to.throw(RangeError, "got 0 to Infinity");
    expect(() => domain(0, 1, "log")).to.throw(RangeError, "a rising domain above 0 for time, got 0 to 1");
  });

  it("a range in words has its unit once, and prefixes where they differ", () => {
    expect(rangeText([3, 1, 2], "ms")).to.equal("1 to 3 ms");
    expect(rangeText([1e3, 1e6], "bytes")).to.equal("1 kB to 1 MB");
    expect(rangeText([5, 5], "ms")).to.equal("5 ms");
  });
});
