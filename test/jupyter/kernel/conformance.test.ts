import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { describe, it } from "mocha";
import { kernelName, kernelSpec } from "../../../lib/jupyter/kernel/kernelspec.js";
import { root } from "../../../lib/root.js";

/** The set-up's Python, or another one that has jupyter_kernel_test. */
const python = process.env.WORKBOOK_CONFORMANCE_PYTHON ?? path.join(root, ".venv", "bin", "python");

describe("Jupyter's own conformance tests", () => {
  it("pass, every one that applies", function () {
    const found = spawnSync(python, ["-c", "import jupyter_kernel_test"]);
    if (found.status !== 0) {
      console.log(`      skipped: ${python} has no jupyter_kernel_test`);
      return this.skip();
    }
    this.timeout(120_000);
    const folder = mkdtempSync(path.join(os.tmpdir(), "conformance-"));
    const kernel = path.join(folder, "kernels", kernelName);
    mkdirSync(kernel, { recursive: true });
    writeFileSync(path.join(kernel, "kernel.json"), JSON.stringify(kernelSpec()));
    const script = path.join(root, "test", "jupyter", "kernel", "conformance.py");
    const { status, stderr } = spawnSync(python, [script, "-v"], {
      cwd: root,
      env: { ...process.env, JUPYTER_PATH: folder },
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true });
    expect(status, stderr).to.equal(0);
    expect(stderr)
      .to.match(/Ran 13 tests/)
      .and.not.match(/skipped/);
  });
});
