import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { UsageError } from "../../lib/cli.js";
import { command } from "../../lib/commands/run.js";
import { parseNotebook, writeNotebook } from "../../lib/jupyter/notebook.js";
import { ends, fakeKernel, notebook } from "./fakes.js";

const cliUrl = new URL("../../lib/cli.js", import.meta.url).href;
const script = `import { cli } from "${cliUrl}"; process.exitCode = await cli(process.argv.slice(1));`;

let folder: string;

/** Starts `workbook run ...args` in the tests' folder. */
function start(...args: string[]) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, "run", ...args], {
    cwd: folder,
    env: { ...process.env, JUPYTER_PATH: folder },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (text) => (said.out += text));
  child.stderr.on("data", (text) => (said.err += text));
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, ...said })),
  );
  return { child, ended };
}

describe("workbook run", () => {
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "run-command-"));
    const { argv } = fakeKernel();
    mkdirSync(path.join(folder, "kernels/fake"), { recursive: true });
    writeFileSync(path.join(folder, "kernels/fake/kernel.json"), JSON.stringify({ argv, language: "fake" }));
    mkdirSync(path.join(folder, "other"));
    writeNotebook(path.join(folder, "good.ipynb"), notebook("print a", "where"));
    writeNotebook(path.join(folder, "other/good.ipynb"), notebook("print a"));
    writeNotebook(path.join(folder, "bad.ipynb"), notebook("print a", "raise E x"));
    writeFileSync(path.join(folder, "text.ipynb"), "no notebook");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("exits 0 when all is well, prints the table, and writes nothing", async () => {
    const before = readdirSync(folder);
    const { code, out, err } = await start("good.ipynb").ended;
    expect(code).to.equal(0);
    expect(err).to.match(/^ok {6}good\.ipynb {2}2 cells {2}[\d.]+ s\n$/);
    expect(out).to.match(/^notebook .*\ngood\.ipynb +2 .* ok\n$/);
    expect(readdirSync(folder)).to.deep.equal(before);
  });

  it("exits 1 when a notebook fails, names it, the cell and the message, and writes executed copies", async () => {
    const args = ["good.ipynb", "bad.ipynb", "--out", "copies", "--jobs", "2", "--backend", "cpu"];
    const { code, out, err } = await start(...args).ended;
    expect(code).to.equal(1);
    expect(out).to.match(/^bad\.ipynb, cell 2 \(raise E x\): E: x\n {6}at line 1\n\nnotebook /);
    expect(out).to.match(/\nbad\.ipynb .* failed\ntotal .* 1 failed\n$/);
    expect(err)
      .to.match(/^FAILED {2}bad\.ipynb {2}2 cells/m)
      .and.to.match(/^ok {6}good\.ipynb/m);
    const copy = (name: string) =>
      parseNotebook(readFileSync(path.join(folder, "copies", name), "utf8"), name);
    expect(JSON.stringify(copy("good.ipynb").cells[1])).to.include(`${folder} cpu`);
    expect(JSON.stringify(copy("bad.ipynb").cells[1])).to.include('"ename":"E"');
  });

  it("prints one JSON object with --json, and runs a notebook named twice once", async () => {
    const { code, out } = await start("bad.ipynb", "./bad.ipynb", "--json").ended;
    expect(code).to.equal(1);
    const { ok, notebooks } = JSON.parse(out);
    expect(ok).to.equal(false);
    expect(notebooks).to.have.length(1);
    expect(notebooks[0]).to.deep.include({ notebook: "bad.ipynb", kernel: "fake", ok: false, cells: 2 });
    expect(notebooks[0].failure).to.deep.equal({ cell: 2, line: "raise E x", message: "E: x\n  at line 1" });
  });

  it("ended by Ctrl-C leaves no kernel behind", async () => {
    const pidFile = path.join(folder, "pid");
    writeNotebook(path.join(folder, "hang.ipynb"), notebook(`pid-to ${pidFile}\nhang hard`));
    const { child, ended } = start("hang.ipynb");
    while (!existsSync(pidFile)) await sleep(10);
    child.kill("SIGINT");
    expect((await ended).code).to.equal(130);
    await ends(Number(readFileSync(pidFile, "utf8")));
  });

  const misuses: [what: string, args: string[], message: RegExp][] = [
    ["no notebook", [], /^expected at least one notebook, got none$/],
    ["a file that does not exist", ["nope.ipynb"], /nope\.ipynb: no such file$/],
    [
      "a file that is no notebook",
      ["good.ipynb", "text.ipynb"],
      /text\.ipynb: expected a notebook, got text/,
    ],
    ["a folder", ["other"], /other: expected a notebook, got a folder$/],
    ["an unknown kernel", ["good.ipynb", "--kernel", "nope"], /^no kernel "nope"; known kernels: .*tslab/],
    ["an unknown kernel in the notebook", ["good.ipynb"], /^no kernel "fake"; known kernels: /],
    ["an unknown option", ["good.ipynb", "--colour"], /^Unknown option '--colour'/],
    ["no jobs", ["good.ipynb", "--jobs", "0"], /^--jobs: expected a number above zero, got "0"$/],
    ["half a job", ["good.ipynb", "--jobs", "1.5"], /^--jobs: expected a whole number, got 1\.5$/],
    ["a timeout that is no number", ["good.ipynb", "--timeout", "1m"], /^--timeout: .* got "1m"$/],
    [
      "an unknown backend",
      ["good.ipynb", "--backend", "abacus"],
      /^--backend: expected one of .* got "abacus"$/,
    ],
    [
      "a copy over its notebook",
      ["--kernel", "tslab", "good.ipynb", "--out", "."],
      /^--out: .* overwrite good\.ipynb/,
    ],
    [
      "two copies in one place",
      ["--kernel", "tslab", "good.ipynb", "other/good.ipynb", "--out", "x"],
      /^--out: good\.ipynb and other.good\.ipynb would become the same file$/,
    ],
    [
      "a file as the folder for copies",
      ["--kernel", "tslab", "good.ipynb", "--out", "text.ipynb"],
      /^--out: EEXIST/,
    ],
  ];
  for (const [what, args, message] of misuses) {
    it(`refuses ${what} in one line, before anything starts`, async () => {
      const home = process.cwd();
      process.chdir(folder);
      let error: unknown;
      try {
        await command.main(args);
      } catch (caught) {
        error = caught;
      } finally {
        process.chdir(home);
      }
      if (what !== "an unknown option") expect(error).to.be.instanceOf(UsageError);
      expect((error as Error).message)
        .to.match(message)
        .and.not.include("\n");
    });
  }
});
