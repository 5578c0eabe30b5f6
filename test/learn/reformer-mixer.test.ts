import type * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { mergeHeads, project, splitHeads } from "workbook/attention";
import { useBackend } from "workbook/backend";
import { reformerMixer } from "workbook/learn/reformer-mixer";
import { random } from "workbook/random";
import { reformer, sharedAttention } from "workbook/variants/reformer";

const rounding = { tolerance: 1e-6, because: "the same operations in the same order" };
const [T, width, heads] = [20, 8, 2];

describe("learn/reformer-mixer", () => {
  before(() => useBackend());

  const parameters = (): Record<string, tf.Tensor> => {
    const r = random(1);
    const fresh = reformerMixer({ chunk: 4, rounds: 1 }).init({ random: r, width, heads });
    return { ...fresh, wo: r.normalTensor([width, width]) };
  };
  const x = () => random(2).normalTensor<tf.Rank.R3>([2, T, width]);

  it("has one projection for queries and keys", () => {
    expect(Object.keys(parameters()).sort()).to.deep.equal(["wo", "wqk", "wv"]);
  });

  it("projects, attends causally by head, and projects back, by hashing or in full", () => {
    const params = parameters();
    const part = (name: "wqk" | "wv") => splitHeads(project(x(), params[name] as tf.Tensor2D), heads);
    const inputs = { qk: part("wqk"), v: part("wv"), causal: true };
    const out = (mixed: tf.Tensor4D) => project(mergeHeads(mixed), params.wo as tf.Tensor2D);
    assertClose(
      reformerMixer({ chunk: 4, rounds: 2, seed: 7 }).forward({ x: x(), params, heads }),
      out(reformer({ ...inputs, chunk: 4, rounds: 2, seed: 7 })),
      rounding,
    );
    const full = reformerMixer({ chunk: 4, rounds: 0 }).forward({ x: x(), params, heads });
    assertClose(full, out(sharedAttention(inputs)), rounding);
  });
});
