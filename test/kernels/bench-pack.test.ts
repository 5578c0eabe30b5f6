/** The folder of `npm run bench:gpu -- --pack FOLDER` runs where nothing of the workbook is near. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { pack } from "workbook/kernels/bench/frame/pack";
import { useBackendOrSkip } from "../backends.js";

describe("kernels/bench, packed", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-pack-"));
  after(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]) =>
    spawnSync(path.join(folder, "run.sh"), args, { cwd: os.tmpdir(), encoding: "utf8" });

  before(async function () {
    this.timeout(60_000);
    expect(await pack(folder)).to.contain("./run.sh tests.mjs");
  });

  it("holds what is read while it runs", () => {
    for (const file of [
      "lib/kernels/attention/plain.wgsl",
      "lib/kernels/bench/torch/main.py",
      "lib/dist/lib/kernels/playground/child.js",
      "node_modules/webgpu/dist/linux-x64/dawn.node",
      "LICENSE",
    ]) {
      expect(existsSync(path.join(folder, file)), file).to.equal(true);
    }
  });

  it("starts the benchmark, which knows its kernels", () => {
    const { status, stderr } = run("bench.mjs", "no-such-kernel");
    expect(stderr).to.match(/no kernel "no-such-kernel"; expected attention, decode/);
    expect(status).to.equal(2);
  });

  it("runs the kernels' tests", async function () {
    this.timeout(60_000);
    if (process.platform !== "linux" || process.arch !== "x64") this.skip();
    await useBackendOrSkip(this, "webgpu");
    const { status, stdout } = run("tests.mjs", "the copy copies every number");
    expect(stdout).to.match(/1 passing/);
    expect(status).to.equal(0);
  });

  it("packs into no folder that holds something", async () => {
    writeFileSync(path.join(folder, "mine.txt"), "mine");
    expect(await pack(folder).then(String, String)).to.match(/expected an empty folder to pack into/);
  });
});
