import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { describe, it } from "mocha";
import { quantile } from "../../lib/jupyter/bench/measure.js";
import { treeMegabytes } from "../../lib/jupyter/bench/memory.js";

const main = fileURLToPath(new URL("../../lib/jupyter/bench/main.js", import.meta.url));

describe("the kernels' benchmark", () => {
  it("takes quantiles by rank", () => {
    const samples = [5, 1, 4, 2, 3];
    expect([0, 0.5, 0.95, 1].map((p) => quantile(samples, p))).to.deep.equal([1, 3, 4, 5]);
  });

  it("counts the memory of a process and of what it started", async function () {
    if (process.platform !== "linux") {
      console.log("      skipped: there is no /proc to read memory from");
      return this.skip();
    }
    const child = `const { spawn } = require("node:child_process");
      const inner = spawn(process.execPath, ["-e", "globalThis.held = Buffer.alloc(1e8, 1); console.log(1); setInterval(() => {}, 1e6)"]);
      inner.stdout.pipe(process.stdout); process.stdin.on("end", () => inner.kill()).resume();`;
    const outer = spawn(process.execPath, ["-e", child], { stdio: ["pipe", "pipe", "inherit"] });
    await once(outer.stdout, "data");
    expect(treeMegabytes(outer.pid!)).to.be.above(100).and.below(400);
    outer.stdin.end();
    await once(outer, "exit");
    expect(treeMegabytes(outer.pid!)).to.equal(undefined);
  });

  it("says which kernels there are when asked for another", () => {
    const { status, stderr } = spawnSync(process.execPath, [main, "nobody"], { encoding: "utf8" });
    expect(status).to.equal(2);
    expect(stderr).to.equal('bench:kernel: no kernel "nobody"; expected workbook, tslab, deno, ipykernel\n');
  });
});
