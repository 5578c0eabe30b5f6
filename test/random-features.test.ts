import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { orthogonaliseIdentities } from "workbook/identities/performer";
import { random } from "workbook/random";
import {
  independentRows,
  orthogonalised,
  orthogonalRows,
  positiveError,
  trigonometricError,
} from "workbook/random-features";
import { onEveryBackend } from "./backends.js";

/** Mean squared error over `draws` estimates of m = 1 each, by plain loops over the definitions. */
function measured(x: number[], y: number[], draws: number) {
  const r = random("scatter");
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const exact = Math.exp(dot(x, y));
  let [positive, trigonometric] = [0, 0];
  for (let i = 0; i < draws; i++) {
    const w = x.map(() => r.normal());
    const plus = Math.exp(dot(w, x) + dot(w, y) - (dot(x, x) + dot(y, y)) / 2);
    const waves = Math.exp((dot(x, x) + dot(y, y)) / 2) * Math.cos(dot(w, x) - dot(w, y));
    positive += (plus - exact) ** 2 / draws;
    trigonometric += (waves - exact) ** 2 / draws;
  }
  return { positive, trigonometric, pair: { xx: dot(x, x), yy: dot(y, y), xy: dot(x, y) } };
}

onEveryBackend("random-features", () => {
  for (const { sentence, check } of orthogonaliseIdentities) {
    it(sentence, () => check((gaussian, lengths) => orthogonalised({ gaussian, lengths }), random(sentence)));
  }

  it("orthogonal rows are orthogonal in blocks, and as long as normal vectors on average", () => {
    const [m, D] = [130, 60];
    const w = orthogonalRows({ m, D, random: random(1) });
    const gram = tf.matMul(w, w, false, true).arraySync() as number[][];
    for (const [i, row] of gram.entries()) {
      for (const [j, product] of row.entries()) {
        if (i !== j && Math.floor(i / D) === Math.floor(j / D)) expect(product).to.be.closeTo(0, 1e-4);
      }
    }
    const squared = gram.map((row, i) => row[i]!);
    const mean = squared.reduce((sum, x) => sum + x, 0) / m;
    // χ² with D degrees of freedom: mean D, variance 2D; five standard deviations of the mean of m.
    expect(mean).to.be.closeTo(D, 5 * Math.sqrt((2 * D) / m));
    expect(new Set(squared.map((x) => x.toFixed(3))).size, "different lengths").to.be.greaterThan(m / 2);
  });

  it("each coordinate of orthogonal rows has mean 0 and variance 1", () => {
    const rows = Array.from({ length: 400 }, (_, seed) =>
      orthogonalRows({ m: 3, D: 3, random: random(seed) }),
    );
    const { mean, variance } = tf.moments(tf.concat(rows, 0), 0);
    const noise = { tolerance: 0.2, because: "five standard deviations of 1,200 draws: 0.14 and 0.20" };
    assertClose(mean, tf.zeros([3]), noise, "means");
    assertClose(variance, tf.ones([3]), noise, "variances");
  });

  it("estimates scatter as lemma 2 says, and like 1 / m", () => {
    const { positive, trigonometric, pair } = measured([0.4, -0.3], [-0.2, 0.5], 40_000);
    expect(positive / positiveError(pair, 1)).to.be.closeTo(1, 0.05);
    expect(trigonometric / trigonometricError(pair, 1)).to.be.closeTo(1, 0.05);
    expect(positiveError(pair, 10)).to.be.closeTo(positiveError(pair, 1) / 10, 1e-12);
    expect(trigonometricError(pair, 10)).to.be.closeTo(trigonometricError(pair, 1) / 10, 1e-12);
  });

  it("opposite vectors cost positive features nothing, equal ones trigonometric features", () => {
    expect(positiveError({ xx: 2, yy: 2, xy: -2 }, 1)).to.equal(0);
    expect(trigonometricError({ xx: 2, yy: 2, xy: 2 }, 1)).to.equal(0);
  });

  it("the same seed gives the same rows; sizes below 1 are refused", () => {
    for (const rows of [independentRows, orthogonalRows]) {
      const draw = () => rows({ m: 5, D: 3, random: random(7) });
      assertClose(draw(), draw(), { tolerance: 0, because: "one seed" });
      for (const [m, D, message] of [
        [0, 3, "expected m of 1 or more, got 0"],
        [4, 2.5, "expected D of 1 or more, got 2.5"],
      ] as const) {
        expect(() => rows({ m, D, random: random(1) })).to.throw(RangeError, `${rows.name}: ${message}`);
      }
    }
  });
});
