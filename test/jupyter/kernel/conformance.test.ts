import path from "node:path";
import { expect } from "chai";
import { describe, it } from "mocha";
import { root } from "../../../lib/root.js";
import { JupyterHome, needModules } from "./python.js";

describe("Jupyter's own conformance tests", () => {
  it("pass, every one that applies", function () {
    needModules(this, "jupyter_kernel_test");
    this.timeout(120_000);
    const jupyter = new JupyterHome();
    const script = path.join(root, "test", "jupyter", "kernel", "conformance.py");
    const { status, stderr } = jupyter.run(script, "-v");
    jupyter.remove();
    expect(status, stderr).to.equal(0);
    expect(stderr)
      .to.match(/Ran 13 tests/)
      .and.not.match(/skipped/);
  });
});
