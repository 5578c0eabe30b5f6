import { expect } from "chai";
import { describe, it } from "mocha";
import { type TrainingPlotOptions, thin, trainingPlot } from "workbook/plot/training";
import { layer, layersOf, specOf } from "./render.js";

const points = (n: number) => Array.from({ length: n }, (_, i) => ({ step: i + 1, loss: 4 / (i + 1) + 1 }));
const plot = (options: Partial<TrainingPlotOptions> = {}) =>
  trainingPlot({ title: "t", runs: [{ label: "softmax", points: points(5) }], ...options });
const textHeights = (figure: ReturnType<typeof plot>) =>
  layersOf(figure)
    .filter(({ mark }) => mark.type === "text")
    .map(({ mark }) => mark.y as number);

describe("training plots", () => {
  it("loss stands against steps, both with units", () => {
    const { encoding } = layer(plot({ unit: "bits/character" }), "line");
    expect(encoding.x!.title).to.equal("training step (optimizer updates)");
    expect(encoding.y!.title).to.equal("loss (bits/character)");
    expect(layer(plot(), "line").encoding.y!.title).to.equal("loss (nats/character)");
  });

  it("validation is dashed, training is solid, and the legend says so only where there is validation", () => {
    const runs = [
      {
        label: "a",
        points: [
          { step: 1, loss: 3, validation: 3.5 },
          { step: 2, loss: 2 },
        ],
      },
    ];
    const { data, encoding } = layer(plot({ runs }), "line");
    expect(data.values.map(({ kind, x, y }) => [kind, x, y])).to.deep.equal([
      ["training", 1, 3],
      ["training", 2, 2],
      ["validation", 1, 3.5],
    ]);
    expect(encoding.strokeDash!.scale).to.deep.equal({
      domain: ["training", "validation"],
      range: [
        [1, 0],
        [5, 3],
      ],
    });
    expect(encoding.strokeDash!.legend).not.to.equal(null);
    expect(layer(plot(), "line").encoding.strokeDash!.legend).to.equal(null);
  });

  it("long runs are drawn by 400 points, the last among them", () => {
    const { values } = layer(plot({ runs: [{ label: "a", points: points(5001) }] }), "line").data;
    expect(values).to.have.length(400);
    expect([values[0]!.x, values.at(-1)!.x]).to.deep.equal([1, 5001]);
  });

  it("thinning keeps the ends and even steps", () => {
    expect(thin([0, 1, 2, 3, 4, 5, 6, 7, 8], 5)).to.deep.equal([0, 2, 4, 6, 8]);
    expect(thin([1, 2], 5)).to.deep.equal([1, 2]);
  });

  it("a run that has just begun has an axis as long as planned", () => {
    const end = (options: Partial<TrainingPlotOptions>) =>
      (
        layer(plot({ runs: [{ label: "a", points: points(1) }], ...options }), "line").encoding.x!.scale
          .domain as number[]
      )[1];
    expect(end({ steps: 500 })).to.be.closeTo(510, 1e-9);
    expect(end({})).to.be.closeTo(10.2, 1e-9);
  });

  it("baselines cross the plot at their values, named with them, and the axis reaches them", () => {
    const figure = plot({ baselines: [{ label: "uniform", value: 6.5 }] });
    const rule = layer(figure, "rule");
    expect(rule.data.values).to.deep.equal([{ y: 6.5 }]);
    expect((rule.encoding.y!.scale.domain as number[])[1]).to.be.above(6.5);
    expect(layer(figure, "text").mark.text).to.equal("uniform: 6.5");
  });

  it("labels of neighbouring baselines stay a line apart and inside the plot", () => {
    for (const near of [1.0, 3.0, 5.0]) {
      const values = [near, near + 0.001, near + 0.002, near + 0.003];
      const heights = textHeights(
        plot({ baselines: values.map((value) => ({ label: `at ${value}`, value })) }),
      );
      expect(heights).to.have.length(4);
      for (let i = 1; i < heights.length; i++) expect(heights[i]! - heights[i - 1]!).to.be.at.least(14.9);
      expect(Math.max(...heights)).to.be.at.most(340);
      expect(Math.min(...heights)).to.be.at.least(0);
    }
  });

  it("the description tells where each run began and ended", () => {
    expect(specOf(plot()).description).to.equal(
      "t. Line plot of loss (nats/character) against training step. softmax: from 5 to 1.8 at step 5.",
    );
  });

  it("a loss that is not finite is named by run and step", () => {
    const diverged = (point: object) => () =>
      plot({ runs: [{ label: "softmax", points: [...points(2), { step: 3, loss: 1, ...point }] }] });
    expect(diverged({ loss: Number.NaN })).to.throw(
      RangeError,
      'trainingPlot: expected a finite loss for run "softmax" at step 3, got NaN',
    );
    expect(diverged({ validation: Number.POSITIVE_INFINITY })).to.throw(
      RangeError,
      "at step 3, validation, got Infinity",
    );
    expect(diverged({ step: Number.NaN })).to.throw(RangeError, "finite step");
    expect(() => plot({ baselines: [{ label: "b", value: Number.NaN }] })).to.throw(
      RangeError,
      'baseline "b", got NaN',
    );
  });

  it("no runs, no points and one label twice are refused", () => {
    expect(() => plot({ runs: [] })).to.throw(RangeError, "at least one run, got none");
    expect(() => plot({ runs: [{ label: "a", points: [] }] })).to.throw(
      RangeError,
      'at least one point in run "a"',
    );
    const twice = [
      { label: "a", points: points(2) },
      { label: "a", points: points(2) },
    ];
    expect(() => plot({ runs: twice })).to.throw(RangeError, '"a" twice');
  });
});
