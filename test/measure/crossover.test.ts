import { expect } from "chai";
import { describe, it } from "mocha";
import { crossover } from "workbook/measure/crossover";

const sizes = [64, 128, 256, 512, 1024];
const power = (a: number, p: number, xs = sizes) => ({ xs, ys: xs.map((x) => a * x ** p) });

describe("crossover", () => {
  it("x² and 300 x meet at 300, where both are 90,000, and the linear one is cheaper after", () => {
    const found = crossover(power(1, 2), power(300, 1))!;
    expect(found.x).to.be.closeTo(300, 1e-9);
    expect(found.y).to.be.closeTo(90_000, 1e-6);
    expect(found.extrapolated).to.equal(false);
    expect(found.cheaperAfter).to.equal("b");
    expect(crossover(power(300, 1), power(1, 2))!.cheaperAfter).to.equal("a");
  });

  it("finds it on curves measured at different sizes", () => {
    const found = crossover(power(1, 2, [50, 200, 800]), power(300, 1, [100, 400]))!;
    expect(found.x).to.be.closeTo(300, 1e-9);
    expect(found.extrapolated).to.equal(false);
  });

  it("is exact when the curves meet at a measured size, though they bend there", () => {
    for (const x of [128, 256, 1024]) {
      const a = { xs: sizes, ys: sizes.map((size) => (size / x) ** 2) };
      const b = { xs: sizes, ys: sizes.map((size) => (size < x ? 1 : size / x)) };
      expect(crossover(a, b)!.x, `meeting at ${x}`).to.be.closeTo(x, 1e-9);
    }
  });

  it("touching is not crossing, at the first size or between", () => {
    const flat = { xs: sizes, ys: sizes.map(() => 1) };
    expect(crossover(flat, { xs: sizes, ys: sizes.map((x) => x / 64) })).to.equal(undefined);
    expect(crossover(flat, { xs: sizes, ys: sizes.map((x) => Math.max(x / 256, 256 / x)) })).to.equal(
      undefined,
    );
  });

  it("continues the last slopes beyond the sizes measured, says so, and gives up sixteen-fold beyond", () => {
    const found = crossover(power(1, 2), power(5000, 1))!;
    expect(found.x).to.be.closeTo(5000, 1e-6);
    expect(found.extrapolated).to.equal(true);
    expect(crossover(power(1, 2), power(16_000, 1))!.x).to.be.closeTo(16_000, 1e-6);
    expect(crossover(power(1, 2), power(17_000, 1))).to.equal(undefined);
    // Even where one of them was measured so far.
    const far = power(17_000, 1, [64, 1024, 100_000]);
    expect(crossover(power(1, 2), far)).to.equal(undefined);
  });

  it("uses what one curve measured where the other is only continued", () => {
    const long = { xs: [1, 10, 100], ys: [1, 10, 1000] };
    const short = { xs: [1, 10], ys: [2, 20] };
    // Beyond 10: y = x²/10 measured against y = 2x continued.
    const found = crossover(long, short)!;
    expect(found.x).to.be.closeTo(20, 1e-9);
    expect(found.extrapolated).to.equal(true);
  });

  it("of several crossings takes the last one measured", () => {
    const a = { xs: [1, 2, 4, 8], ys: [1, 4, 4, 16] };
    const b = { xs: [1, 2, 4, 8], ys: [2, 2, 8, 8] };
    const found = crossover(a, b)!;
    expect(found.x).to.be.closeTo(Math.sqrt(32), 1e-9);
    expect(found.y).to.be.closeTo(8, 1e-9);
  });

  it("parallel, equal and parting curves never cross", () => {
    expect(crossover(power(1, 2), power(2, 2))).to.equal(undefined);
    expect(crossover(power(1, 2), power(1, 2))).to.equal(undefined);
    expect(crossover(power(1, 1), power(2, 2))).to.equal(undefined);
  });

  it("refuses curves without a common range, falling sizes and values without a logarithm", () => {
    expect(() => crossover(power(1, 1, [1, 2]), power(1, 1, [3, 4]))).to.throw(
      RangeError,
      "expected curves over a common range, got 1 to 2 and 3 to 4",
    );
    expect(() => crossover(power(1, 1, [2, 1]), power(1, 1))).to.throw(
      RangeError,
      "expected curve a to have",
    );
    expect(() => crossover(power(1, 1), { xs: [1, 2], ys: [1, 0] })).to.throw(RangeError, "ys = [1, 0]");
    expect(() => crossover(power(1, 1), power(1, 1, [64]))).to.throw(RangeError, "expected curve b to have");
  });
});
