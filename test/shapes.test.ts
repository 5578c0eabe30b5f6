import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { dims, ensure, formatShape } from "workbook/shapes";

describe("shapes", () => {
  it("a shape prints as a list, a scalar's as an empty one", () => {
    expect(formatShape([2, 4, 128])).to.equal("[2, 4, 128]");
    expect(formatShape([])).to.equal("[]");
  });

  it("ensure throws a RangeError with the message, and only when the condition fails", () => {
    expect(() => ensure(true, "unsaid")).not.to.throw();
    expect(() => ensure(false, "f: expected 1, got 2")).to.throw(RangeError, /^f: expected 1, got 2$/);
  });

  it("dims reads the sizes of all letters", () => {
    const tensors = {
      q: [tf.zeros([1, 2, 3, 4]), "B H T D"],
      k: [tf.zeros([1, 2, 5, 4]), "B H S D"],
    } as const;
    expect(dims("f", tensors)).to.deep.equal({ B: 1, H: 2, T: 3, D: 4, S: 5 });
  });

  it("dims wants one size per letter, also within one tensor, and says where the first came from", () => {
    const q = [tf.zeros([2, 64]), "T D"] as const;
    expect(() => dims("f", { q, k: [tf.zeros([8, 32]), "S D"] })).to.throw(
      RangeError,
      /^f: expected k of shape \[S, D\] with D = 64 \(from q\), got \[8, 32\]$/,
    );
    expect(() => dims("f", { square: [tf.zeros([2, 3]), "N N"] })).to.throw(
      RangeError,
      /^f: expected square of shape \[N, N\] with N = 2 \(from square\), got \[2, 3\]$/,
    );
  });

  it("dims wants the rank of the legend, and a tensor at all", () => {
    expect(() => dims("f", { x: [tf.zeros([2, 3]), "B T C"] })).to.throw(
      RangeError,
      /^f: expected x of shape \[B, T, C\], got \[2, 3\]$/,
    );
    const missing = undefined as unknown as tf.Tensor;
    expect(() => dims("f", { x: [missing, "B T C"] })).to.throw(RangeError, /got undefined$/);
    const number = 3 as unknown as tf.Tensor;
    expect(() => dims("f", { x: [number, "B T C"] })).to.throw(RangeError, /got 3$/);
  });

  it("dims tells a size of zero from an unset one", () => {
    expect(dims("f", { x: [tf.zeros([0, 3]), "T C"] })).to.deep.equal({ T: 0, C: 3 });
    expect(() => dims("f", { x: [tf.zeros([0]), "T"], y: [tf.zeros([2]), "T"] })).to.throw(
      RangeError,
      /T = 0/,
    );
  });
});
