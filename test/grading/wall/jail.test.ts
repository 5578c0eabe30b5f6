import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { AssertionError, expect } from "chai";
import { type Context, describe, it } from "mocha";
import { AnswerError } from "workbook/grading/subject";
import { isOpen } from "workbook/grading/wall/bundle";
import { isolated } from "workbook/grading/wall/isolated";
import { command, describeWalls, identity } from "workbook/grading/wall/jail";
import { defaultLimits } from "workbook/grading/wall/limits";
import { isRoot } from "workbook/grading/wall/user";
import { root } from "workbook/root";

const module = (name: string) => new URL(`../../../lib/grading/wall/${name}.js`, import.meta.url).href;

/** Runs code in a process that finds no programs, neither bubblewrap nor `unshare`. */
function withoutPrograms(code: string, env: Record<string, string> = {}, user?: number) {
  return spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    ...{ env: { PATH: "/nonexistent", ...env }, encoding: "utf8" },
    ...identity(user),
  });
}

/** `describeWalls()`, twice. */
const describing = `const { describeWalls } = await import("${module("jail")}");
  describeWalls(); console.log(JSON.stringify(describeWalls()));`;

/** Five ids that a grader would give, while it and the others are alive. */
const drawing = `const { unusedUser } = await import("${module("user")}");
  console.log(JSON.stringify(Array.from({ length: 5 }, unusedUser))); setInterval(() => {}, 1000);`;

function skipUnless(condition: boolean, context: Context): void {
  if (condition) return;
  context.skipReason = "only root, with the workbook where others can read it, can run it as somebody else";
  context.skip();
}

describe("users of graders that work at the same time", () => {
  it("are another block for each grader, also for two that draw in one instant", async function () {
    skipUnless(isRoot(), this);
    const graders = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", drawing], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
    try {
      const drawn = await Promise.all(graders.map(async ({ stdout }) => (await once(stdout, "data"))[0]));
      const blocks = drawn.map((text) =>
        (JSON.parse(String(text)) as number[]).map((user) => Math.floor(user / 20)),
      );
      for (const each of blocks) expect(new Set(each)).to.have.property("size", 1);
      expect(new Set(blocks.flat())).to.have.property("size", 6);
    } finally {
      for (const grader of graders) grader.kill("SIGKILL");
    }
  });
});

describe("the jail", () => {
  it("knows every wall either as standing or as missing", () => {
    const { walls, missing } = describeWalls();
    expect(walls[0]).to.equal("Node's permission model");
    expect(walls.length === 4).to.equal(missing.length === 0);
  });

  for (const [who, user] of [
    ["this user", undefined],
    ["somebody who is not root", 65_000],
  ] as const) {
    it(`falls back where programs are missing, and says so once, to ${who}`, function () {
      if (user !== undefined) skipUnless(isRoot() && isOpen(root), this);
      const { stdout, stderr, status } = withoutPrograms(describing, {}, user);
      expect(status, stderr).to.equal(0);
      const { walls, missing } = JSON.parse(stdout) as ReturnType<typeof describeWalls>;
      const own = isRoot() && user === undefined;
      const others = own ? ["a user of its own, who can signal nobody else's process"] : [];
      expect(walls).to.deep.equal(["Node's permission model", ...others]);
      expect(missing.join("\n"))
        .to.match(/no prlimit/)
        .and.match(/reach the network.*bwrap is not installed, unshare is not installed/);
      expect(/signal other processes/.test(missing.join("\n"))).to.equal(!own);
      const lines = stderr.split("\n").filter((line) => line.startsWith("workbook: on this machine"));
      expect(lines).to.have.length(1);
    });
  }

  it("starts submissions as a user of their own where root finds no namespaces", function () {
    skipUnless(isRoot(), this);
    const code = `const { isolated } = await import("${module("isolated")}");
      const subject = isolated('exports.who = () => process.getuid(); exports.twice = (x) => require("@tensorflow/tfjs").mul(x, 2);');
      console.log(await subject.call("who", []), (await subject.call("twice", [3])).data[0]);
      await subject.close();`;
    const { stdout, stderr } = withoutPrograms(code);
    expect(stdout, stderr).to.match(/^6\d{4} 6$/m);
  }).timeout(120_000);

  it("REQUIRE_WALLS=1 makes a missing wall an error", () => {
    const { stderr, status } = withoutPrograms(describing, { REQUIRE_WALLS: "1" });
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
