import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, describe, it } from "mocha";
import { bundle } from "workbook/grading/wall/bundle";
import { isolated } from "workbook/grading/wall/isolated";
import { command, snapshotName } from "workbook/grading/wall/jail";
import { defaultLimits } from "workbook/grading/wall/limits";
import { makeSnapshot } from "workbook/grading/wall/snapshot";

describe("the start-up snapshot", function () {
  this.timeout(120_000);
  const name = snapshotName(defaultLimits);
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-snapshot-"));
  after(() => rmSync(folder, { recursive: true }));
  const attempt = (code: string) => {
    writeFileSync(path.join(folder, "child.cjs"), code);
    return makeSnapshot(folder, defaultLimits, command);
  };

  it("is what processes start from, under the limits that it was made for", () => {
    const { folder, noSnapshot } = bundle();
    expect(noSnapshot).to.equal(undefined);
    expect(command(folder, defaultLimits).args.at(-1)).to.match(new RegExp(`/${name}$`));
    expect(command(folder, { ...defaultLimits, memoryMB: 256 }).args.at(-1)).to.match(/\/boot\.cjs$/);
  });

  it("holds no graded test, and no solution", () => {
    expect(readFileSync(path.join(bundle().folder, name), "latin1")).not.to.contain("causalPairs");
  });

  it("is not needed: without it, and under other limits, answers are the same", async () => {
    const copy = path.join(folder, "copy");
    cpSync(bundle().folder, copy, { recursive: true });
    rmSync(path.join(copy, name));
    const without = { command: () => command(copy, defaultLimits) };
    for (const options of [without, { limits: { memoryMB: 256 } }]) {
      const subject = isolated("exports.twice = (x) => 2 * x;", options);
      expect(await subject.call("twice", [21])).to.equal(42);
      await subject.close();
    }
  });

  it("that cannot be built, or does not start, is left out with the reason", () => {
    expect(attempt('throw new Error("no heap");')).to.match(/^it cannot be built: .*no heap/);
    const starts = "require('node:v8').startupSnapshot.setDeserializeMainFunction";
    expect(attempt(`${starts}(() => process.reallyExit(3));`)).to.match(/^no process starts from it: /);
    expect(existsSync(path.join(folder, name))).to.equal(false);
    expect(attempt(`${starts}(() => process.reallyExit(0));`)).to.equal(undefined);
    expect(existsSync(path.join(folder, name))).to.equal(true);
  });
});
