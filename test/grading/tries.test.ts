import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { Report, TestReport } from "workbook/grading/report";
import { atThisTry, noTries, recordTries, type Submitted, type Tries } from "workbook/grading/tries";
import { forgetTries, readTries, writeTries } from "workbook/grading/tries-file";
import { root } from "workbook/root";

type State = TestReport["state"];

function report(states: Readonly<Record<string, State>>, file?: string): Report {
  const exercises = Object.entries(states).map(([name, state]) => {
    const hint = state === "passed" ? {} : { hint: `hint of ${name}'s test` };
    const test = { sentence: "s", state, points: 0, maxPoints: 1, message: "why", ...hint };
    return { name, title: name, points: 0, maxPoints: 1, hint: `hint of ${name}`, tests: [test] };
  });
  const source = file === undefined ? {} : { file };
  return {
    slug: "lesson",
    state: "graded",
    message: "",
    score: 0,
    maxScore: 1,
    exercises,
    seed: "",
    ...source,
  };
}

function submitted(answers: Readonly<Record<string, string>>, file?: string): Submitted {
  return { answers: new Map(Object.entries(answers)), ...(file === undefined ? {} : { file }) };
}

/** What a learner sees at each of these answers to one exercise, in turn. */
function history(...tries: readonly [answer: string, state: State][]) {
  let memory: Tries = noTries;
  return tries.map(([answer, state]) => {
    const [judged, given] = [report({ f: state }), submitted({ f: answer })];
    const { hint, note, tests } = atThisTry(judged, given, memory).exercises[0]!;
    memory = recordTries(memory, judged, given);
    return { hint, test: tests[0]!.hint, note };
  });
}

const hints = { hint: "hint of f", test: "hint of f's test" };
const later = "A hint comes after your next try.";

describe("atThisTry", () => {
  it("the first failing answer gets the reason and no hint; the second one gets the hints", () => {
    expect(history(["a", "failed"], ["b", "failed"])).to.deep.equal([
      { hint: undefined, test: undefined, note: later },
      { ...hints, note: undefined },
    ]);
    expect(history(["a", "error"], ["b", "error"])[1]).to.include(hints);
    expect(
      atThisTry(report({ f: "failed" }), submitted({ f: "a" }), noTries).exercises[0]!.tests[0]!.message,
    ).to.equal("why");
  });

  it("checking the same answer again is no second try, and is said", () => {
    const [, again, third] = history(["a", "failed"], ["a", "failed"], ["b", "failed"]);
    expect(again).to.deep.equal({
      hint: undefined,
      test: undefined,
      note: `This answer is the same as at the last check. ${later}`,
    });
    expect(third).to.include(hints);
  });

  it("a hint that was shown stays, for the same answer and for later ones", () => {
    const [, , same, next] = history(["a", "failed"], ["b", "failed"], ["b", "failed"], ["c", "failed"]);
    expect(same).to.deep.equal({ ...hints, note: "This answer is the same as at the last check." });
    expect(next).to.deep.equal({ ...hints, note: undefined });
  });

  it("an unanswered exercise has not failed, and a right answer needs no note", () => {
    const [todo, , passed] = history(["stub", "todo"], ["a", "failed"], ["b", "passed"]);
    expect(todo!.note).to.equal(undefined);
    expect(passed!.note).to.equal(undefined);
    expect(history(["stub", "todo"], ["a", "failed"])[1]!.note).to.equal(later);
  });

  it("promises no hint where there is none", () => {
    const judged = report({ f: "failed" });
    const bare = judged.exercises.map(({ hint: _, ...exercise }) => ({
      ...exercise,
      tests: exercise.tests.map(({ hint: _, ...test }) => test),
    }));
    const [exercise] = atThisTry({ ...judged, exercises: bare }, submitted({ f: "a" }), noTries).exercises;
    expect(exercise).to.not.have.property("note");
  });

  it("each exercise counts for itself, and one that was left out keeps its count", () => {
    let memory = recordTries(noTries, report({ f: "failed", g: "failed" }), submitted({ f: "1", g: "1" }));
    memory = recordTries(memory, report({ g: "failed" }), submitted({ g: "2" }));
    const { exercises } = atThisTry(
      report({ f: "failed", g: "failed" }),
      submitted({ f: "2", g: "2" }),
      memory,
    );
    expect(exercises.map(({ hint }) => hint)).to.deep.equal(["hint of f", "hint of g"]);
    const [f] = atThisTry(report({ f: "failed" }), submitted({ f: "1" }), memory).exercises;
    expect(f!.hint).to.equal(undefined);
  });

  it("a file that has not changed is said to be the same, with what to do about it; once, not for each answer", () => {
    const [judged, given] = [report({ f: "failed" }, "exercises/lesson.ts"), submitted({ f: "a" }, "whole")];
    expect(atThisTry(judged, given, noTries)).to.not.have.property("notes");
    const again = atThisTry(judged, given, recordTries(noTries, judged, given), "3 minutes ago");
    expect(again.notes).to.have.length(1);
    expect(again.notes![0]).to.match(
      /^Nothing has changed since the last check: this is the same exercises\/lesson\.ts, last saved 3 minutes ago\. .*save it \(Ctrl\+S/,
    );
    expect(again.exercises[0]!.note).to.equal(later);
    const edited = atThisTry(judged, submitted({ f: "a" }, "edited"), recordTries(noTries, judged, given));
    expect(edited).to.not.have.property("notes");
    expect(edited.exercises[0]!.note).to.match(/^This answer is the same/);
  });

  it("a check of answers in a cell leaves the file's last check as it is", () => {
    const [judged, given] = [report({ f: "failed" }, "exercises/lesson.ts"), submitted({ f: "a" }, "whole")];
    const memory = recordTries(
      recordTries(noTries, judged, given),
      report({ f: "failed" }),
      submitted({ f: "b" }),
    );
    expect(atThisTry(judged, given, memory).notes).to.have.length(1);
  });
});

describe("tries on disk", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-tries-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const tries: Tries = { file: "1", exercises: { f: { answer: "2", failures: 1 } } };

  it("are read as they were written, and forgotten when asked to", () => {
    const below = path.join(folder, "not/there/yet");
    expect(readTries(below, "lesson")).to.deep.equal(noTries);
    writeTries(below, "lesson", tries);
    expect(readTries(below, "lesson")).to.deep.equal(tries);
    expect(readTries(below, "other")).to.deep.equal(noTries);
    forgetTries(below, "lesson");
    forgetTries(below, "lesson");
    expect(readTries(below, "lesson")).to.deep.equal(noTries);
    expect(readdirSync(below)).to.deep.equal([]);
  });

  const damaged = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"exercises":[]}',
    '{"exercises":{"f":1}}',
    '{"exercises":{"f":{"answer":"a","failures":"many"}}}',
    '{"file":3,"exercises":{}}',
  ];
  for (const text of damaged) {
    it(`start anew where the file is damaged: ${text || "empty"}`, () => {
      writeFileSync(path.join(folder, "lesson.json"), text);
      expect(readTries(folder, "lesson")).to.deep.equal(noTries);
      writeTries(folder, "lesson", tries);
      expect(readTries(folder, "lesson")).to.deep.equal(tries);
    });
  }

  it("are whole whoever writes at the same time", async () => {
    writeTries(folder, "lesson", tries);
    const module = path.join(root, "lib/dist/lib/grading/tries-file.js");
    const script = [
      `import { writeTries } from ${JSON.stringify(module)};`,
      'const entries = Array.from({ length: 500 }, (_, i) => ["f" + i, { answer: "a".repeat(16), failures: 1 }]);',
      "const exercises = Object.fromEntries(entries);",
      `for (let i = 0; i < 100; i++) writeTries(${JSON.stringify(folder)}, "lesson", { exercises });`,
    ].join("\n");
    const writers = [1, 2].map(() => spawn(process.execPath, ["--input-type=module", "-e", script]));
    let running = writers.length;
    const ended = writers.map((writer) =>
      once(writer, "exit").then(([code]) => {
        running--;
        return code as number;
      }),
    );
    while (running > 0) {
      const { exercises } = readTries(folder, "lesson");
      expect(Object.keys(exercises).length).to.be.oneOf([1, 500]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(ended)).to.deep.equal([0, 0]);
    expect(readdirSync(folder)).to.deep.equal(["lesson.json"]);
  });

  it("a place that cannot be written to costs the memory and nothing else", () => {
    mkdirSync(path.join(folder, "lesson.json"));
    writeTries(folder, "lesson", tries);
    expect(readTries(folder, "lesson")).to.deep.equal(noTries);
    expect(readdirSync(folder)).to.deep.equal(["lesson.json"]);
  });
});
