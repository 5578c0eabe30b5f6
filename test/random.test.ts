import type * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";

const many = 20_000;
const draws = (draw: () => number) => Array.from({ length: many }, draw);
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** Five standard errors of a mean of `many` draws with this variance: the seed is fixed, so no test flickers. */
const five = (variance: number) => 5 * Math.sqrt(variance / many);

describe("random", () => {
  it("the same seed gives the same numbers, and another seed others", () => {
    const first = (seed: string | number) => {
      const r = random(seed);
      return [r.uniform(), r.normal(), r.integer(1000)];
    };
    expect(first(7)).to.deep.equal(first(7));
    expect(first(7)).to.deep.equal(first("7"));
    expect(first(7)).not.to.deep.equal(first(8));
    expect(first("a")).not.to.deep.equal(first("b"));
  });

  it("two generators of one seed do not disturb each other", () => {
    const [a, b] = [random(1), random(1)];
    a.uniform();
    b.normal();
    const expected = random(1);
    expected.uniform();
    expect(a.uniform()).to.equal(expected.uniform());
  });

  it("uniform numbers lie in [0, 1) with mean 1/2 and variance 1/12", () => {
    const values = draws(random(1).uniform);
    expect(values.every((x) => x >= 0 && x < 1)).to.equal(true);
    expect(mean(values)).to.be.closeTo(1 / 2, five(1 / 12));
    expect(mean(values.map((x) => (x - 1 / 2) ** 2))).to.be.closeTo(1 / 12, five(1 / 180));
  });

  it("normal numbers have mean 0, variance 1 and fourth moment 3", () => {
    const values = draws(random(2).normal);
    expect(mean(values)).to.be.closeTo(0, five(1));
    expect(mean(values.map((x) => x ** 2))).to.be.closeTo(1, five(2));
    expect(mean(values.map((x) => x ** 4))).to.be.closeTo(3, five(96));
  });

  it("integers below n are all hit equally often", () => {
    const r = random(3);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < many; i++) counts[r.integer(5)]!++;
    for (const count of counts) expect(count / many).to.be.closeTo(1 / 5, five(4 / 25));
  });

  it("a shuffle keeps the items, leaves the original, and puts each item anywhere equally often", () => {
    const r = random(4);
    const items = ["a", "b", "c"];
    const firsts = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < many; i++) {
      const shuffled = r.shuffle(items);
      firsts[shuffled[0] as "a"]++;
      if (i === 0) expect(shuffled.toSorted()).to.deep.equal(items);
    }
    expect(items).to.deep.equal(["a", "b", "c"]);
    for (const count of Object.values(firsts)) expect(count / many).to.be.closeTo(1 / 3, five(2 / 9));
  });
});

onEveryBackend("random tensors", () => {
  it("hold the generator's own numbers, scaled, in float32, on every backend", () => {
    const r = random(5);
    const expected = Float32Array.from({ length: 6 }, () => 0.5 * r.normal());
    const tensor = random(5).normalTensor<tf.Rank.R2>([2, 3], 0.5);
    expect(tensor.shape).to.deep.equal([2, 3]);
    expect(tensor.dataSync()).to.deep.equal(expected);
  });

  it("uniform tensors fill [low, high)", () => {
    const values = [...random(6).uniformTensor<tf.Rank.R1>([many], -2, 3).dataSync()];
    expect(values.every((x) => x >= -2 && x < 3)).to.equal(true);
    expect(mean(values)).to.be.closeTo(1 / 2, five(25 / 12));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    expect([Math.round(low), Math.round(high)]).to.deep.equal([-2, 3]);
  });

  it("a scalar has one number", () => {
    expect(random(7).normalTensor<tf.Rank.R0>([]).dataSync().length).to.equal(1);
  });
});
