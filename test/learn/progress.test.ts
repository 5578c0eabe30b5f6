import { expect } from "chai";
import { afterEach, describe, it } from "mocha";
import { type DisplayHost, setDisplayHost } from "workbook/display";
import { lossCurve } from "workbook/learn/loss-curve";
import { duration, type Progress, progressBundle, progressLine, reporter } from "workbook/learn/progress";

const progress: Progress = {
  label: "softmax",
  step: 50,
  steps: 200,
  secondsLeft: 83,
  rate: 24_312,
  unit: "tokens",
  training: Array.from({ length: 50 }, (_, i) => ({ step: i + 1, loss: 4.3 - 0.04 * i })),
  validation: [{ step: 50, loss: 2.4567 }],
  references: [{ label: "bigram", loss: 2.4 }],
};

/** The numbers of the first polyline, as [x, y]. */
const points = (svg: string) =>
  /points="([^"]+)"/
    .exec(svg)![1]!
    .split(" ")
    .map((pair) => pair.split(",").map(Number) as [number, number]);

describe("training progress", () => {
  afterEach(() => setDisplayHost(undefined));

  it("one line says step, loss, validation loss, rate and what is left", () => {
    expect(progressLine(progress)).to.equal(
      "softmax 50/200 · loss 2.340 · validation 2.457 · 24k tokens/s · 1 min 23 s left",
    );
    expect(progressLine({ ...progress, ended: "done in 9 s", rate: 950, validation: [] })).to.equal(
      "softmax 50/200 · loss 2.340 · 950 tokens/s · done in 9 s",
    );
    expect([59.4, 60, 3600].map(duration)).to.deep.equal(["59 s", "1 min 0 s", "60 min 0 s"]);
  });

  it("shows the first update, then one every third of a second, and the end in any case", () => {
    const messages: Parameters<DisplayHost>[0][] = [];
    setDisplayHost((message) => messages.push(message));
    let now = 0;
    const show = reporter(() => now);
    for (now = 0; now < 1000; now += 10) show.update({ ...progress, step: now / 10 });
    show.finish({ ...progress, step: 100 });
    const steps = messages.map(({ data }) => /softmax (\d+)/.exec(String(data["text/plain"]))![1]);
    expect(steps).to.deep.equal(["0", "34", "68", "100"]);
    expect(new Set(messages.map(({ id }) => id)).size).to.equal(1);
  });

  it("the bar is as wide as the share of steps that are done", () => {
    expect(progressBundle(progress)["text/html"]).to.contain("width:25.0%");
  });

  it("the curve falls as the loss falls, and ends at the share of steps that are done", () => {
    const curve = points(lossCurve(progress));
    const [first, last] = [curve[0]!, curve.at(-1)!];
    const all = points(lossCurve({ ...progress, training: [{ step: 200, loss: 3 }] }))[0]![0];
    const none = points(lossCurve({ ...progress, training: [{ step: 0, loss: 3 }] }))[0]![0];
    expect((last[0] - none) / (all - none)).to.be.closeTo(0.25, 0.001);
    expect(last[1]).to.be.greaterThan(first[1]);
  });

  it("a long run is averaged to at most 160 points, whose mean is that of the losses", () => {
    const training = Array.from({ length: 3400 }, (_, i) => ({ step: i + 1, loss: i % 2 === 0 ? 2 : 4 }));
    const curve = points(lossCurve({ ...progress, steps: 3400, training, validation: [], references: [] }));
    expect(curve).to.have.length(155);
    expect(new Set(curve.map(([, y]) => y)).size).to.equal(1);
    expect(lossCurve({ ...progress, steps: 3400, training }).length).to.be.lessThan(6000);
  });

  it("draws a loss that is not finite nowhere, and nothing before the first loss", () => {
    const broken = { ...progress, training: [...progress.training, { step: 51, loss: Number.NaN }] };
    expect(lossCurve(broken)).not.to.contain("NaN");
    expect(lossCurve({ ...progress, training: [] })).to.equal("");
  });

  it("labels stand at their line's height, apart from each other, none below the axis", () => {
    const near = ["a", "b", "c"].map((label, i) => ({ label, loss: 2.42 + 0.001 * i }));
    const heights = [...lossCurve({ ...progress, references: near }).matchAll(/<text x="516" y="([\d.]+)"/g)]
      .map(([, y]) => Number(y))
      .sort((a, b) => a - b);
    expect(heights).to.have.length(5);
    heights.slice(1).forEach((y, i) => {
      expect(y - heights[i]!).to.be.at.least(13 - 1e-6);
    });
    expect(heights.at(-1)).to.be.at.most(186);
    const [alone] = lossCurve({ ...progress, validation: [], references: [{ label: "a", loss: 2.4 }] })
      .match(/<text x="516" y="([\d.]+)"[^>]*>a 2.40/)!
      .slice(1);
    const dashed = /y1="([\d.]+)"[^>]*stroke-dasharray/;
    expect(alone).to.equal(
      lossCurve({ ...progress, validation: [], references: [{ label: "a", loss: 2.4 }] }).match(dashed)![1],
    );
  });

  it("labels cannot smuggle in markup", () => {
    const labelled = { ...progress, label: "<b>", references: [{ label: '"<i>', loss: 3 }] };
    expect(String(progressBundle(labelled)["text/html"]))
      .to.contain("&#60;b&#62;")
      .and.not.to.contain("<b>");
    expect(lossCurve(labelled)).to.contain("&#34;&#60;i&#62;").and.not.to.contain("<i>");
  });
});
