import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { findKernel } from "../../lib/jupyter/kernelspec.js";
import { text } from "../../lib/jupyter/notebook.js";
import { type Job, type Report, runNotebooks } from "../../lib/jupyter/run.js";
import { root } from "../../lib/root.js";
import { cell, notebook } from "./fakes.js";

const sources = {
  lesson: [
    'import * as tf from "@tensorflow/tfjs";\nimport { attention } from "workbook/attention";',
    "const x = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);\nconst y = attention({ q: x, k: x, v: x });\ny.shape",
    "const z = await y.data();\nz.length",
    cell('throw new Error("wanted")', "raises-exception"),
    'console.log("still here")',
  ],
  error: ["const a = 1", 'function fail() { throw new RangeError("no luck"); }\nfail()', "a"],
  type: ['const n: number = "one";', "n"],
};

// Inside the repository, so that imports resolve.
let folder: string;
let jobs: Job[];
let reports: Record<string, Report>;

describe("tslab, run headless", () => {
  before(async function () {
    this.timeout(180_000);
    mkdirSync(path.join(root, ".cache"), { recursive: true });
    folder = mkdtempSync(path.join(root, ".cache", "tslab-"));
    const kernel = findKernel("tslab", { folders: [] });
    jobs = Object.entries(sources).map(([name, cells]) => {
      return { file: path.join(folder, name), notebook: notebook(...cells), kernel };
    });
    const options = { parallel: 2, timeout: 120, env: { WORKBOOK_BACKEND: "cpu" } };
    const done = await runNotebooks(jobs, options);
    reports = Object.fromEntries(done.map((report) => [path.basename(report.notebook), report]));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("runs cells that import tfjs and the workbook, await, and raise where they should", () => {
    expect(reports.lesson).to.deep.include({ ok: true, cells: 5, failure: undefined });
    const printed = jobs[0]!.notebook.cells.map((each) =>
      each.cell_type === "code"
        ? each.outputs.map((output) => (output.output_type === "stream" ? text(output.text) : "")).join("")
        : "",
    );
    // On its cpu backend tfjs greets first.
    expect(printed[1]).to.match(/\[ 1, 1, 2, 2 \]\n$/);
    expect([0, 2, 4].map((i) => printed[i])).to.deep.equal(["", "4\n", "still here\n"]);
    expect(printed[3]).to.include("Error: wanted");
  });

  it("fails on an error, in tslab's own words", () => {
    expect(reports.error).to.deep.include({ ok: false, cells: 2 });
    expect(reports.error!.failure).to.deep.include({ cell: 2, line: sources.error[1]!.split("\n")[0] });
    expect(reports.error!.failure!.message).to.include("RangeError: no luck");
  });

  it("fails on a type error, and says where it is", () => {
    expect(reports.type).to.deep.include({ ok: false, cells: 1 });
    expect(reports.type!.failure).to.deep.equal({
      cell: 1,
      line: 'const n: number = "one";',
      message: "1:7 - Type 'string' is not assignable to type 'number'.",
    });
  });
});
