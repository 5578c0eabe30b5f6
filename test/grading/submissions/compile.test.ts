import { execFileSync } from "node:child_process";
import process from "node:process";
import vm from "node:vm";
import { expect } from "chai";
import { stop } from "esbuild";
import { describe, it } from "mocha";
import { compileSubmission } from "workbook/grading/submissions/compile";
import { isRefusal } from "workbook/grading/submissions/submission";
import { accepted, answers, notebookFile } from "./material.js";

/** `reason: message` of compiling, or "compiled". */
async function compiling(text: string, withheld: readonly string[] = []): Promise<string> {
  const result = await compileSubmission(await accepted("alice.ts", text, "start-here"), { withheld });
  return isRefusal(result) ? `${result.reason}: ${result.message}` : "compiled";
}

describe("what an answer may import", () => {
  it("is tfjs and the workbook's modules that compute, with types and without", async () => {
    const text = `import * as tf from "@tensorflow/tfjs";
      import { attention } from "workbook/attention";
      import type { Paper } from "workbook/catalog";
      import { Todo } from "workbook/grading/todo";
      export { random } from "workbook/random";
      export type T = import("workbook/scan").ScanOptions;
      const later = () => import("workbook/chunks");
      ${answers.slice(answers.indexOf("export"))}`;
    expect(await compiling(text)).to.equal("compiled");
  });

  it("is nothing else, in whatever way it is named", async () => {
    const forbidden = {
      'import fs from "node:fs";': "node:fs",
      'import type { Stats } from "fs";': "fs",
      'import "child_process";': "child_process",
      'export * from "lodash";': "lodash",
      'export { x } from "@tensorflow/tfjs-node";': "@tensorflow/tfjs-node",
      'const x = () => import("https://example.org/x.js");': "https://example.org/x.js",
      'type X = import("node:vm").Context;': "node:vm",
      'import x = require("node:os");': "node:os",
      'const y = require("node:net");': "node:net",
      'import { retention } from "workbook/variants/retnet";': "workbook/variants/retnet",
      'import { mixer } from "workbook/learn/mixer";': "workbook/learn/mixer",
      'import { runKernel } from "workbook/kernels/fused";': "workbook/kernels/fused",
      'import { check } from "workbook/grading/check";': "workbook/grading/check",
      'import { runs } from "workbook/jupyter/run";': "workbook/jupyter/run",
      'import { x } from "workbook/variants/../grading/check";': "workbook/variants/../grading/check",
      'import { x } from "workbook";': "workbook",
      'import { x } from "workbook/attention.js";': "workbook/attention.js",
    };
    for (const [text, name] of Object.entries(forbidden)) {
      expect(await compiling(text), text).to.match(/^import: alice\.ts:1:\d+: /);
      expect(await compiling(text), text).to.include(
        `"${name}" cannot be imported here; answers may import "@tensorflow/tfjs" and the "workbook/…" modules that compute, but no paper's code`,
      );
    }
  });

  it("is no file beside it, and nothing whose name is computed", async () => {
    expect(await compiling('import { x } from "./helper.js";')).to.match(
      /^import: alice\.ts:1:19: "\.\/helper\.js" cannot be imported, since answers are one file; /,
    );
    for (const text of ["import(name);", "import(`node:fs`);", "require(name);", "require();"]) {
      expect(await compiling(text), text).to.match(/an import needs its module's name as a plain string/);
    }
    expect(await compiling('/// <reference types="node" />\nexport {};')).to.match(
      /^import: alice\.ts:1:1: a triple-slash reference cannot be used here/,
    );
  });

  it("is not what the exercise withholds", async () => {
    const text = 'import { attention } from "workbook/attention";\nexport const a = attention;';
    expect(await compiling(text, ["workbook/attention"])).to.equal(
      'import: alice.ts:1:27: "workbook/attention" is withheld in this exercise: it holds what is asked for\n' +
        '  1 | import { attention } from "workbook/attention";\n' +
        `${" ".repeat(32)}${"^".repeat(20)}`,
    );
  });

  it("is said for each import, five of them at most", async () => {
    const many = Array.from({ length: 8 }, (_, i) => `import "m${i}";`).join("\n");
    const message = await compiling(many);
    expect(message.match(/cannot be imported/g)).to.have.length(5);
    expect(message).to.match(/and 3 more of the kind$/);
  });
});

describe("compiling an answer", () => {
  it("points at what does not parse, in a file and in a notebook", async () => {
    expect(await compiling("export const a = 1;\nexport const b = 2 3;\n")).to.match(
      /^unparsable: alice\.ts:2:\d+: .*\n {2}2 \| export const b = 2 3;\n +\^$/,
    );
    const cells = [
      "1",
      "// first\nconst causalPairs = (T: number) => { const T = 1; let T = 2; return T; };",
    ];
    const notebook = await accepted("start-here.ipynb", notebookFile(cells));
    const result = await compileSubmission(notebook, { withheld: [] });
    expect(isRefusal(result) && result.message).to.match(
      /^cell \[2\]:2:\d+: The symbol "T" has already been declared\n {2}2 \| const causalPairs = .*\n +\^/,
    );
  });

  it("says why an await at the top level cannot be", async () => {
    expect(await compiling("export const a = await load();")).to.match(
      /^unparsable: alice\.ts:1:18: await stands outside of a function, but answers are loaded without waiting/,
    );
  });

  it("finds an error's place in the cell that it came from", async () => {
    const cells = ["1", "\nfunction causalPairs(T: number): number {\n  throw new Error('no');\n}"];
    const notebook = await accepted("start-here.ipynb", notebookFile(cells));
    const compiled = await compileSubmission(notebook, { withheld: [] });
    if (isRefusal(compiled)) throw new Error(compiled.message);
    const module = { exports: {} as Record<string, (n: number) => number> };
    const require = () => ({ todo: () => undefined });
    const parameters = ["module", "exports", "require"];
    vm.compileFunction(compiled.code, parameters, { filename: "submission.js" })(
      module,
      module.exports,
      require,
    );
    try {
      module.exports.causalPairs!(1);
      expect.fail("it should throw");
    } catch (error) {
      expect(compiled.locate(error)).to.equal("cell [2]:3:9");
    }
    expect(compiled.locate(new Error("from elsewhere"))).to.equal(undefined);
  });

  it("refuses what is nested too deeply for a compiler", async () => {
    const deep = `export const a = ${"a=>".repeat(150_000)}1;`;
    expect(await compiling(deep)).to.equal("unparsable: alice.ts: it is nested too deeply or too long");
  });

  it("shows only the part of a long line that matters", async () => {
    const message = await compiling(`const a = [${"1, ".repeat(1000)}2 3, ${"4, ".repeat(1000)}];`);
    expect(message.split("\n")[1])
      .to.match(/^ {2}1 \| ….*2 3, .*…$/)
      .and.to.have.length.below(220);
    const [, line, mark] = message.split("\n");
    expect(line![mark!.length - 1]).to.equal("3");
  });

  it("starts the compiler's process again when it has died", async () => {
    // Leaves one process of it, the one that compiles submissions.
    await stop();
    expect(await compiling(answers)).to.equal("compiled");
    const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" });
    const own = processes.split("\n").map((line) => line.trim().split(/\s+/));
    const compiler = own.find(
      ([, parent, name]) => Number(parent) === process.pid && name?.endsWith("esbuild"),
    );
    process.kill(Number(compiler![0]), "SIGKILL");
    expect(await compiling(answers)).to.equal("compiled");
  });
});
