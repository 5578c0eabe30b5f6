import { expect } from "chai";
import { describe, it } from "mocha";
import { graded } from "workbook/grading/graded";
import { judge } from "workbook/grading/judge";
import { isDecimal, sumPoints } from "workbook/grading/points";
import { inProcess } from "workbook/grading/subject";

describe("points", () => {
  it("add up as decimals do: 0.1 + 0.2 is 0.3, and ten tenths are 1", () => {
    expect(sumPoints([0.1, 0.2])).to.equal(0.3);
    expect(sumPoints(Array.from({ length: 10 }, () => 0.1))).to.equal(1);
    expect(sumPoints([1.005, 2.01])).to.equal(3.015);
    expect(sumPoints([])).to.equal(0);
  });

  it("are finite decimals of at most three places", () => {
    for (const points of [1, 0.5, 0.001, 2.675, 1e9]) expect(isDecimal(points), `${points}`).to.equal(true);
    for (const points of [1 / 3, 0.0005, Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
      expect(isDecimal(points), `${points}`).to.equal(false);
    }
  });

  it("of tests, exercises and the whole report are exact sums", async () => {
    const test = (sentence: string, points: number, right: boolean) => ({
      sentence,
      points,
      run: async () => {
        if (!right) throw new Error("wrong");
      },
    });
    const tests = [test("a", 0.1, true), test("b", 0.2, true), test("c", 0.4, false)];
    const exercise = { title: "F", returns: "number", tests } as const;
    const lesson = graded<{ f: () => number; g: () => number }>("lesson", { f: exercise, g: exercise });
    const { score, maxScore, exercises } = await judge(lesson, inProcess({}), { seed: "1" });
    expect(exercises.map(({ points, maxPoints }) => [points, maxPoints])).to.deep.equal([
      [0.3, 0.7],
      [0.3, 0.7],
    ]);
    expect([score, maxScore]).to.deep.equal([0.6, 1.4]);
  });
});
