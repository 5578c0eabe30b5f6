import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import type { Graded } from "workbook/grading/graded";
import { judgeFile, judgeSubmission } from "workbook/grading/judge-submission";
import { loadGraded } from "workbook/grading/lessons";
import { reportText } from "workbook/grading/report-view";
import { compileSubmission } from "workbook/grading/submissions/compile";
import { lesson } from "workbook/grading/submissions/exercise";
import { isRefusal } from "workbook/grading/submissions/submission";
import { closeTypes } from "workbook/grading/submissions/types";
import { isUntouched } from "workbook/grading/untouched";
import { accepted, answers, notebookFile } from "./submissions/material.js";

describe("judging a submission", () => {
  let graded: Graded;
  let folder = "";
  before(async () => {
    await useBackend();
    graded = await loadGraded("start-here");
    folder = mkdtempSync(path.join(tmpdir(), "workbook-judge-"));
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await closeTypes();
  });

  const judged = async (content: string, name = "start-here.ts") =>
    judgeSubmission(graded, await accepted(name, content, "start-here"), { seed: "1" });

  it("gives right answers all points, from a file and from a notebook alike", async () => {
    const file = await judged(answers);
    expect(file).to.include({ state: "graded", score: 5, maxScore: 5, file: "start-here.ts" });
    expect(file).to.not.have.any.keys("notes", "refusal");
    const cells = ["training( broken", ...answers.split("\n\n"), "await neverRun();"];
    const notebook = await judged(notebookFile(cells), "alice.ipynb");
    expect(notebook).to.include({ state: "graded", score: 5, file: "alice.ipynb" });
    expect(notebook.exercises).to.deep.equal(file.exercises);
    expect(notebook.notes).to.have.length(1);
    expect(notebook.notes![0]).to.match(/^cell \[1\] does not parse and was left out/);
  });

  it("does not run an exercise whose types are wrong, says so once, and judges the others", async () => {
    const report = await judged(answers.replace("T: number", "T: string"));
    expect(report).to.include({ state: "graded", score: 3, maxScore: 5 });
    const [softmax, causalPairs] = report.exercises;
    expect(softmax!.points).to.equal(3);
    expect(causalPairs!.tests.map(({ state }) => state)).to.deep.equal(["error", "error"]);
    const text = reportText(report);
    expect(text.match(/expected \(T: number\) => number, got \(T: string\) => number/g)).to.have.length(1);
  });

  it("reports a file that nobody has touched as if it had been run", async () => {
    const released = lesson("start-here");
    const codeOf = async (text: string) => {
      const compiled = await compileSubmission(await accepted("start-here.ts", text, "start-here"), {
        withheld: [],
      });
      if (isRefusal(compiled)) throw new Error(compiled.message);
      return compiled.code;
    };
    const commented = `${released.text}\n// I did not get round to it.\n`;
    const extended = `${released.text}\nexport const mine = 1;\n`;
    expect(await isUntouched(await codeOf(commented), graded, released)).to.equal(true);
    expect(await isUntouched(await codeOf(extended), graded, released)).to.equal(false);
    expect(await isUntouched(await codeOf(answers), graded, released)).to.equal(false);
    const waitsForLess = { ...released, names: released.names.slice(1) };
    expect(await isUntouched(await codeOf(commented), graded, waitsForLess)).to.equal(false);
    expect(await judged(commented)).to.deep.equal(await judged(extended));
    expect((await judged(commented)).exercises.flatMap(({ tests }) => tests)).to.have.length(5);
  });

  it("judges only what is asked for", async () => {
    const submission = await accepted("start-here.ts", answers.replace("T: number", "T: string"));
    const report = await judgeSubmission(graded, submission, { seed: "1", only: ["softmax"] });
    expect(report.exercises.map(({ name }) => name)).to.deep.equal(["softmax"]);
  });

  it("could not grade what does not compile, imports what it must not, has types wrong outside of exercises or throws", async () => {
    const cases = {
      unparsable: `${answers}export const = 3;`,
      import: `import fs from "node:fs";\n${answers}`,
      types: `const stray: number = "1";\n${answers}`,
    };
    for (const [reason, text] of Object.entries(cases)) {
      const report = await judged(text);
      expect(report, reason).to.include({
        state: "could not be graded",
        refusal: reason,
        score: 0,
        maxScore: 0,
      });
      expect(report.message, reason).to.include("start-here.ts:");
    }
    const throwing = await judged(`${answers}throw new RangeError("top");`);
    expect(throwing).to.include({ state: "could not be graded", score: 0, maxScore: 0 });
    expect(throwing.message).to.match(
      /^start-here\.ts: the file threw RangeError: top \(start-here\.ts:10:7\)$/,
    );
  });

  it("keeps what is withheld in the exercise away from answers", async () => {
    const text = answers.replace("tf.softmax(scores)", "attend(scores)");
    const submission = await accepted(
      "start-here.ts",
      `import { attention as attend } from "workbook/attention";\n${text}`,
    );
    const report = await judgeSubmission({ ...graded, withheld: ["workbook/attention"] }, submission, {
      seed: "1",
    });
    expect(report).to.include({ state: "could not be graded", refusal: "import" });
  });

  it("under // @ts-nocheck judges what runs", async () => {
    const report = await judged(`// @ts-nocheck\n${answers.replace("T: number", "T: string")}`);
    expect(report.score).to.equal(5);
  });

  it("passes on what answers print", async () => {
    const printed: string[] = [];
    const text = answers.replace("return (T", 'console.log("for", T);\n  return (T');
    const submission = await accepted("start-here.ts", text);
    await judgeSubmission(graded, submission, { seed: "1", onOutput: (part) => printed.push(part) });
    expect(printed.join("")).to.match(/^for 1\n/m);
  });

  it("reads what lies at a path, and says what does not", async () => {
    const file = path.join(folder, "start-here.ts");
    writeFileSync(file, answers);
    expect(await judgeFile(graded, file, { seed: "1" })).to.include({ score: 5, file: "start-here.ts" });
    const missing = await judgeFile(graded, path.join(folder, "none.ts"), { seed: "1" });
    expect(missing).to.deep.equal({
      slug: "start-here",
      state: "could not be graded",
      refusal: "missing",
      message: "none.ts: there is no such file",
      score: 0,
      maxScore: 0,
      exercises: [],
      seed: "1",
    });
  });
});
