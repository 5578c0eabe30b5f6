import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { attention } from "workbook/attention";
import { formatCurve } from "workbook/commands/bench";
import { crossover } from "workbook/measure/crossover";
import { fitExponent, localExponents } from "workbook/measure/fit";
import { curveOf, scalingCurve } from "workbook/measure/scaling";
import { random } from "workbook/random";
import { onEveryBackend } from "../backends.js";

const timing = { warmup: 0, runs: 1, minSeconds: 0 };

onEveryBackend("scaling curves", () => {
  const softmax = (T: number) => {
    const q = random(T).normalTensor<tf.Rank.R4>([1, 1, T, 2]);
    return { run: () => attention({ q, k: q, v: q }), dispose: () => q.dispose() };
  };

  it("attention's operations grow with exponent 2, its peak with one that tends to 2", async () => {
    const before = tf.memory().numTensors;
    const curve = await scalingCurve({ label: "softmax", sizes: [16, 32, 64], make: softmax, timing });
    expect(tf.memory().numTensors).to.equal(before);
    expect(curve.stopped).to.equal(undefined);
    expect(curve.rows.map(({ T, flops }) => [T, flops])).to.deep.equal(
      [16, 32, 64].map((T) => [T, 2 * T + (2 * 2 * 2 + 5) * T * T]),
    );
    const flops = curveOf(curve, "flops");
    expect(fitExponent(flops.xs, flops.ys).exponent).to.be.closeTo(2, 0.02);
    const bytes = curveOf(curve, "peakBytes");
    expect(localExponents(bytes.xs, bytes.ys).at(-1)).to.be.within(1.95, 2);
  });

  it("the counted crossover of T² D against T D² work is where T = D", async () => {
    const D = 16;
    const ones = (rows: number, columns: number) => tf.ones<tf.Rank.R2>([rows, columns]);
    const sizes = [4, 8, 32, 64];
    const quadratic = await scalingCurve({
      label: "T²D",
      sizes,
      timing,
      make: (T) => ({ run: () => tf.tidy(() => tf.matMul(ones(T, D), ones(D, T))) }),
    });
    const linear = await scalingCurve({
      label: "TD²",
      sizes,
      timing,
      make: (T) => ({ run: () => tf.tidy(() => tf.matMul(ones(T, D), ones(D, D))) }),
    });
    const found = crossover(curveOf(quadratic, "flops"), curveOf(linear, "flops"))!;
    expect(found.x).to.be.closeTo(D, 1e-9);
    expect(found.cheaperAfter).to.equal("b");
  });
});

describe("a scaling curve's budget", () => {
  it("leaves out a size that would overrun it, says so, and frees the sizes it made", async () => {
    const made: number[] = [];
    const freed: number[] = [];
    const make = (T: number) => {
      made.push(T);
      return {
        run: () => new Promise((resolve) => setTimeout(resolve, 10)),
        dispose: () => freed.push(T),
      };
    };
    // A call of 10 ms at T = 1 foretells 2 × 10 s at T = 30: over the budget of 5 s, which T = 2 is not.
    const curve = await scalingCurve({ label: "slow", sizes: [1, 2, 60], make, budgetSeconds: 5, timing });
    expect(made).to.deep.equal([1, 2]);
    expect(freed).to.deep.equal([1, 2]);
    expect(curve.rows.map(({ T }) => T)).to.deep.equal([1, 2]);
    expect(curve.stopped).to.match(
      /^stopped before T = 60: 0\.\d s of 5 s spent, and it would take about \d+\.\d s$/,
    );
    expect(formatCurve(curve)).to.contain("stopped before T = 60");
  });

  it("always measures the first size", async () => {
    const make = () => ({ run: () => undefined });
    const curve = await scalingCurve({ label: "x", sizes: [1, 2], make, budgetSeconds: 0, timing });
    expect(curve.rows.length).to.equal(1);
  });

  it("frees a size whose run fails", async () => {
    let freed = false;
    const make = () => ({
      run: () => {
        throw new Error("broken");
      },
      dispose: () => {
        freed = true;
      },
    });
    const outcome = await scalingCurve({ label: "x", sizes: [1], make }).then(() => "no error", String);
    expect([outcome, freed]).to.deep.equal(["Error: broken", true]);
  });

  it("refuses falling or no sizes", async () => {
    const make = () => ({ run: () => undefined });
    const message = (sizes: number[]) =>
      scalingCurve({ label: "x", sizes, make }).then(() => "no error", String);
    expect(await message([2, 1])).to.match(
      /RangeError: scalingCurve: expected rising whole sizes, got \[2, 1\]/,
    );
    expect(await message([])).to.match(/got \[\]/);
  });
});
