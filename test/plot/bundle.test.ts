import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect } from "chai";
import { afterEach, describe, it } from "mocha";
import { type DisplayHost, setDisplayHost } from "workbook/display";
import { barPlot } from "workbook/plot/bar";
import { saveSvg, toBundle } from "workbook/plot/bundle";
import type { VegaLiteFigure } from "workbook/plot/figure";
import { showLive } from "workbook/plot/show";
import { comparisonTable } from "workbook/plot/table";
import { gallery } from "./gallery.js";

const table = comparisonTable({ columns: [{ key: "a", label: "a" }], rows: [{ a: 1 }] });
const bars = (title: string, n = 1) =>
  barPlot({
    title,
    value: { label: "time", unit: "ms" },
    bars: Array.from({ length: n }, (_, i) => ({ label: `${i}`, value: i + 1 })),
  });
const broken = { kind: "vega-lite", spec: { description: "broken", mark: 7 } } as unknown as VegaLiteFigure;

describe("bundles", () => {
  it("a Vega-Lite figure is a live chart, a drawing and a sentence", async () => {
    const figure = bars("Bars");
    const bundle = await toBundle(figure);
    expect(bundle).to.have.all.keys(["application/vnd.vegalite.v5+json", "image/svg+xml", "text/plain"]);
    expect(bundle["application/vnd.vegalite.v5+json"]).to.equal(figure.spec);
    expect(bundle["text/plain"]).to.equal("Bars. Bar plot of time (ms): 0 1 ms.");
  });

  it("a Plotly figure is a live chart with the drawing of its still picture", async () => {
    const { figure } = gallery["a surface"]!;
    const bundle = await toBundle(figure);
    expect(bundle).to.have.all.keys(["application/vnd.plotly.v1+json", "image/svg+xml", "text/plain"]);
    expect(bundle["application/vnd.plotly.v1+json"]).to.have.all.keys("data", "layout");
    expect(bundle["image/svg+xml"]).to.match(/^<svg /);
  });

  it("a table is HTML, Markdown and text", async () => {
    expect(Object.keys(await toBundle(table))).to.deep.equal(["text/html", "text/markdown", "text/plain"]);
  });

  it("a drawing tells readers who do not see it what it shows", async () => {
    const svg = String((await toBundle(bars('a < b & "c"')))["image/svg+xml"]);
    expect(svg).to.match(/^<svg role="img" aria-label="a &lt; b &amp; &quot;c&quot;\. Bar plot of time/);
  });

  it("drawing the same figure twice gives the same SVG", async () => {
    const { figure } = gallery["a scaling plot"]!;
    const [first, second] = [await toBundle(figure), await toBundle(figure)];
    expect(first["image/svg+xml"]).to.equal(second["image/svg+xml"]);
  });

  it("a saved SVG is the bundle's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "plot-"));
    try {
      await saveSvg(bars("Bars"), join(folder, "bars.svg"));
      const saved = await readFile(join(folder, "bars.svg"), "utf8");
      expect(saved).to.equal(`${(await toBundle(bars("Bars")))["image/svg+xml"]}\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("showing figures", () => {
  afterEach(() => setDisplayHost(undefined));

  const recorded = () => {
    const messages: Parameters<DisplayHost>[0][] = [];
    setDisplayHost((message) => messages.push(message));
    return messages;
  };

  it("updates replace one display, in the order of the calls", async () => {
    const messages = recorded();
    const shown = await showLive(bars("first"));
    // The second is by far the slowest to draw.
    await Promise.all([shown.update(bars("second", 400)), shown.update(table), shown.update(bars("fourth"))]);
    expect(messages.map(({ update }) => update)).to.deep.equal([false, true, true, true]);
    expect(new Set(messages.map(({ id }) => id))).to.have.property("size", 1);
    const plain = messages.map(({ data }) => String(data["text/plain"]).split(/[.\n ]/)[0]);
    expect(plain).to.deep.equal(["first", "second", "a", "fourth"]);
    expect(messages.map(({ data }) => "image/svg+xml" in data)).to.deep.equal([true, true, false, true]);
  });

  it("a preview is live in its turn, and has no drawing", async () => {
    const messages = recorded();
    const shown = await showLive(bars("first"));
    await Promise.all([
      shown.update(bars("second", 400)),
      shown.preview(bars("third")),
      shown.preview(table),
    ]);
    const kinds = messages.slice(1).map(({ data }) => Object.keys(data).sort());
    expect(kinds).to.deep.equal([
      ["application/vnd.vegalite.v5+json", "image/svg+xml", "text/plain"],
      ["application/vnd.vegalite.v5+json", "text/plain"],
      ["text/html", "text/markdown", "text/plain"],
    ]);
    const { figure } = gallery["a surface"]!;
    await shown.preview(figure);
    expect(Object.keys(messages.at(-1)!.data).sort()).to.deep.equal([
      "application/vnd.plotly.v1+json",
      "text/plain",
    ]);
  });

  it("a figure that cannot be drawn fails its own update and none after it", async () => {
    const messages = recorded();
    const shown = await showLive(bars("first"));
    const [bad, good] = await Promise.allSettled([shown.update(broken), shown.update(bars("third"))]);
    expect([bad!.status, good!.status]).to.deep.equal(["rejected", "fulfilled"]);
    expect(messages).to.have.length(2);
  });

  it("a terminal gets the sentence, and nothing is drawn for it", async () => {
    const written: unknown[] = [];
    const write = process.stdout.write;
    process.stdout.write = ((text: unknown) => written.push(text) > 0) as typeof write;
    try {
      // Drawing this one would fail.
      const shown = await showLive(broken);
      await shown.update(broken);
    } finally {
      process.stdout.write = write;
    }
    expect(written).to.deep.equal(["broken\n"]);
  });
});
