import { expect } from "chai";
import { describe, it } from "mocha";
import { COLOUR_SCALES } from "workbook/plot/style";
import { type SurfacePlotOptions, surfacePlot, zoomHeatmap } from "workbook/plot/surface";
import { titles } from "./gallery.js";
import { type Layer, layer } from "./render.js";

const z = [
  [1, 2, 3],
  [4, 5, 6.123456],
];
const plot = (options: Partial<SurfacePlotOptions> = {}) =>
  surfacePlot({
    title: "a < b",
    z,
    x: { label: "k", unit: "no unit", values: Float32Array.of(-1, 0, 1) },
    y: { label: "q", unit: "no unit" },
    height: { label: "kernel", unit: "no unit" },
    ...options,
  });

describe("surfaces", () => {
  it("z has a row for each y and a column for each x", () => {
    const [surface] = plot().data;
    expect(surface).to.deep.include({
      type: "surface",
      x: [-1, 0, 1],
      y: [0, 1],
      z: [
        [1, 2, 3],
        [4, 5, 6.1235],
      ],
    });
  });

  it("the three axes have titles with units, as Plotly wants them", () => {
    const scene = plot().layout.scene as Record<string, { title: { text: string } }>;
    expect(["xaxis", "yaxis", "zaxis"].map((axis) => scene[axis]!.title.text)).to.deep.equal([
      "k (no unit)",
      "q (no unit)",
      "kernel (no unit)",
    ]);
    expect(plot().layout.title).to.include({ text: "a &lt; b" });
  });

  it("colours are those of the still picture", () => {
    const { data, still } = plot({ scale: "diverging" });
    const scale = data[0]!.colorscale as [number, string][];
    expect(scale.map(([, colour]) => colour)).to.deep.equal(COLOUR_SCALES.diverging);
    expect([scale[0]![0], scale[5]![0], scale[10]![0]]).to.deep.equal([0, 0.5, 1]);
    expect(layer(still, "rect").encoding.color!.scale.domain).to.deep.equal([-6.1235, 6.1235]);
    expect([data[0]!.cmin, data[0]!.cmax]).to.deep.equal([-6.1235, 6.1235]);
  });

  it("the still picture shows the same numbers with y growing upwards", () => {
    const { still } = plot();
    expect((still.spec.layer as Layer[])[0]!.data.values).to.deep.equal([4, 5, 6.1235, 1, 2, 3]);
    expect(layer(still, "rect").encoding.y!.axis.labelExpr).to.contain('["1","0"]');
    expect(layer(still, "rect").encoding.x!.axis.labelExpr).to.contain('["−1","0","1"]');
  });

  it("ground is white and the size fixed, whatever the theme", () => {
    expect(plot().layout).to.include({ paper_bgcolor: "#ffffff", width: 640, height: 520 });
  });

  it("ragged heights, too few axis values and values that are not finite are refused", () => {
    expect(() => plot({ z: [[1], [1, 2]] })).to.throw(
      RangeError,
      "surfacePlot: expected rows of equal length in z",
    );
    expect(() => plot({ z: [[1, 2, Number.NaN]] })).to.throw(RangeError, "row 0, column 2");
    const x = { label: "k", unit: "no unit", values: [1, 2] };
    expect(() => plot({ x })).to.throw(RangeError, "surfacePlot: expected 3 values for x, got 2");
    expect(() => plot({ x: { ...x, values: [1, 2, Number.NaN] } })).to.throw(
      RangeError,
      "x, value 3, got NaN",
    );
  });
});

describe("heatmaps to zoom", () => {
  const figure = zoomHeatmap({ title: "t", values: z, ...titles, rowLabels: ["a", "<b>"], domain: [0, 4] });

  it("row 0 is on top, cells are square, and the ends of the colours are as given", () => {
    expect(figure.layout.yaxis).to.deep.include({
      autorange: "reversed",
      scaleanchor: "x",
      ticktext: ["a", "&lt;b&gt;"],
    });
    expect(figure.data[0]).to.deep.include({ type: "heatmap", zmin: 0, zmax: 4 });
    expect(layer(figure.still, "rect").encoding.color!.scale.domain).to.deep.equal([0, 4]);
  });

  it("what a heatmap refuses is refused", () => {
    expect(() => zoomHeatmap({ title: "t", values: [], ...titles })).to.throw(RangeError, "at least one row");
  });
});
