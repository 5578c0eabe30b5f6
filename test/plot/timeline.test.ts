import { expect } from "chai";
import { describe, it } from "mocha";
import { timelinePlot } from "workbook/plot/timeline";
import { layersOf } from "./render.js";

const options = {
  title: "Workers",
  rows: ["one", "two"],
  spans: [
    { row: "one", start: 0, end: 9, series: "a", text: "a" },
    { row: "one", start: 9, end: 10, series: "b", text: "too long for its bar" },
  ],
  x: { label: "time", unit: "keys" },
};

describe("timelinePlot", () => {
  it("keeps a row for who does nothing, from 0 to the last end", () => {
    const [bars] = layersOf(timelinePlot(options));
    expect(bars!.encoding.y).to.have.nested.property("scale.domain").that.deep.equals(["one", "two"]);
    expect(bars!.encoding.x).to.have.nested.property("scale.domain").that.deep.equals([0, 10]);
  });

  it("writes into a bar what it has the room for, and rules the last end", () => {
    const [, texts, rule] = layersOf(timelinePlot(options));
    expect(texts!.data!.values).to.have.length(1);
    expect(texts!.data!.values[0]).to.include({ text: "a", middle: 4.5 });
    expect(rule!.data!.values).to.deep.equal([{ last: 10 }]);
  });

  it("refuses spans of nobody, spans that run backwards, and what is no number", () => {
    const says = (change: object, message: string) =>
      expect(() => timelinePlot({ ...options, ...change })).to.throw(RangeError, message);
    const span = { row: "one", start: 2, end: 3, series: "a" };
    says(
      { spans: [{ ...span, row: "three" }] },
      'timelinePlot: expected spans in the rows [one, two], got one in "three"',
    );
    says(
      { spans: [{ ...span, end: 1 }] },
      'timelinePlot: expected spans that end after they start, got 2 to 1 in row "one"',
    );
    says(
      { spans: [{ ...span, end: Number.NaN }] },
      'timelinePlot: expected a finite time for a span of row "one", got NaN',
    );
    says({ rows: ["one", "one"] }, 'timelinePlot: expected a different label for each row, got "one" twice');
    says({ spans: [] }, "timelinePlot: expected at least one span, got none");
  });
});
