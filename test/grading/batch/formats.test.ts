import { expect } from "chai";
import { parse } from "csv-parse/sync";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { describe, it } from "mocha";
import { csv } from "workbook/grading/batch/csv";
import { feedbackPage } from "workbook/grading/batch/feedback";
import { gradesCsv, parseRoster, timingsCsv } from "workbook/grading/batch/grades";
import { gradescopeResults } from "workbook/grading/batch/gradescope";
import { junit } from "workbook/grading/batch/junit";
import { type Outcome, ungraded } from "workbook/grading/batch/outcome";
import { outputFiles } from "workbook/grading/batch/outputs";
import { graded, secrets } from "./sample.js";

const hostile = '=cmd|"/c calc"!A1';
const refused = ungraded(
  { student: "bob", slug: "lesson", submitted: "2026-01-02T03:04:05.000Z", seed: "1/bob", file: "bob.ts" },
  "types",
  'bob.ts:1:1: <b>"no"</b> & \u0000\u001b[31m\ud800 type,\nsecond line',
);
const absent = ungraded(
  { student: "zoe", slug: "lesson", submitted: "", seed: "1/zoe" },
  "missing",
  "nothing",
);
const outcomes: readonly Outcome[] = [
  graded(hostile, [true, true, true]),
  graded("ann", [true, false, false]),
  refused,
  absent,
];
const roster = parseRoster('\ufeffid,last_name,first_name,email\nann,"O\'Neil, Jr.",Ann,ann@example.org\n');

const rowsOf = (text: string) => parse(text, { columns: true }) as Record<string, string>[];

describe("grades.csv", () => {
  const rows = rowsOf(gradesCsv(outcomes, roster));

  it("has nbgrader's columns, then status and reason", () => {
    expect(Object.keys(rows[0]!).join(",")).to.equal(
      "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,max_score,status,reason",
    );
    expect(rows[1]).to.deep.equal({
      ...{ assignment: "lesson", duedate: "", timestamp: "2026-01-02T03:04:05.000Z", student_id: "ann" },
      ...{ last_name: "O'Neil, Jr.", first_name: "Ann", email: "ann@example.org" },
      ...{
        raw_score: "2",
        late_submission_penalty: "0",
        score: "2",
        max_score: "5",
        status: "graded",
        reason: "",
      },
    });
  });

  it("gives what could not be graded, and who is missing, an empty score and never a zero", () => {
    expect(rows[2]).to.include({ score: "", raw_score: "", max_score: "5", status: "could not be graded" });
    expect(rows[2]!.reason).to.match(/^types: bob\.ts:1:1: /);
    expect(rows[3]).to.include({ score: "", status: "missing", timestamp: "" });
  });

  it("takes the power of formulas from names, in every form that spreadsheets run, and keeps numbers numbers", () => {
    expect(rows[0]!.student_id).to.equal(`'${hostile}`);
    const texts = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "plain", "a=b", ""];
    const cells = parse(
      csv(
        ["h"],
        texts.map((text) => [text]),
      ),
    )
      .flat()
      .slice(1);
    const expected = texts.map((text) => (["plain", "a=b", ""].includes(text) ? text : `'${text}`));
    expect(cells).to.deep.equal(expected);
    expect(csv(["h"], [[-1.5]])).to.equal("h\r\n-1.5\r\n");
  });

  it("reads back quotes, commas and line breaks as they were", () => {
    const odd = 'a "quoted", name\nover two lines\r\nand three';
    expect(rowsOf(csv(["name"], [[odd]]))).to.deep.equal([{ name: odd }]);
  });
});

describe("the list of students", () => {
  it("wants an id in each row, and each only once", () => {
    expect(() => parseRoster("name\nann\n")).to.throw(/expected an "id" in each row, got none in row 1/);
    expect(() => parseRoster("id\nann\nann\n")).to.throw(/expected each "id" once, got "ann" twice/);
    expect(() => parseRoster('id\n"ann')).to.throw(/expected CSV with a header/);
  });
});

describe("timings.csv", () => {
  it("has a row for each exercise and one for all of a submission", () => {
    const timing = { student: "ann", slug: "lesson", seconds: { rows: 0.25 }, total: 1 };
    expect(rowsOf(timingsCsv([timing]))).to.deep.equal([
      { student_id: "ann", assignment: "lesson", exercise: "rows", seconds: "0.250" },
      { student_id: "ann", assignment: "lesson", exercise: "(all)", seconds: "1.000" },
    ]);
  });
});

describe("junit.xml", () => {
  const text = junit(outcomes);
  const { testsuites } = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "",
    isArray: (name) => ["testsuite", "testcase", "property"].includes(name),
  }).parse(text);

  it("is well-formed XML 1.0 whatever messages hold", () => {
    expect(XMLValidator.validate(text)).to.equal(true);
    expect(text).to.match(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the very characters that must not be there
    expect(text).not.to.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]|[\ud800-\udfff]/u);
  });

  it("counts tests, failures, errors and skips as they are listed", () => {
    expect(testsuites).to.include({ tests: "10", failures: "2", errors: "1", skipped: "1" });
    const [, ann, bob, zoe] = testsuites.testsuite;
    expect(ann).to.include({ name: "ann: lesson", tests: "4", failures: "2", errors: "0", skipped: "0" });
    expect(ann.testcase[1]).to.include({ classname: "lesson.rows", name: "large scores do not overflow" });
    expect(ann.testcase[1].failure).to.include({ message: "not it", type: "failed" });
    expect(bob.testcase[0].error.type).to.equal("types");
    expect(zoe.testcase[0]).to.have.property("skipped");
  });

  it("carries points as properties, and none where there is no score", () => {
    const names = (suite: { properties: { property: { name: string; value: string }[] } }) =>
      Object.fromEntries(suite.properties.property.map(({ name, value }) => [name, value]));
    const [, ann, bob] = testsuites.testsuite;
    expect(names(ann)).to.include({ status: "graded", score: "2", max_score: "5", "points of rows": "1" });
    expect(names(bob)).to.deep.equal({ status: "could not be graded" });
  });
});

describe("Gradescope's results.json", () => {
  const results = gradescopeResults([outcomes[1]!]);

  it("has a test for each test, with points that add up to the score", () => {
    expect(results.score).to.equal(2);
    expect(results.tests.reduce((sum, { score }) => sum + score, 0)).to.equal(2);
    expect(results.tests.reduce((sum, test) => sum + test.max_score, 0)).to.equal(5);
    expect(results.tests.map(({ number }) => number)).to.deep.equal(["1.1", "1.2", "2.1", "2.2"]);
    expect(results.tests[1]).to.deep.equal({
      ...{ name: "Rows & columns: large scores do not overflow", number: "1.2", score: 0, max_score: 2 },
      ...{ status: "failed", output: "not it\nHint: subtract the `largest`\nHint: read the statement" },
      ...{ output_format: "text", tags: [], visibility: "visible" },
    });
  });

  it("hides no test, so that students see their total, and shows no hidden text", () => {
    expect(results.visibility).to.equal("visible");
    expect(new Set(results.tests.map(({ visibility }) => visibility))).to.deep.equal(new Set(["visible"]));
    for (const secret of secrets) expect(JSON.stringify(results)).not.to.include(secret);
    expect(results.tests[3]).to.include({
      name: "Pairs: a hidden test",
      score: 0,
      max_score: 1,
      status: "failed",
    });
  });

  it("says loudly what could not be graded, and why", () => {
    const { score, output, tests, extra_data } = gradescopeResults([refused]);
    expect({ score, tests }).to.deep.equal({ score: 0, tests: [] });
    expect(output).to.match(/THIS COULD NOT BE GRADED \(types\)\. It is not a grade of zero/);
    expect(output).to.include("second line");
    expect(extra_data.submissions[0]).to.include({ status: "could not be graded", reason: "types" });
  });
});

describe("the feedback page", () => {
  const page = feedbackPage("<Ann>", [outcomes[1]!, refused]);

  it("shows points, messages and hints, and no hidden text or seed", () => {
    expect(page).to.include("<b>2</b> of 5 points");
    expect(page).to.include("Hint:</b> subtract the <code>largest</code>");
    expect(page).to.include("a hidden test");
    expect(page).to.include("second line");
    for (const secret of [...secrets, "1/somebody"]) expect(page).not.to.include(secret);
  });

  it("is one file that loads and runs nothing, and lets no text become markup", () => {
    expect(page).to.include("&lt;Ann&gt;").and.not.include("<Ann>").and.not.include('<b>"no"</b>');
    expect(page).not.to.match(/<script|<link|<img|\ssrc=|url\(|href="(?!#)/);
    expect(page).to.include("Content-Security-Policy");
  });

  it("tells a missing submission from one that could not be graded", () => {
    expect(feedbackPage("zoe", [absent]))
      .to.include("Nothing was handed in")
      .and.not.include("not a grade of zero");
    expect(page).to.include("This is not a grade of zero");
  });
});

describe("students' files", () => {
  it("no file for students holds hidden text, and the instructor's hold all of it", () => {
    const files = outputFiles(outcomes, [], {
      wanted: ["json", "csv", "junit", "gradescope", "html"],
      roster,
    });
    for (const [file, text] of files) {
      for (const secret of secrets.slice(0, 3)) {
        if (file.includes("/")) expect(text, file).not.to.include(secret);
      }
    }
    expect(files.get("report.json")).to.include(secrets[0]).and.include(secrets[3]);
    expect(files.get("junit.xml")).to.include(secrets[0]).and.include(secrets[3]);
    expect([...files.keys()].filter((file) => file.includes("/"))).to.have.length(8);
  });
});
