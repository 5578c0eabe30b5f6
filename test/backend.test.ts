import { spawnSync } from "node:child_process";
import process from "node:process";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { root } from "workbook/root";

/** A process of its own that makes a backend current and computes with it. */
function inOwnProcess(env: Record<string, string>) {
  const program = `
    import * as tf from "@tensorflow/tfjs";
    import { useBackend } from "workbook/backend";
    const { name, description, fallbackReason } = await useBackend();
    const joined = tf.concat([tf.tensor1d([1, 2]), tf.tensor1d([3])]);
    const slope = tf.grad((x) => tf.sum(tf.square(x)))(joined);
    console.log(JSON.stringify({ name, description, fallbackReason, slope: Array.from(slope.dataSync()) }));`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

describe("backend", () => {
  after(() => useBackend());

  it("makes the backend that is asked for current, and names it", async () => {
    const info = await useBackend("cpu");
    expect(info.name).to.equal("cpu");
    expect(info.fallbackReason).to.equal(undefined);
    expect(tf.getBackend()).to.equal("cpu");
  });

  it("refuses an unknown name with the known ones, and leaves the current backend alone", async () => {
    await useBackend("cpu");
    const message = await useBackend("gpu").then(String, (error: Error) => error.message);
    expect(message).to.equal('useBackend: expected one of tensorflow, webgpu, cpu, got "gpu"');
    expect(tf.getBackend()).to.equal("cpu");
  });

  for (const name of ["tensorflow", "cpu"]) {
    it(`WORKBOOK_BACKEND=${name} chooses it, and nothing is written beside the results`, async function () {
      const loads = await useBackend(name).then(
        () => true,
        () => false,
      );
      if (!loads && process.env.REQUIRE_TENSORFLOW !== "1") {
        this.skipReason = `the ${name} backend does not load here`;
        this.skip();
      }
      const { stdout, stderr } = inOwnProcess({ WORKBOOK_BACKEND: name });
      expect(stderr).to.equal("");
      expect(JSON.parse(stdout)).to.deep.include({ name, slope: [2, 4, 6] });
    });
  }
});
