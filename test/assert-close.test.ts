import * as tf from "@tensorflow/tfjs";
import { AssertionError, expect } from "chai";
import { describe, it } from "mocha";
import { assertClose, largestError, type Numeric } from "workbook/assert-close";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";

const because = "float32 rounding";
const near = { tolerance: 1e-5, because };
const fails = (actual: Numeric, expected: Numeric, message: RegExp) =>
  expect(() => assertClose(actual, expected, near)).to.throw(AssertionError, message);

describe("assertClose", () => {
  const list = (...data: number[]) => ({ shape: [data.length], data });

  it("accepts equality within the tolerance, relative above one and absolute below", () => {
    assertClose(1, 1, { tolerance: 0, because });
    assertClose(1000.005, 1000, near);
    assertClose(0.000005, 0, near);
    assertClose(list(1, 2), list(1.000005, 1.99999), near);
    assertClose({ shape: [0], data: [] }, { shape: [0], data: [] }, near);
  });

  it("rejects an error just above the tolerance", () => {
    fails(1000.02, 1000, /largest error 2\.00e-5: expected 1000, got 1000\.02 \(tolerance 0\.00001: float/);
    fails(0.00002, 0, /largest error 2\.00e-5/);
  });

  it("writes both values in six digits, or as many as tell them apart", () => {
    fails(2 / 3, 1 / 3, /expected 0\.333333, got 0\.666667 /);
    fails(1 / 3 + 2e-5, 1 / 3, /expected 0\.333333, got 0\.333353 /);
    const [a, b] = [1 / 3 + 1e-9, 1 / 3];
    expect(() => assertClose(a, b, { tolerance: 0, because })).to.throw(
      /expected 0\.333333333, got 0\.333333334 /,
    );
    expect(() => assertClose(b, b + 1e-16, { tolerance: 0, because })).to.throw(
      `expected ${b + 1e-16}, got ${b} `,
    );
  });

  it("rejects NaN and infinities, on either side, even with an infinite tolerance's neighbours", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      fails(
        list(1, bad),
        list(1, 2),
        /expected finite numbers, got (NaN|-?Infinity) at \[1\] \(expected 2\)/,
      );
      fails(list(1, 2), list(1, bad), /largest error Infinity at \[1\]/);
      fails(list(1, bad), list(1, bad), /expected finite numbers/);
      expect(() => assertClose(bad, 1, { tolerance: Number.MAX_VALUE, because })).to.throw(AssertionError);
    }
  });

  it("rejects everything when the tolerance is NaN", () => {
    expect(() => assertClose(1, 1, { tolerance: Number.NaN, because })).to.throw(AssertionError);
  });

  it("rejects another shape with the same numbers, and missing or surplus numbers", () => {
    const data = [1, 2, 3, 4];
    fails({ shape: [4], data }, { shape: [2, 2], data }, /^value: expected shape \[2, 2\], got \[4\]$/);
    fails({ shape: [1], data: [1] }, 1, /expected shape \[\], got \[1\]/);
    fails({ shape: [2], data: [1] }, list(1, 2), /expected finite numbers, got undefined at \[1\]/);
    fails(list(1, 2), { shape: [2], data: [1] }, /largest error Infinity at \[1\]/);
  });

  it("names the label, where the largest error is, and both values", () => {
    const expected = { shape: [2, 3], data: [0, 1, 2, 3, 4, 5] };
    const actual = { shape: [2, 3], data: [0, 1.5, 2, 3, 4, 8] };
    let error: { message: string; actual: unknown; expected: unknown } | undefined;
    try {
      assertClose(actual, expected, near, "scores");
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect(error?.message).to.match(/^scores: largest error 6\.00e-1 at \[1, 2\]: expected 5, got 8/);
    expect([error?.actual, error?.expected]).to.deep.equal([8, 5]);
  });

  it("largestError finds the largest, relative to the expected value", () => {
    expect(largestError([1, 20, 3], [1, 10, 5])).to.deep.equal({ error: 1, index: 1 });
    expect(largestError([], [])).to.deep.equal({ error: 0, index: 0 });
  });
});

onEveryBackend("assertClose on tensors", () => {
  it("tells a tensor from its transpose, its negative, and itself one per cent larger", () => {
    const x = random(1).normalTensor<tf.Rank.R2>([5, 5]);
    assertClose(tf.transpose(tf.transpose(x)), x, near);
    fails(tf.transpose(x), x, /largest error/);
    fails(tf.neg(x), x, /largest error/);
    fails(tf.mul(x, 1.01), x, /largest error/);
    fails(tf.mul(x, Number.NaN), x, /expected finite numbers, got NaN/);
  });
});
