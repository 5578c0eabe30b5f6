import { expect } from "chai";
import { describe, it } from "mocha";
import { toSvg } from "workbook/plot/bundle";
import { type ScalingCurve, scalingPlot } from "workbook/plot/scaling";
import { PALETTE } from "workbook/plot/style";
import { type Layer, layer, layersOf, specOf } from "./render.js";

const lengths = [256, 512, 1024];
const power = (label: string, p: number, c = 1): ScalingCurve => ({
  label,
  exponent: p,
  points: lengths.map((T) => ({ T, y: c * T ** p })),
});
const plot = (options: Partial<Parameters<typeof scalingPlot>[0]> = {}) =>
  scalingPlot({
    title: "t",
    quantity: "time",
    curves: [power("softmax", 1.98), power("linear", 1, 30)],
    ...options,
  });

describe("scaling plots", () => {
  it("a power law stands on two log axes with units", () => {
    const { encoding } = layer(plot(), "point");
    expect(encoding.x!.scale.type).to.equal("log");
    expect(encoding.y!.scale.type).to.equal("log");
    expect(encoding.x!.title).to.equal("sequence length T (tokens)");
    expect(encoding.y!.title).to.equal("time (ms)");
    expect(encoding.x!.axis.values).to.deep.equal(lengths);
  });

  it("each quantity has its unit", () => {
    const title = (quantity: "memory" | "operations" | { label: string; unit: string }) =>
      layer(plot({ quantity }), "point").encoding.y!.title;
    expect(title("memory")).to.equal("peak memory (bytes)");
    expect(title("operations")).to.equal("operations (FLOPs)");
    expect(title({ label: "state", unit: "numbers" })).to.equal("state (numbers)");
  });

  it("the legend shows fitted exponents with their confidence", () => {
    const curves = [
      { ...power("softmax", 1.98), confidence: [1.95, 2.01] as const },
      power("linear", 1),
      {
        ...power("two points", 1.5),
        confidence: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const,
      },
      { ...power("no fit", 1), exponent: undefined },
    ];
    const labels = ["softmax, T^1.98 ± 0.03", "linear, T^1.00", "two points, T^1.50", "no fit"];
    expect(layer(plot({ curves }), "point").encoding.color!.scale.domain).to.deep.equal(labels);
  });

  it("the drawing holds the legend's labels unclipped", async () => {
    const label = "a variant with a name that is much longer than legends like, in its chunkwise form";
    expect(await toSvg(plot({ curves: [power(label, 1)] }))).to.contain(`>${label}, T^1.00</text>`);
  });

  it("curves differ in colour, in marker and in dash", () => {
    const curves = PALETTE.map((_, i) => power(`curve ${i}`, 1 + i / 10));
    const { encoding } = layer(plot({ curves }), "point");
    const dashes = layer(plot({ curves }), "line").encoding.strokeDash!.scale.range as number[][];
    expect(encoding.color!.scale.range).to.deep.equal(PALETTE);
    expect(new Set(encoding.shape!.scale.range as string[])).to.have.property("size", PALETTE.length);
    expect(new Set(dashes.map(String))).to.have.property("size", PALETTE.length);
  });

  it("more curves than colours differ still", () => {
    const curves = Array.from({ length: 12 }, (_, i) => power(`curve ${i}`, 1));
    const { color, shape } = layer(plot({ curves }), "point").encoding;
    const shapes = shape!.scale.range as string[];
    const looks = (color!.scale.range as string[]).map((colour, i) => `${colour} ${shapes[i]}`);
    expect(new Set(looks)).to.have.property("size", 12);
  });

  it("a reference slope p rises as T^p, under the curve that it fits best", () => {
    for (const [exponent, c, p] of [
      [2, 1, 1.98],
      [1, 30, 1],
      [0.5, 30, 1],
    ] as const) {
      const line = layer(plot({ references: [exponent] }), "line");
      const [from, to] = line.data.values as { x: number; y: number }[];
      expect(Math.log(to!.y / from!.y) / Math.log(to!.x / from!.x)).to.be.closeTo(exponent, 1e-3);
      expect(to!.x).to.equal(1024);
      expect(to!.y / (c * 1024 ** p)).to.be.within(0.5, 0.7);
    }
  });

  it("a reference slope stays inside the plot", () => {
    const figure = plot({ curves: [power("linear", 1)], references: [3] });
    const { data, encoding } = layer(figure, "line");
    const [low] = encoding.y!.scale.domain as number[];
    for (const { y } of data.values) expect(y).to.be.at.least(low! * 0.999);
  });

  it("a reference slope is named as a power of T", () => {
    const names = layersOf(plot({ references: [0, 0.5, 1, 1.5, 2] })).map(({ mark }) => mark.text);
    expect(names.filter(Boolean)).to.deep.equal(["constant", "∝ √T", "∝ T", "∝ T^1.5", "∝ T²"]);
  });

  it("a crossover stands at its T, inside the plot, with its text", () => {
    const figure = plot({ crossover: { T: 4000.4 } });
    const rule = layer(figure, "rule");
    expect(rule.data.values).to.deep.equal([{ x: 4000.4 }]);
    expect((rule.encoding.x!.scale.domain as number[])[1]).to.be.above(4000.4);
    expect(layer(figure, "text").mark.text).to.equal("crossover at T ≈ 4,000");
    expect(specOf(figure).description).to.contain("crossover at T ≈ 4,000");
    expect(layer(plot({ crossover: { T: 300, label: "T = C" } }), "text").mark.text).to.equal("T = C");
  });

  it("error bars reach from low to high, and the axis has room for them", () => {
    const figure = plot({
      curves: [
        {
          label: "a",
          points: [
            { T: 256, y: 5, low: 2, high: 900 },
            { T: 512, y: 6 },
          ],
        },
      ],
    });
    const bars: Layer = layer(figure, "rule");
    expect(bars.data.values).to.deep.equal([{ series: "a", x: 256, y: 5, low: 2, high: 900 }]);
    const [low, high] = bars.encoding.y!.scale.domain as [number, number];
    expect(low).to.be.below(2);
    expect(high).to.be.above(900);
  });

  it("the description gives ranges with units", () => {
    expect(specOf(plot({ quantity: "memory", curves: [power("a", 1, 1e6)] })).description).to.equal(
      "t. Log-log plot of peak memory (bytes) against sequence length T (tokens). a, T^1.00: 256 MB to 1.02 GB for T from 256 to 1,024 tokens.",
    );
  });

  it("what a log axis cannot show is refused by curve and point", () => {
    const bad =
      (y: number, T = 512) =>
      () =>
        plot({
          curves: [
            {
              label: "softmax",
              points: [
                { T: 256, y: 1 },
                { T, y },
              ],
            },
          ],
        });
    expect(bad(Number.NaN)).to.throw(
      RangeError,
      'scalingPlot: expected a positive finite time for curve "softmax", point 2 (sequence length T 512), got NaN',
    );
    expect(bad(0)).to.throw(RangeError, "got 0");
    expect(bad(-3)).to.throw(RangeError, "got -3");
    expect(bad(Number.POSITIVE_INFINITY)).to.throw(RangeError, "got Infinity");
    expect(bad(1, 0)).to.throw(RangeError, 'sequence length T for curve "softmax", point 2, got 0');
    expect(() => plot({ curves: [{ label: "a", points: [{ T: 1, y: 1, low: 0 }] }] })).to.throw(
      RangeError,
      "got 0",
    );
    expect(() => plot({ crossover: { T: Number.NaN } })).to.throw(RangeError, "for the crossover, got NaN");
    expect(() => plot({ references: [Number.NaN] })).to.throw(RangeError, "reference exponents, got NaN");
  });

  it("no curves, no points and one label twice are refused", () => {
    expect(() => plot({ curves: [] })).to.throw(
      RangeError,
      "scalingPlot: expected at least one curve, got none",
    );
    expect(() => plot({ curves: [{ label: "a", points: [] }] })).to.throw(
      RangeError,
      'at least one point in curve "a"',
    );
    expect(() => plot({ curves: [power("a", 1), power("a", 1)] })).to.throw(RangeError, '"a, T^1.00" twice');
  });
});
