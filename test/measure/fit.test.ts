import { expect } from "chai";
import { describe, it } from "mocha";
import { fitExponent, localExponents } from "workbook/measure/fit";
import { studentCentral, studentQuantile } from "workbook/measure/student-t";
import { random } from "workbook/random";

const sizes = [64, 128, 256, 512, 1024, 2048];

describe("Student's t", () => {
  it("its 95 % and 99 % quantiles are those of the printed tables", () => {
    const table: [df: number, q95: number, q99: number][] = [
      [1, 12.706, 63.657],
      [2, 4.303, 9.925],
      [3, 3.182, 5.841],
      [4, 2.776, 4.604],
      [5, 2.571, 4.032],
      [10, 2.228, 3.169],
      [29, 2.045, 2.756],
      [120, 1.98, 2.617],
    ];
    for (const [df, q95, q99] of table) {
      expect(studentQuantile(0.95, df), `df ${df}`).to.be.closeTo(q95, 0.0006);
      expect(studentQuantile(0.99, df), `df ${df}`).to.be.closeTo(q99, 0.0006);
    }
  });

  it("one degree of freedom is Cauchy: P(|X| ≤ 1) = 1/2; two: P(|X| ≤ √2) = 1/√2", () => {
    expect(studentCentral(1, 1)).to.be.closeTo(1 / 2, 1e-15);
    expect(studentCentral(Math.SQRT2, 2)).to.be.closeTo(Math.SQRT1_2, 1e-15);
  });

  it("is unbounded without degrees of freedom, and refuses what is none", () => {
    expect(studentQuantile(0.95, 0)).to.equal(Number.POSITIVE_INFINITY);
    expect(() => studentQuantile(0.95, 1.5)).to.throw(RangeError, "got 1.5");
    expect(() => studentQuantile(1, 3)).to.throw(RangeError, "got 1");
  });
});

describe("fitted exponents", () => {
  it("y = 3 x² fits exponent 2 and prefactor 3 exactly, with no spread", () => {
    const { exponent, confidence, prefactor, r2 } = fitExponent(
      sizes,
      sizes.map((x) => 3 * x ** 2),
    );
    expect(exponent).to.be.closeTo(2, 1e-12);
    expect(prefactor).to.be.closeTo(3, 1e-10);
    expect(r2).to.be.closeTo(1, 1e-12);
    expect(confidence[1] - confidence[0]).to.be.below(1e-6);
  });

  it("slope and interval equal those worked out by hand on three points", () => {
    // log y = 0, 1, 3 at log x = 0, 1, 2: slope 3/2, residuals 1/6, −1/3, 1/6, so s² = 1/6 and SE = √(1/12).
    const [xs, ys] = [[0, 1, 2].map(Math.exp), [0, 1, 3].map(Math.exp)];
    const { exponent, confidence, prefactor, r2 } = fitExponent(xs, ys);
    const half = 12.7062 * Math.sqrt(1 / 12);
    expect(exponent).to.be.closeTo(3 / 2, 1e-12);
    expect(prefactor).to.be.closeTo(Math.exp(-1 / 6), 1e-12);
    expect(confidence[0]).to.be.closeTo(3 / 2 - half, 1e-4);
    expect(confidence[1]).to.be.closeTo(3 / 2 + half, 1e-4);
    expect(r2).to.be.closeTo(27 / 28, 1e-12);
  });

  it("the 95 % interval holds the true exponent in 95 % of noisy curves", () => {
    const r = random(1);
    const trials = 2000;
    let held = 0;
    for (let i = 0; i < trials; i++) {
      const ys = sizes.map((x) => 0.2 * x ** 1.5 * Math.exp(0.1 * r.normal()));
      const [low, high] = fitExponent(sizes, ys).confidence;
      if (low <= 1.5 && 1.5 <= high) held++;
    }
    // Five standard errors of a share of 0.95; the seed is fixed.
    expect(held / trials).to.be.closeTo(0.95, 5 * Math.sqrt((0.95 * 0.05) / trials));
  });

  it("two points fit anything: the interval is unbounded", () => {
    const { exponent, confidence } = fitExponent([1, 10], [5, 50]);
    expect(exponent).to.be.closeTo(1, 1e-12);
    expect(confidence).to.deep.equal([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it("on a T² + b T the global fit lies between 1 and 2, and the local exponents rise towards 2", () => {
    const ys = sizes.map((x) => x ** 2 + 500 * x);
    const { exponent } = fitExponent(sizes, ys);
    const local = localExponents(sizes, ys);
    expect(exponent).to.be.within(1.2, 1.8);
    expect(local).to.deep.equal(local.toSorted((a, b) => a - b));
    // The last slope is log₂ of (2048² + 500·2048) / (1024² + 500·1024).
    expect(local.at(-1)).to.be.closeTo(Math.log2((2048 * 2548) / (1024 * 1524)), 1e-12);
    expect(local.length).to.equal(sizes.length - 1);
  });

  it("local exponents do not depend on the order of the sizes", () => {
    expect(localExponents([4, 1, 2], [16, 1, 2])).to.deep.equal(localExponents([1, 2, 4], [1, 2, 16]));
  });

  it("refuses what has no logarithm, one size, and lists of different lengths", () => {
    expect(() => fitExponent([1, 2], [0, 1])).to.throw(RangeError, "expected positive finite numbers, got 0");
    expect(() => fitExponent([1, 2], [Number.NaN, 1])).to.throw(RangeError, "got NaN");
    expect(() => fitExponent([2, 2], [1, 2])).to.throw(RangeError, "two different sizes, got [2, 2]");
    expect(() => fitExponent([1, 2], [1])).to.throw(RangeError, "expected as many ys as xs (2), got 1");
    expect(() => localExponents([1, 1, 2], [1, 1, 2])).to.throw(RangeError, "each size once, got [1, 1, 2]");
  });
});
