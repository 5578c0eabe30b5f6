import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { parse } from "csv-parse/sync";
import { after, before, describe, it } from "mocha";
import { root } from "workbook/root";

const right = readFileSync(path.join(root, "solutions/start-here.ts"), "utf8");
const files = {
  "ann.ts": right,
  "bob.ts": right.replace("(T * (T + 1)) / 2", "T * T"),
  "cid.ts": "export function softmax( {",
  "../evil.ts": right,
};

describe("workbook grade", function () {
  // Each run starts workers with tfjs and a type checker.
  this.timeout(120_000);
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-grade-"));
  const at = (...names: string[]) => path.join(folder, ...names);
  before(() => {
    mkdirSync(at("class"));
    for (const [name, text] of Object.entries(files)) writeFileSync(at("class", path.basename(name)), text);
    writeFileSync(
      at("students.csv"),
      "id,last_name,first_name,email\nann,Lee,Ann,\nzoe,Poe,Zoe,zoe@example.org\n",
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const workbook = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(root, "lib/bin/workbook.mjs"), "grade", ...args],
      { encoding: "utf8", cwd: folder, env: { ...process.env, WORKBOOK_BACKEND: "cpu" } },
    );
    return { status, stdout, stderr };
  };
  const grades = (out: string) =>
    (parse(readFileSync(at(out, "grades.csv")), { columns: true }) as Record<string, string>[]).map(
      ({ student_id, score, status }) => `${student_id}: ${score} ${status}`,
    );
  const rows = [
    "ann: 5 graded",
    "bob: 3 graded",
    "cid:  could not be graded",
    "evil: 5 graded",
    "zoe:  missing",
  ];

  it("grades a folder, says who could not be graded and who is missing, and ends with 1 for the former", () => {
    const { status, stdout, stderr } = workbook(
      "class",
      "--out",
      "whole",
      "--students",
      "students.csv",
      "--jobs",
      "2",
    );
    expect(stderr).to.match(/^\[[ 1-4]+\/4\] \w+: /m);
    expect(stdout).to.include("3 graded, 1 could not be graded, 1 missing");
    expect(status, stderr).to.equal(1);
    expect(grades("whole")).to.deep.equal(rows);
    expect(readFileSync(at("whole/ann/feedback.html"), "utf8")).to.include("<h1>Ann Lee</h1>");
  });

  it("gives the same bytes from two shards put together", () => {
    for (const shard of ["1/2", "2/2"]) {
      workbook("class", "--out", `shard-${shard[0]}`, "--students", "students.csv", "--shard", shard);
    }
    const { status } = workbook(
      "--merge",
      "shard-1",
      "shard-2",
      "--out",
      "merged",
      "--students",
      "students.csv",
    );
    expect(status).to.equal(1);
    for (const file of ["report.json", "grades.csv", "junit.xml", "bob/results.json", "cid/feedback.html"]) {
      expect(readFileSync(at("merged", file), "utf8"), file).to.equal(
        readFileSync(at("whole", file), "utf8"),
      );
    }
  });

  it("goes on where it was, and --diff tells what changed and ends with 1 only then", () => {
    const same = workbook("class/ann.ts", "class/bob.ts", "--out", "some", "--slug", "start-here");
    expect(same.status, same.stderr).to.equal(0);
    expect(workbook("--out", "some", "--diff", "some")).to.include({
      status: 0,
      stdout: "no grade changed\n",
    });
    writeFileSync(at("class/bob.ts"), right);
    const diff = workbook(
      "class/ann.ts",
      "class/bob.ts",
      "--out",
      "some",
      "--slug",
      "start-here",
      "--diff",
      "some",
    );
    expect(diff.stderr).to.include("resumed: 1 of 2 already graded");
    expect(diff.stdout).to.match(/grades that changed: 1\n +bob +start-here +3 of 5 +→ +5 of 5\n/);
    expect(diff.stdout).to.match(/start-here\.causalPairs +1 +0 +one token makes one pair/);
    expect(diff.status).to.equal(1);
  });

  it("tells how it is used when it is misused, in one line, and ends with 2", () => {
    for (const [args, message] of [
      [[], /expected at least one file or folder, got none/],
      [["nowhere"], /there is no nowhere/],
      [["class", "--slug", "nothing"], /there are no exercises named "nothing"/],
      [["class", "--jobs", "0"], /--jobs: expected a whole number from 1 to 1024, got "0"/],
      [["class", "--timeout", "0"], /--timeout: expected seconds above zero, got "0"/],
      [["class", "--format", "csv,pdf"], /--format: expected some of json, csv, .*, got "pdf"/],
      [["class", "--shard", "3/2"], /--shard: expected I\/N with I from 1 to N, got "3\/2"/],
      [["class", "--students", "students.txt"], /--students students\.txt: /],
      [["class", "--diff", "nowhere"], /--diff: .*report\.json: expected the report of an earlier batch/],
      [["class", "class", "--student", "ann"], /--student: expected one file or folder, got 2/],
      [["--merge", "class"], /--merge: .*report\.json: expected the report/],
    ] as const) {
      const { status, stderr } = workbook(...args);
      expect(stderr)
        .to.match(message)
        .and.match(/^[^\n]+\n$/);
      expect(status, args.join(" ")).to.equal(2);
    }
  });
});
