import { spawnSync } from "node:child_process";
import process from "node:process";
import { AssertionError, expect } from "chai";
import { describe, it } from "mocha";
import { AnswerError } from "workbook/grading/subject";
import { isolated } from "workbook/grading/wall/isolated";
import { command, describeWalls } from "workbook/grading/wall/jail";
import { defaultLimits } from "workbook/grading/wall/limits";

/** `describeWalls()` of a process that finds no programs, twice. */
function withoutPrograms(env: Record<string, string>) {
  const module = new URL("../../../lib/grading/wall/jail.js", import.meta.url).href;
  const code = `const { describeWalls } = await import("${module}"); describeWalls(); console.log(JSON.stringify(describeWalls()));`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    env: { PATH: "/nonexistent", ...env },
    encoding: "utf8",
  });
}

describe("the jail", () => {
  it("knows every wall either as standing or as missing", () => {
    const { walls, missing } = describeWalls();
    expect(walls[0]).to.equal("Node's permission model");
    expect(walls.length === 4).to.equal(missing.length === 0);
  });

  it("falls back where programs are missing, and says so once", () => {
    const { stdout, stderr, status } = withoutPrograms({});
    expect(status).to.equal(0);
    const { walls, missing } = JSON.parse(stdout) as ReturnType<typeof describeWalls>;
    expect(walls).to.deep.equal(["Node's permission model"]);
    expect(missing.join("\n"))
      .to.match(/no prlimit/)
      .and.match(/reach the network.*bwrap is not installed/);
    expect(stderr.split("\n").filter((line) => line.startsWith("workbook: on this machine"))).to.have.length(
      1,
    );
  });

  it("REQUIRE_WALLS=1 makes a missing wall an error", () => {
    const { stderr, status } = withoutPrograms({ REQUIRE_WALLS: "1" });
    expect(status).to.equal(1);
    expect(stderr).to.contain("REQUIRE_WALLS=1, and on this machine memory outside of the heap is watched");
  });

  it("gives the process the permission to read the bundle, and none else", () => {
    const { args } = command("/bundle", defaultLimits, "none");
    const permissions = args.filter((arg) => /permission|allow/.test(arg));
    expect(permissions).to.have.length(2);
    expect(permissions[1]).to.equal("--allow-fs-read=/bundle/*");
  });

  it("watches memory where nothing limits it", async function () {
    if (process.platform !== "linux") this.skip();
    const subject = isolated(
      "exports.f = () => { const all = []; for (;;) all.push(new Float64Array(1e6).fill(1)); };",
      {
        limits: { seconds: 60, memoryMB: 64 },
        command: (folder) => ({
          file: process.execPath,
          args: [`${folder}/boot.cjs`],
          isMemoryUnlimited: true,
        }),
      },
    );
    try {
      await subject.call("f", []);
      throw new AssertionError("it was not stopped");
    } catch (error) {
      expect(error).to.be.instanceOf(AnswerError);
      expect((error as Error).message).to.equal("f crashed its process, which may use 64 MB of memory");
    } finally {
      await subject.close();
    }
  }).timeout(120_000);
});
