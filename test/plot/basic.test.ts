import { expect } from "chai";
import { describe, it } from "mocha";
import { type Bar, barPlot } from "workbook/plot/bar";
import { type HistogramOptions, histogram } from "workbook/plot/histogram";
import { type LinePlotOptions, linePlot } from "workbook/plot/line";
import type { Point } from "workbook/plot/series";
import { sharePlot } from "workbook/plot/share";
import { layer, layersOf, specOf } from "./render.js";

describe("line plots", () => {
  const curve = (n: number, point: Partial<Point> = {}) => ({
    label: "a",
    points: Array.from({ length: n }, (_, i) => ({ x: i + 1, y: i + 2, ...point })),
  });
  const plot = (options: Partial<LinePlotOptions> = {}) =>
    linePlot({
      title: "t",
      series: [curve(3)],
      x: { label: "distance", unit: "tokens" },
      y: { label: "accuracy", unit: "%" },
      ...options,
    });
  const marks = (options: Partial<LinePlotOptions>) => layersOf(plot(options)).map(({ mark }) => mark.type);

  it("few points have markers and error bars, many a smooth line and a band", () => {
    expect(marks({ series: [curve(25, { low: 0, high: 99 })] })).to.deep.equal(["rule", "line", "point"]);
    expect(marks({ series: [curve(26, { low: 0, high: 99 })] })).to.deep.equal(["area", "line"]);
  });

  it("unjoined points stand without a line, also beside a smooth curve", () => {
    const measured = { ...curve(4), label: "measured", joined: false };
    for (const theory of [curve(5), curve(30)]) {
      const figure = plot({ series: [theory, measured] });
      const of = (mark: string) =>
        new Set((layer(figure, mark).data.values as { series: string }[]).map(({ series }) => series));
      expect(of("line")).to.deep.equal(new Set(["a"]));
      expect(of("point").has("measured")).to.equal(true);
      expect(of("point").has("a")).to.equal(theory.points.length === 5);
    }
  });

  it("a curve without markers is told by its dashes in the legend", () => {
    const figure = plot({ series: [curve(30), { ...curve(30), label: "b" }] });
    const { strokeDash, color } = layer(figure, "line").encoding;
    expect(strokeDash!.legend).to.include({ symbolType: "stroke" });
    expect(strokeDash!.scale.domain).to.deep.equal(color!.scale.domain);
  });

  it("one end of an error bar alone starts at the point", () => {
    const { values } = layer(plot({ series: [curve(1, { high: 9 })] }), "rule").data;
    expect(values).to.deep.equal([{ series: "a", x: 1, y: 2, low: 2, high: 9 }]);
  });

  it("a domain of the author's cuts curves off at the frame, the data's own does not", () => {
    const own = layer(plot({ y: { label: "accuracy", unit: "%", domain: [0, 3] } }), "line");
    expect(own.mark.clip).to.equal(true);
    expect(own.encoding.y!.scale.domain).to.deep.equal([0, 3]);
    expect(layer(plot(), "line").mark.clip).to.equal(false);
  });

  it("zero may stand on a linear axis and not on a log axis", () => {
    const series = [{ label: "a", points: [{ x: 0, y: 0 }] }];
    expect(() => plot({ series })).not.to.throw();
    expect(() => plot({ series, x: { label: "distance", unit: "tokens", scale: "log" } })).to.throw(
      RangeError,
      'linePlot: expected a positive finite distance for series "a", point 1, got 0',
    );
    const axis = { label: "accuracy", unit: "%", scale: "log", domain: [0, 1] } as const;
    expect(() => plot({ y: axis })).to.throw(
      RangeError,
      "linePlot: expected a rising domain above 0 for accuracy",
    );
    expect(() => plot({ series: [{ label: "a", points: [{ x: 1, y: Number.NaN }] }] })).to.throw(
      RangeError,
      "got NaN",
    );
    expect(() => plot({ baselines: [{ label: "chance", value: Number.NaN }] })).to.throw(
      RangeError,
      '"chance", got NaN',
    );
    expect(() => plot({ series: [] })).to.throw(RangeError, "at least one series");
  });
});

describe("bar plots", () => {
  const plot = (bars: readonly Bar[], unit = "ms") =>
    barPlot({ title: "t", bars, value: { label: "time", unit } });

  it("bars begin at zero and keep the order given", () => {
    const { encoding } = layer(
      plot([
        { label: "z", value: 3 },
        { label: "a", value: 5 },
      ]),
      "bar",
    );
    expect((encoding.x!.scale.domain as number[])[0]).to.equal(0);
    expect(encoding.y!.scale.domain).to.deep.equal(["z", "a"]);
    expect(encoding.x!.title).to.equal("time (ms)");
  });

  it("an axis reaches under zero only for negative values", () => {
    const [low, high] = layer(plot([{ label: "a", value: -2 }]), "bar").encoding.x!.scale.domain as number[];
    expect(low).to.be.below(-2);
    expect(high).to.be.at.least(0);
  });

  it("each bar has its number, with an SI prefix for bytes", () => {
    const texts = (unit: string) =>
      layer(plot([{ label: "a", value: 2_500_000 }], unit), "text").data.values[0]!.text;
    expect(texts("ms")).to.equal("2,500,000");
    expect(texts("bytes")).to.equal("2.5 MB");
  });

  it("groups stand side by side, each in its colour", () => {
    const figure = plot(
      ["x", "y"].flatMap((label) => ["a", "b"].map((group) => ({ label, group, value: 1 }))),
    );
    const { encoding } = layer(figure, "bar");
    expect(encoding.yOffset!.scale.domain).to.deep.equal(["a", "b"]);
    expect(encoding.color!.scale.domain).to.deep.equal(["a", "b"]);
  });

  it("no bars, one bar twice, half-given groups and values that are not finite are refused", () => {
    expect(() => plot([])).to.throw(RangeError, "barPlot: expected at least one bar");
    expect(() =>
      plot([
        { label: "a", value: 1 },
        { label: "a", value: 2 },
      ]),
    ).to.throw(RangeError, '"a" twice');
    expect(() =>
      plot([
        { label: "a", value: 1, group: "g" },
        { label: "b", value: 2 },
      ]),
    ).to.throw(RangeError, 'for bar "b"');
    expect(() => plot([{ label: "a", value: Number.NaN }])).to.throw(
      RangeError,
      'finite time for bar "a", got NaN',
    );
    expect(() => plot([{ label: "a", value: 1, high: Number.NaN }])).to.throw(RangeError, "got NaN");
  });
});

describe("share plots", () => {
  const plot = (...values: number[]) =>
    sharePlot({
      title: "t",
      quantity: { label: "operations", unit: "FLOPs" },
      bars: [{ label: "block", parts: values.map((value, i) => ({ label: `part ${i}`, value })) }],
    });

  it("parts follow each other from 0 to 100 in proportion", () => {
    const rows = layer(plot(1, 2, 5), "bar").data.values;
    expect(rows.map(({ from, to }) => [from, to])).to.deep.equal([
      [0, 12.5],
      [12.5, 37.5],
      [37.5, 100],
    ]);
  });

  it("each part that has room has its percentage, and each bar its whole", () => {
    const figure = plot(3e9, 1e7, 1e9);
    expect(layer(figure, "text").data.values.map(({ percent }) => percent)).to.deep.equal(["75%", "25%"]);
    expect(layer(figure, "text", 1).data.values.map(({ text }) => text)).to.deep.equal(["4.01 GFLOP"]);
    expect(specOf(figure).description).to.contain("part 1 0.25%");
  });

  it("a bar of nothing but zeros has no width", () => {
    expect(layer(plot(0, 0), "bar").data.values.map(({ to }) => to)).to.deep.equal([0, 0]);
  });

  it("negative parts and parts that are not finite are refused by name", () => {
    const message = (value: number) =>
      `operations of zero or more for part "part 1" of "block", got ${value}`;
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => plot(1, value)).to.throw(RangeError, message(value));
    }
    expect(() => plot()).to.throw(RangeError, 'at least one part in bar "block"');
  });
});

describe("histograms", () => {
  const plot = (values: ArrayLike<number>, options: Partial<HistogramOptions> = {}) =>
    histogram({
      title: "t",
      samples: [{ label: "a", values }],
      x: { label: "q · k", unit: "no unit" },
      ...options,
    });
  const outline = (...given: Parameters<typeof plot>) =>
    layer(plot(...given), "area").data.values.map(({ x, y }) => [x, y] as [number, number]);
  const area = (corners: readonly [number, number][]) =>
    corners.slice(1).reduce((sum, [x], i) => sum + (x - corners[i]![0]) * corners[i]![1], 0);

  it("a bin's height is its share over its width", () => {
    expect(outline([0, 0.5, 1.5, 4], { bins: 4 })).to.deep.equal([
      [0, 0],
      [0, 0.5],
      [1, 0.25],
      [2, 0],
      [3, 0.25],
      [4, 0],
    ]);
  });

  it("the outline encloses an area of one", () => {
    const values = Float32Array.from({ length: 500 }, (_, i) => 7 * Math.sin(i * i));
    expect(area(outline(values, { bins: 13 }))).to.be.closeTo(1, 1e-3);
  });

  it("values outside the domain count towards the whole", () => {
    const corners = outline([-9, 0.5, 0.6, 9], {
      bins: 2,
      x: { label: "q · k", unit: "no unit", domain: [0, 1] },
    });
    expect(area(corners)).to.be.closeTo(0.5, 1e-9);
  });

  it("densities of theory are drawn as they are, over the same axis", () => {
    const curves = [{ label: "theory", density: (x: number) => 2 * x }];
    const { values } = layer(plot([0, 1], { curves }), "line", 1).data;
    expect([values[0]!.x, values.at(-1)!.x]).to.deep.equal([0, 1]);
    for (const { x, y } of values) expect(y).to.be.closeTo(2 * (x as number), 1e-4);
  });

  it("samples lie over each other, not on top of each other", () => {
    const samples = ["a", "b"].map((label) => ({ label, values: [0, 1] }));
    expect(layer(plot([], { samples }), "area").encoding.y).to.have.property("stack", null);
  });

  it("equal values have a bin too", () => {
    expect(area(outline([3, 3, 3]))).to.be.closeTo(1, 1e-3);
  });

  it("the description gives number, mean and variance", () => {
    expect(specOf(plot([-1, 1, -1, 1])).description).to.contain("a: 4 values, mean 0, variance 1.");
  });

  it("no sample, empty ones, values and densities that are not finite, and no bins are refused", () => {
    expect(() => plot([], { samples: [] })).to.throw(RangeError, "at least one sample");
    expect(() => plot([])).to.throw(RangeError, 'at least one value in sample "a"');
    expect(() => plot([1, Number.NaN])).to.throw(RangeError, 'sample "a", value 2, got NaN');
    expect(() => plot([1], { bins: 0 })).to.throw(RangeError, "positive integer for bins, got 0");
    const curves = [{ label: "theory", density: () => Number.NaN }];
    expect(() => plot([0, 1], { curves })).to.throw(RangeError, 'curve "theory" at x = 0, got NaN');
  });
});
