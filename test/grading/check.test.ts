import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { afterEach, before, beforeEach, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { cli } from "workbook/cli";
import { type MimeBundle, setDisplayHost } from "workbook/display";
import { ago, check, judged } from "workbook/grading/check";
import { judgeFile } from "workbook/grading/judge-submission";
import type { Report } from "workbook/grading/report";
import { reportHtml, reportText } from "workbook/grading/report-view";
import { lesson } from "./lesson.js";

describe("check", () => {
  const shown: MimeBundle[] = [];
  before(() => useBackend());
  let memory = "";
  beforeEach(() => {
    memory = mkdtempSync(path.join(tmpdir(), "workbook-check-"));
    shown.length = 0;
    setDisplayHost(({ data }) => shown.push(data));
  });
  afterEach(() => {
    setDisplayHost(undefined);
    rmSync(memory, { recursive: true });
  });

  it("judges the functions given, and only those, and shows the report", async () => {
    const report = await judged("start-here", { softmax: tf.softmax }, { memory });
    expect(await check("start-here", { softmax: tf.softmax }, { memory })).to.equal(undefined);
    expect(report.exercises.map(({ name }) => name)).to.deep.equal(["softmax"]);
    expect([report.score, report.maxScore]).to.deep.equal([3, 3]);
    expect(shown).to.have.length(1);
    expect(shown[0]).to.include({ "text/html": reportHtml(report), "text/plain": reportText(report) });
  });

  it("judges the exercise file where no functions are given", async () => {
    const report = await judged("start-here", undefined, { memory });
    expect(report).to.include({ state: "graded", file: "exercises/start-here.ts", maxScore: 5 });
    const again = await judged("start-here", undefined, { memory });
    expect(again.notes![0]).to.match(
      /^Nothing has changed since the last check: this is the same exercises\/start-here\.ts, last saved .* ago\./,
    );
  });

  it("does not throw for a wrong answer", async () => {
    const report = await judged("start-here", { causalPairs: () => 0 }, { memory });
    expect(report).to.include({ score: 0, maxScore: 2 });
  });

  it("the seed is no part of what a student sees", async () => {
    const wrong = { causalPairs: (T: number) => (T > 9 ? T : (T * (T + 1)) / 2) };
    const seen = async (seed: number) =>
      judged("start-here", wrong, { seed, memory: path.join(memory, "new") });
    const reports = await Promise.all([1, 2, 3].map(seen));
    expect(reports.map(({ seed }) => seed)).to.deep.equal(["", "", ""]);
    expect(reports[0]!.exercises[0]!.tests[1]!.message).to.match(/^for T = 10: expected 55, got 10$/);
  });

  it("the first wrong answer gets its reason, the second a hint, in another kernel too", async () => {
    const pairs = async (answer: (T: number) => number) => {
      await check("start-here", { causalPairs: answer }, { memory });
      return String(shown.at(-1)!["text/html"]);
    };
    const first = await pairs((T) => T * T);
    expect(first).to.include("expected 3, got 4").and.to.include("A hint comes after your next try.");
    expect(first).to.not.include("The first token sees 1 key");
    expect(readFileSync(path.join(memory, "start-here.json"), "utf8")).to.include('"failures":1');
    expect(await pairs((T) => T + T)).to.include("The first token sees 1 key");
  });

  it("throws one sentence with the known names for an unknown lesson or exercise", async () => {
    expect(await failure(check("start-hear"))).to.match(
      /^check: there are no exercises named "start-hear"; known: .*start-here/,
    );
    expect(await failure(check("start-here", { softmaks: () => 0 }))).to.equal(
      'check: expected answers among softmax, causalPairs ("start-here"), got softmaks',
    );
    expect(await failure(check("start-here", {}))).to.match(/got nothing$/);
    expect(shown).to.deep.equal([]);
  });
});

describe("ago", () => {
  it("says how long ago something was, roughly", () => {
    const [second, minute, hour] = [1_000, 60_000, 3_600_000];
    expect([59 * second, minute, 59 * minute, hour, 30 * hour, 50 * hour].map(ago)).to.deep.equal([
      "less than a minute ago",
      "1 minute ago",
      "59 minutes ago",
      "1 hour ago",
      "1 day ago",
      "2 days ago",
    ]);
  });
});

describe("judgeFile", () => {
  it("a file that cannot be loaded could not be graded, which is no zero out of something", async () => {
    const report = await judgeFile(lesson, "exercises/no-such-lesson.ts", { seed: "1" });
    expect(report).to.include({ state: "could not be graded", score: 0, maxScore: 0 });
    expect(report.message).to.equal("exercises/no-such-lesson.ts: there is no such file");
    expect(reportText(report)).to.include("could not be graded").and.to.include(report.message);
    expect(reportHtml(report)).to.include("could not be graded").and.to.include(report.message);
  });
});

describe("reportHtml and reportText", () => {
  const report: Report = {
    slug: "lesson",
    state: "graded",
    message: "",
    score: 2,
    maxScore: 6,
    seed: "1",
    file: "exercises/lesson.ts",
    exercises: [
      {
        name: "f",
        title: "A <b>title</b>",
        points: 2,
        maxPoints: 3,
        hint: "of the exercise",
        tests: [
          { sentence: "it holds", state: "passed", points: 2, maxPoints: 2, message: "" },
          {
            sentence: "a < b",
            state: "failed",
            points: 0,
            maxPoints: 1,
            message: "not so",
            expected: "1 & 2",
            got: "3",
            hint: "use `tf.less`",
          },
        ],
      },
      { name: "g", title: "G", points: 0, maxPoints: 2, tests: [same("x", "error"), same("y", "error")] },
      { name: "h", title: "H", points: 0, maxPoints: 1, hint: "for later", tests: [same("z", "todo")] },
    ],
  };

  it("say sentence, verdict in words, points, expected and got, and hints", () => {
    expect(reportText(report).split("\n")).to.deep.equal([
      "lesson: 2 of 6 points (exercises/lesson.ts, seed 1)",
      "  A <b>title</b> (f): 2 of 3 points",
      "    ✔ passed: it holds (2 of 2)",
      "    ✘ failed: a < b (0 of 1)",
      "      not so",
      "      expected  1 & 2",
      "      got       3",
      "      hint: use `tf.less`",
      "    hint: of the exercise",
      "  G (g): 0 of 2 points",
      "    ⚠ stopped: x (0 of 1)",
      "    ⚠ stopped: y (0 of 1)",
      "      the same for all",
      "  H (h): 0 of 1 point, ○ to do",
      "      the same for all",
    ]);
  });

  it("say what all tests complain about once, also where a test is hidden from the reader", () => {
    const hidden = { ...same("a hidden test", "error"), message: "", hidden: true } as const;
    const tests = [same("x", "error"), hidden, same("y", "error")];
    const exercises = [{ name: "f", title: "F", points: 0, maxPoints: 3, tests }];
    const text = reportText({ ...report, exercises });
    expect(text.match(/the same for all/g)).to.have.length(1);
    expect(text).to.include("⚠ stopped: a hidden test (0 of 1)");
  });

  it("HTML wraps sentences and keeps the lines of code below them as they are", () => {
    const message = "a.ts:1:7: a sentence\n  1 | const = 1\n            ^\n\nb.ts:2:1: another one";
    const html = reportHtml({ ...report, state: "could not be graded", message });
    expect(html.match(/<pre style="[^"]*pre-wrap[^"]*">[^<]*<\/pre>/g)).to.have.length(2);
    expect(html).to.match(/white-space:pre;overflow-x:auto"> {2}1 \| const = 1\n {12}\^<\/pre>/);
  });

  it("HTML escapes what people wrote, and links the file from the notebooks' folder", () => {
    const html = reportHtml(report);
    expect(html)
      .to.include("A &lt;b&gt;title&lt;/b&gt;")
      .and.to.include("a &lt; b")
      .and.to.include("1 &amp; 2");
    expect(html).to.include("<code>tf.less</code>");
    expect(html).to.include('href="../exercises/lesson.ts"');
    expect(html.match(/the same for all/g)).to.have.length(2);
    expect(html).to.include("✔ passed").and.to.include("✘ failed").and.to.include("⚠ stopped");
    expect(html).to.not.include("for later");
  });
});

describe("workbook release and workbook prove", () => {
  for (const command of ["release", "prove"]) {
    it(`${command} of an unknown lesson is one line and exit code 2`, async () => {
      const written: string[] = [];
      const original = process.stderr.write;
      process.stderr.write = ((text: string) => written.push(text) > 0) as typeof original;
      try {
        expect(await cli([command, "nope"])).to.equal(2);
      } finally {
        process.stderr.write = original;
      }
      expect(written.join("")).to.match(
        /^workbook (release|prove): there are no exercises named "nope"; known: /,
      );
    });
  }
});

function same(sentence: string, state: "error" | "todo") {
  return { sentence, state, points: 0, maxPoints: 1, message: "the same for all" } as const;
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}
