import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { describe, it } from "mocha";
import { difference, formatDifference } from "workbook/grading/batch/diff";
import { mergeBatches } from "workbook/grading/batch/merge";
import { type Outcome, ungraded } from "workbook/grading/batch/outcome";
import { formats, outputFiles, readOutcomes, writeOutputs } from "workbook/grading/batch/outputs";
import { absent, shardOf, withoutDuplicates } from "workbook/grading/batch/plan";
import { duration } from "workbook/grading/batch/progress";
import { formatSummary } from "workbook/grading/batch/summary";
import { graded } from "./sample.js";

const refused = (student: string, reason = "types", message = "no type\nfits") =>
  ungraded({ student, slug: "lesson", submitted: "", seed: "1" }, reason, message);

describe("--diff", () => {
  const before = [graded("ann", [true, true, false]), graded("bob", [false, true, true]), refused("cid")];

  it("says nothing changed where nothing did", () => {
    const same = difference(before, before);
    expect(same).to.deep.equal({ students: [], tests: [] });
    expect(formatDifference(same)).to.equal("no grade changed\n");
  });

  it("lists students whose grade changed, and the tests that made it", () => {
    const after = [
      graded("ann", [true, true, true]),
      graded("bob", [true, false, true]),
      graded("cid", [true, true, true]),
    ];
    expect(difference(before, after)).to.deep.equal({
      students: [
        { student: "ann", slug: "lesson", before: "4 of 5", after: "5 of 5" },
        { student: "bob", slug: "lesson", before: "4 of 5", after: "3 of 5" },
        { student: "cid", slug: "lesson", before: "could not be graded: types", after: "5 of 5" },
      ],
      tests: [
        { slug: "lesson", exercise: "pairs", sentence: "the secret sentence", gained: 1, lost: 0 },
        { slug: "lesson", exercise: "rows", sentence: "each row sums to one", gained: 1, lost: 0 },
        { slug: "lesson", exercise: "rows", sentence: "large scores do not overflow", gained: 0, lost: 1 },
      ],
    });
  });

  it("sees a test that changed although a student's total did not", () => {
    const [one, other] = [graded("ann", [true, false, false]), graded("ann", [false, false, true])];
    const { students, tests } = difference([one], [other]);
    expect(students).to.deep.equal([]);
    expect(tests.map(({ gained, lost }) => [gained, lost])).to.deep.equal([
      [1, 0],
      [0, 1],
    ]);
  });

  it("lists students who came or went", () => {
    const { students } = difference([graded("ann", [true, true, true])], [refused("bob", "missing")]);
    expect(students.map(({ student, before, after }) => [student, before, after])).to.deep.equal([
      ["ann", "5 of 5", "not there"],
      ["bob", "not there", "missing"],
    ]);
  });
});

describe("shards", () => {
  const students = Array.from({ length: 11 }, (_, i) => `student ${i}`);

  it("hold every student exactly once, as evenly as they can", () => {
    const shards = [1, 2, 3, 4].map((index) => [...shardOf(students, { index, count: 4 })]);
    expect(shards.flat().sort()).to.deep.equal([...students].sort());
    expect(shards.map(({ length }) => length)).to.deep.equal([3, 3, 3, 2]);
  });

  it("put together give the same bytes as one machine", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "workbook-merge-"));
    try {
      const all: Outcome[] = [
        graded("ann", [true, true, false]),
        graded("bob", [true, true, true]),
        refused("cid"),
      ];
      const timings = all.map(({ student, slug }) => ({ student, slug, seconds: { rows: 0.5 }, total: 1 }));
      const options = { wanted: formats, roster: new Map() };
      const parts = [[1], [0, 2]].map((rows, i) => {
        const part = path.join(folder, String(i));
        const [outcomes, times] = [rows.map((row) => all[row]!), rows.map((row) => timings[row]!)];
        writeOutputs(part, outputFiles(outcomes, times, options));
        return part;
      });
      const merged = mergeBatches(parts);
      expect(outputFiles(merged.outcomes, merged.timings, options)).to.deep.equal(
        outputFiles(all, timings, options),
      );
      expect(() => mergeBatches([...parts, parts[0]!])).not.to.throw();
      writeOutputs(path.join(folder, "2"), outputFiles(all.slice(0, 1), [], options));
      expect(() => mergeBatches([...parts, path.join(folder, "2")])).to.throw(
        /expected each student in one folder, got ann/,
      );
      expect(() => readOutcomes(folder)).to.throw(/report\.json: expected the report of an earlier batch/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("rows of a batch", () => {
  const student = (id: string) => ({ id, lastName: "", firstName: "", email: "" });

  it("hold everyone on the list, also who handed nothing in", () => {
    const roster = new Map([student("ann"), student("zoe")].map((row) => [row.id, row]));
    const rows = absent([graded("ann", [true, true, true])], roster, { slug: undefined, seed: "1" });
    expect(rows.map(({ student, slug, reason }) => [student, slug, reason])).to.deep.equal([
      ["zoe", "lesson", "missing"],
    ]);
  });

  it("grade neither of two files that one student handed in for one lesson", () => {
    const twice = withoutDuplicates([
      graded("ann", [true, true, true]),
      graded("ann", [false, true, true]),
      graded("bob", [true, true, true]),
    ]);
    expect(twice.map(({ student, reason }) => [student, reason])).to.deep.equal([
      ["ann", "duplicate"],
      ["bob", ""],
    ]);
    expect(twice[0]!.report.message).to.equal("expected one file for lesson, got 2: x.ts, x.ts");
  });
});

describe("the summary", () => {
  const text = formatSummary([
    graded("ann", [true, true, true]),
    graded("bob", [false, true, true]),
    graded("cid", [false, false, true]),
    refused("dan\u001b[2J", "types", "line \u0007one\nline two"),
    refused("eve", "missing"),
  ]);

  it("has mean and median of each exercise and of all", () => {
    expect(text).to.match(/rows +3 +1\.67 +2 +1 +1\n/);
    expect(text).to.match(/pairs +2 +2\.00 +2 +3 +0\n/);
    expect(text).to.match(/all +5 +3\.67 +4 +1 +0\n/);
  });

  it("lists who could not be graded and why, and lets no name redraw the terminal", () => {
    expect(text).to.include("3 graded, 1 could not be graded, 1 missing");
    expect(text).to.match(/dan.*\[2J \(lesson\) +types +line .*one\n/);
    expect(text).to.include("missing: eve (lesson)");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the very characters that must not be there
    expect(text).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  it("words durations shortly", () => {
    expect([0.2, 59.5, 61, 3599, 3700].map(duration)).to.deep.equal([
      "1 s",
      "60 s",
      "2 min",
      "1 h 0 min",
      "1 h 2 min",
    ]);
  });
});
