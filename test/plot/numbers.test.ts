import { expect } from "chai";
import { describe, it } from "mocha";
import { compact, formatNumber, formatQuantity, formatSi } from "workbook/plot/numbers";

describe("numbers in plots and tables", () => {
  it("a spec's numbers have five significant digits, integers all of theirs", () => {
    expect([0.123456789, 1 / 3e9, 123456.789, 17179869184, -0.000123456].map(compact)).to.deep.equal([
      0.12346, 3.3333e-10, 123460, 17179869184, -0.00012346,
    ]);
  });

  it("thousands are separated, integers shown in full, others to four digits", () => {
    const shown = [1234567, 0, -12, 0.123456, 1234567.8, 12.3456, 1.98, 99999.9].map((value) =>
      formatNumber(value),
    );
    expect(shown).to.deep.equal(["1,234,567", "0", "−12", "0.1235", "1,234,568", "12.35", "1.98", "100,000"]);
  });

  it("decimals line up where they are asked for", () => {
    expect([2, 1.9812, -0.5].map((value) => formatNumber(value, { decimals: 2 }))).to.deep.equal([
      "2.00",
      "1.98",
      "−0.50",
    ]);
  });

  it("very small and very large numbers have an exponent", () => {
    expect([1.5e-7, 1.23456e-5, 3.25e12 + 0.5].map((value) => formatNumber(value))).to.deep.equal([
      "1.5e-7",
      "1.235e-5",
      "3.25e+12",
    ]);
  });

  it("what is no number says so", () => {
    expect(
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => formatNumber(value)),
    ).to.deep.equal(["NaN", "∞", "−∞"]);
  });

  it("SI prefixes step at a thousand, after rounding", () => {
    const bytes = [0, 999, 1000, 999_999, 1_500_000, 67_108_864, 1e15, -2048].map((value) =>
      formatSi(value, "B"),
    );
    expect(bytes).to.deep.equal(["0 B", "999 B", "1 kB", "1 MB", "1.5 MB", "67.1 MB", "1 PB", "−2.05 kB"]);
  });

  it("a quantity carries its unit", () => {
    expect(formatQuantity(4.2949e9, "FLOPs")).to.equal("4.29 GFLOP");
    expect(formatQuantity(2048, "bytes")).to.equal("2.05 kB");
    expect(formatQuantity(12.345, "ms")).to.equal("12.3 ms");
    expect(formatQuantity(0.5, "no unit")).to.equal("0.5");
  });
});
