import { inflateSync } from "node:zlib";
import { expect } from "chai";
import { describe, it } from "mocha";
import { toBundle } from "workbook/plot/bundle";
import { checkMatrix } from "workbook/plot/check";
import { type HeatmapOptions, heatmap } from "workbook/plot/heatmap";
import { mix, rasterUrl } from "workbook/plot/raster";
import { COLOUR_SCALES, rgb } from "workbook/plot/style";
import { square, titles } from "./gallery.js";
import { type Layer, layer, layersOf, specOf } from "./render.js";

const plot = (options: Partial<HeatmapOptions>) => heatmap({ title: "t", ...titles, ...options });
const domain = (options: Partial<HeatmapOptions>) => layersOf(plot(options))[0]!.encoding.color!.scale.domain;

describe("heatmaps", () => {
  it("the value in row i and column j is drawn at (j, i), row 0 on top", async () => {
    const figure = plot({
      values: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    });
    const outer = specOf(figure) as unknown as { layer: Layer[] };
    expect(outer.layer[0]!.data.values).to.deep.equal([1, 2, 3, 4, 5, 6]);
    const bundle = await toBundle(figure);
    const numbers = [
      ...String(bundle["image/svg+xml"]).matchAll(/<text[^>]*translate\((\d+),(\d+)\)[^>]*>(\d)<\/text>/g),
    ]
      .filter(([, , y]) => Number(y) < 96)
      .map(([, x, y, text]) => [Math.floor(Number(x) / 48), Math.floor(Number(y) / 48), Number(text)])
      .filter(([x, y, value]) => value === 3 * y! + x! + 1);
    expect(numbers).to.have.length(6);
    expect(layer(figure, "rect").encoding.y!.scale.domain).to.deep.equal([2, 0]);
  });

  it("flat data with a shape mean the same as rows", () => {
    const flat = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
    expect(plot({ values: flat })).to.deep.equal(
      plot({
        values: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      }),
    );
  });

  it("sequential colours span the values, diverging ones lie evenly about zero", () => {
    expect(domain({ values: [[2, 7]] })).to.deep.equal([2, 7]);
    expect(domain({ values: [[-1, 3]], scale: "diverging" })).to.deep.equal([-3, 3]);
    expect(domain({ values: [[-1, 3]], scale: "diverging", domain: [-2, 2] })).to.deep.equal([-2, 2]);
    expect(domain({ values: [[5, 5]] })).to.deep.equal([5, 10]);
    expect(domain({ values: [[0, 0]], scale: "diverging" })).to.deep.equal([-1, 1]);
  });

  it("diverging colours are white in the middle, and both scales have their own ends", () => {
    expect(COLOUR_SCALES.diverging[5]).to.equal("#f7f7f7");
    const { color } = layer(plot({ values: [[-1, 1]], scale: "diverging" }), "rect").encoding;
    expect(color!.scale.range).to.deep.equal(COLOUR_SCALES.diverging);
    expect(color!.scale.clamp).to.equal(true);
  });

  it("a sequential scale brightens all the way, so that it reads in grey", () => {
    const light = COLOUR_SCALES.sequential.map((colour) => {
      const [r, g, b] = rgb(colour);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    for (let i = 1; i < light.length; i++) expect(light[i]).to.be.above(light[i - 1]!);
  });

  it("panels share one colour scale and one legend, and each has its title", async () => {
    const panels = [
      { title: "head 0", values: [[0, 1]] },
      { title: "head 1", values: [[5, 9]] },
    ];
    const figure = plot({ panels });
    const domains = layersOf(figure)
      .map(({ encoding }) => encoding.color!.scale?.domain)
      .filter(Boolean);
    expect(domains[0]).to.deep.equal([0, 9]);
    expect(new Set(domains.map(String))).to.have.property("size", 1);
    const svg = String((await toBundle(figure))["image/svg+xml"]);
    expect(svg).to.contain(">head 0</text>").and.to.contain(">head 1</text>");
    expect(svg.match(/>weight \(probability\)<\/text>/g)).to.have.length(1);
  });

  it("labels stand at their rows and columns, with spaces made visible", async () => {
    const figure = plot({
      values: square(3),
      rowLabels: ["a", " ", "\n"],
      columnLabels: ["<b>", '"q"', "c d"],
    });
    const svg = String((await toBundle(figure))["image/svg+xml"]);
    for (const label of ["a", "␣", "⏎", "&lt;b&gt;", "c d"]) expect(svg).to.contain(`>${label}</text>`);
    expect(svg).to.match(/>(&quot;|")q(&quot;|")<\/text>/);
  });

  it("numbers are printed where cells have room", () => {
    const texts = (n: number) =>
      layersOf(plot({ values: square(n) })).filter(({ mark }) => mark.type === "text").length;
    expect([2, 8, 20].map(texts)).to.deep.equal([1, 1, 0]);
  });

  it("128 × 128 values, and four panels of them, stay under 300 kB with their drawing", async () => {
    const values = square(128, (i, j) => Math.sin(i * j * 1.234567) / 3);
    for (const figure of [
      plot({ values }),
      plot({ panels: [0, 1, 2, 3].map((i) => ({ title: `head ${i}`, values })) }),
    ]) {
      expect(JSON.stringify(await toBundle(figure)).length).to.be.below(300_000);
    }
    expect(JSON.stringify(plot({ values: square(64) })).length).to.be.below(64 * 64 * 12);
  });

  it("ragged, empty and misshapen matrices are refused", () => {
    expect(() => plot({ values: [[1, 2], [3]] })).to.throw(RangeError, "got 2 in row 0 and 1 in row 1");
    expect(() => plot({ values: [] })).to.throw(RangeError, "at least one row and one column");
    expect(() => plot({ values: [[]] })).to.throw(RangeError, "at least one row and one column");
    expect(() => plot({ values: { data: [1, 2, 3], shape: [2, 2] } })).to.throw(
      RangeError,
      "got 3 numbers of shape [2, 2]",
    );
    expect(() => plot({ values: { data: [1, 2], shape: [1, 1, 2] } })).to.throw(
      RangeError,
      "of shape [1, 1, 2]",
    );
    expect(() => plot({})).to.throw(RangeError, "at least one matrix");
    expect(() => plot({ panels: [] })).to.throw(RangeError, "at least one matrix");
  });

  it("a value that is not finite is named by row, column and panel", () => {
    expect(() =>
      plot({
        values: [
          [1, 2],
          [3, Number.NaN],
        ],
      }),
    ).to.throw(RangeError, "heatmap: expected finite values, got NaN in row 1, column 1 (counted from 0)");
    const panels = [{ title: "head 7", values: [[Number.POSITIVE_INFINITY]] }];
    expect(() => plot({ panels })).to.throw(RangeError, "finite head 7, got Infinity");
  });

  it("labels must be as many as rows and columns, and a domain must rise", () => {
    expect(() => plot({ values: square(3), rowLabels: ["a"] })).to.throw(
      RangeError,
      "expected 3 row labels, one for each, got 1",
    );
    expect(() => plot({ values: square(3), columnLabels: [] })).to.throw(RangeError, "3 column labels");
    expect(() => plot({ values: square(3), domain: [1, 1] })).to.throw(RangeError, "got 1 to 1");
  });
});

describe("rasters", () => {
  const values = [
    [0, 1],
    [2, 4],
    [9, -9],
  ];
  const png = Buffer.from(
    rasterUrl(checkMatrix("raster", values), [0, 4], COLOUR_SCALES.sequential).split(",")[1]!,
    "base64",
  );
  /** The content of a chunk, by its four letters. */
  const chunk = (name: string) => {
    const at = png.indexOf(name, 0, "latin1");
    return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4));
  };

  it("have one pixel for each cell", () => {
    expect([chunk("IHDR").readUInt32BE(0), chunk("IHDR").readUInt32BE(4)]).to.deep.equal([2, 3]);
  });

  it("hold each value's share of the domain, clamped", () => {
    expect([...inflateSync(chunk("IDAT"))]).to.deep.equal([0, 0, 64, 0, 128, 255, 0, 255, 0]);
  });

  it("have the colours of the scale as their palette", () => {
    const palette = chunk("PLTE");
    expect([...palette.subarray(0, 3)]).to.deep.equal(rgb("#440154"));
    expect([...palette.subarray(-3)]).to.deep.equal(rgb("#fde725"));
    expect(mix(["#000000", "#ff0080"], 0.5)).to.deep.equal([128, 0, 64]);
  });

  it("end in the checksum that every PNG ends in", () => {
    expect(png.subarray(-4).toString("hex")).to.equal("ae426082");
  });
});
