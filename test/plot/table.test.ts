import { expect } from "chai";
import { describe, it } from "mocha";
import { comparisonTable, type TableOptions } from "workbook/plot/table";

const table = (options: Partial<TableOptions> = {}) =>
  comparisonTable({
    title: "Exponents",
    columns: [
      { key: "variant", label: "variant" },
      { key: "measured", label: "measured", digits: 2 },
      { key: "paper", label: "paper" },
      { key: "time", label: "time", unit: "ms" },
      { key: "peak", label: "peak memory", unit: "bytes" },
    ],
    rows: [
      { variant: "softmax", measured: 1.984, paper: 2, time: 1234.56, peak: 67_108_864 },
      { variant: "linear", measured: 1, paper: undefined, time: 0.5, peak: 2048 },
    ],
    ...options,
  });
const cellsOf = (html: string) => [...html.matchAll(/<t[hd] [^>]*>(.*?)<\/t[hd]>/g)].map(([, text]) => text);
const one = (value: string) =>
  table({ columns: [{ key: "a", label: value }], rows: [{ a: value }], title: value });

describe("comparison tables", () => {
  it("measured stands beside paper, each number in its unit", () => {
    expect(cellsOf(table().html)).to.deep.equal([
      ...["variant", "measured", "paper", "time (ms)", "peak memory"],
      ...["softmax", "1.98", "2", "1,235", "67.1 MB"],
      ...["linear", "1.00", "–", "0.5", "2.05 kB"],
    ]);
  });

  it("numbers stand right, words left, unless told otherwise", () => {
    const alignments = (html: string) =>
      [...html.matchAll(/<th [^>]*text-align: (\w+)/g)].map(([, side]) => side);
    expect(alignments(table().html)).to.deep.equal(["left", "right", "right", "right", "right"]);
    const columns = [
      { key: "variant", label: "v", align: "right" as const },
      { key: "paper", label: "p", align: "left" as const },
    ];
    expect(alignments(table({ columns }).html)).to.deep.equal(["right", "left"]);
    expect(table({ columns }).markdown).to.contain("| ---: | --- |");
  });

  it("columns of the plain table line up", () => {
    const lines = table().text.split("\n");
    expect(lines[0]).to.equal("Exponents");
    expect(lines.slice(2)).to.deep.equal([
      "variant  measured  paper  time (ms)  peak memory",
      "───────  ────────  ─────  ─────────  ───────────",
      "softmax      1.98      2      1,235      67.1 MB",
      "linear       1.00      –        0.5      2.05 kB",
    ]);
  });

  it("HTML in titles, headings and cells is text", () => {
    const { html } = one('<script>"&');
    expect(html).not.to.contain("<script>");
    expect(html.match(/&lt;script&gt;&quot;&amp;/g)).to.have.length(3);
  });

  it("Markdown in cells is text, and bars do not make columns", () => {
    const { markdown } = one("a|b *c* <d> [e]\nf");
    const row = markdown.split("\n").at(-1);
    expect(row).to.equal("| a\\|b \\*c\\* &lt;d> \\[e\\] f |");
  });

  it("formulas stay formulas", () => {
    expect(one("$O(T^2)$").html).to.contain("$O(T^2)$");
    expect(one("$O(T^2)$").markdown).to.contain("| $O(T^2)$ |");
  });

  it("booleans read yes and no, what is not finite as itself", () => {
    const rows = [{ a: true }, { a: false }, { a: null }, { a: Number.NaN }, { a: Number.POSITIVE_INFINITY }];
    const cells = cellsOf(table({ columns: [{ key: "a", label: "a" }], rows }).html);
    expect(cells).to.deep.equal(["a", "yes", "no", "–", "NaN", "∞"]);
  });

  it("no rows, no columns, one key twice and a key that no row has are refused", () => {
    expect(() => table({ rows: [] })).to.throw(RangeError, "at least one row");
    expect(() => table({ columns: [] })).to.throw(RangeError, "at least one column");
    const twice = [
      { key: "paper", label: "a" },
      { key: "paper", label: "b" },
    ];
    expect(() => table({ columns: twice })).to.throw(RangeError, '"paper" twice');
    expect(() => table({ columns: [{ key: "papre", label: "paper" }] })).to.throw(
      RangeError,
      'the column "papre"',
    );
  });
});
