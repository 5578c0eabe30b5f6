import { AssertionError, expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { graded } from "workbook/grading/graded";
import { judge } from "workbook/grading/judge";
import { reportHtml, reportText } from "workbook/grading/report-view";
import { studentReport } from "workbook/grading/student-report";
import { inProcess } from "workbook/grading/subject";
import { Todo } from "workbook/grading/todo";

type Answers = { f: (n: number) => number };

/** Words of a hidden test that nobody but the instructor may see; 7919 is its input. */
const secrets = ["SENTENCE", "HINT", "MESSAGE", "7919", "15838"];

const lesson = graded<Answers>("lesson", {
  f: {
    title: "Doubling",
    returns: "number",
    tests: [
      { sentence: "f(1) = 2", run: async ({ answer }) => expect(await answer(1)).to.equal(2) as never },
      {
        sentence: "SENTENCE",
        hint: "HINT",
        points: 3,
        hidden: true,
        run: async ({ answer }) => {
          const got = await answer(7919);
          if (got === 15_838) return;
          throw new AssertionError("MESSAGE", { actual: got, expected: 15_838, showDiff: true });
        },
      },
    ],
  },
});

const answers: [what: string, f: (n: number) => number, hidden: string][] = [
  ["right", (n) => 2 * n, "passed"],
  ["wrong", (n) => n + 1, "failed"],
  ["of the wrong kind", (n) => `${n}` as never, "failed"],
  [
    "throwing its input",
    (n) => {
      throw new Error(`I was given ${n}`);
    },
    "error",
  ],
  [
    "a Todo that names its input",
    (n) => {
      throw new Todo(`f(${n})`);
    },
    "todo",
  ],
  ["an endless promise", () => new Promise(() => {}) as never, "failed"],
];

describe("studentReport", () => {
  before(() => useBackend());

  for (const [what, f, state] of answers) {
    it(`shows of a hidden test whether it passed and its points, and no word more, for an answer that is ${what}`, async () => {
      const full = await judge(lesson, inProcess({ f }), { seed: "SEED" });
      const report = studentReport(full);
      const hidden = report.exercises[0]!.tests[1]!;
      expect(hidden).to.include({ sentence: "a hidden test", state, maxPoints: 3, hidden: true });
      expect(hidden).to.have.all.keys("sentence", "state", "points", "maxPoints", "message", "hidden");
      expect(hidden.message).to.equal("");
      expect(hidden.points).to.equal(state === "passed" ? 3 : 0);
      const everything = JSON.stringify(report) + reportHtml(report) + reportText(report);
      for (const secret of [...secrets, "SEED"]) expect(everything).to.not.include(secret);
    });
  }

  it("shows the student every other test as it is, and the instructor's report everything", async () => {
    const full = await judge(lesson, inProcess({ f: (n: number) => n + 1 }), { seed: "SEED" });
    const report = studentReport(full);
    expect(report.exercises[0]!.tests[0]).to.deep.equal(full.exercises[0]!.tests[0]);
    expect(report).to.include({ score: full.score, maxScore: full.maxScore, state: "graded" });
    expect(full.exercises[0]!.tests[1]).to.include({ sentence: "SENTENCE", hint: "HINT", hidden: true });
    expect(reportText(full)).to.include("SENTENCE").and.to.include("MESSAGE").and.to.include("seed SEED");
  });

  it("a test that is not hidden has no mark of it", async () => {
    const full = await judge(lesson, inProcess({ f: (n: number) => 2 * n }), { seed: "1" });
    expect(full.exercises[0]!.tests[0]).to.not.have.property("hidden");
  });
});
