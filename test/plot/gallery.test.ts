import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { Ajv, type ValidateFunction } from "ajv";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { toSvg } from "workbook/plot/bundle";
import type { Spec } from "workbook/plot/figure";
import { gallery } from "./gallery.js";
import { everywhere, type Layer, layersOf, marksIn, specOf, warningsOf } from "./render.js";

const require = createRequire(import.meta.url);

describe("every kind of plot", () => {
  let obeysSchema: ValidateFunction;

  before(() => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    obeysSchema = ajv.compile(require("vega-lite/build/vega-lite-schema.json"));
  });

  for (const [name, { figure, marks }] of Object.entries(gallery)) {
    const spec = specOf(figure);

    it(`${name} obeys the schema of Vega-Lite 5`, () => {
      expect(spec.$schema).to.equal("https://vega.github.io/schema/vega-lite/v5.json");
      obeysSchema(spec);
      expect(obeysSchema.errors ?? []).to.deep.equal([]);
    });

    it(`${name} compiles without a warning`, () => {
      expect(warningsOf(figure)).to.deep.equal([]);
    });

    it(`${name} is drawn with one mark for each datum`, async () => {
      const svg = await toSvg(figure);
      const drawn = Object.fromEntries(Object.keys(marks).map((kind) => [kind, marksIn(svg, kind)]));
      expect(drawn).to.deep.equal(marks);
      expect(svg).not.to.contain("NaN").and.not.to.contain("undefined");
    });

    it(`${name} is plain JSON, and drawing leaves it so`, async () => {
      await toSvg(figure);
      expect(JSON.parse(JSON.stringify(figure))).to.deep.equal(figure);
    });

    it(`${name} says in words what it shows`, () => {
      expect(spec.description).to.be.a("string").with.length.above(60);
      expect(spec.description).not.to.match(/NaN|undefined|\n/);
    });

    it(`${name} names each numeric axis with its unit, or counts positions`, () => {
      const numeric = layersOf(figure)
        .flatMap(({ encoding }) => [encoding.x, encoding.y])
        .filter((channel) => channel?.type === "quantitative" && channel.title !== null);
      expect(numeric).not.to.deep.equal([]);
      for (const channel of numeric) expect(channel!.title).to.match(/\(.+\)$|position$/);
    });

    it(`${name} has a size of its own`, () => {
      for (const panel of (spec.concat as Layer[] | undefined) ?? [spec as unknown as Layer]) {
        expect(panel.width).to.be.within(24, 700);
        expect(panel.height).to.be.within(24, 700);
      }
    });
  }

  it("dark ink stays on white paper in any theme", () => {
    for (const { figure } of Object.values(gallery)) {
      const { background, config } = specOf(figure) as { background: string; config: Record<string, Spec> };
      const guides = config.style as Record<string, Spec>;
      // What vega-embed's dark theme sets, and would show through wherever a spec left it open.
      const inks = [
        config.title!.color,
        config.title!.subtitleColor,
        config.axis!.domainColor,
        config.axis!.tickColor,
        guides["guide-label"]!.fill,
        guides["guide-title"]!.fill,
      ];
      expect(background).to.equal("#ffffff");
      for (const ink of inks) expect(ink).to.match(/^#[0-5]/);
      expect(config.axis!.gridColor).to.match(/^#[d-f]/);
    }
  });

  it("tooltips and legends name nothing that data lack", () => {
    for (const { figure } of Object.values(gallery)) {
      for (const { data, encoding, transform } of layersOf(figure)) {
        if (data === undefined || typeof data.values[0] !== "object") continue;
        const made = everywhere(transform, "as");
        const fields = everywhere(encoding, "field").filter((field) => !made.includes(field));
        for (const field of fields)
          expect(data.values.some((datum) => (field as string) in datum)).to.equal(true);
      }
    }
  });

  it("importing the helpers loads no vega", () => {
    const modules = [
      "scaling",
      "heatmap",
      "training",
      "line",
      "bar",
      "share",
      "histogram",
      "table",
      "timeline",
      "surface",
      "show",
    ];
    const imports = modules.map((name) => `import ${JSON.stringify(`workbook/plot/${name}`)};`).join("");
    const ask = `import { createRequire } from "node:module";
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("/vega"));
      console.log(JSON.stringify(loaded));`;
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", imports + ask], {
      encoding: "utf8",
    });
    expect(JSON.parse(printed)).to.deep.equal([]);
    // The question itself must be able to find vega.
    const control = execFileSync(process.execPath, ["--input-type=module", "-e", `import "vega";${ask}`], {
      encoding: "utf8",
    });
    expect(JSON.parse(control)).not.to.deep.equal([]);
  });
});
