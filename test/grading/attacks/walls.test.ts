/** The same attacks with a wall taken away: they succeed, so it is the wall that stops them. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, type ReadStream, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, type Context, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import type { IsolatedOptions } from "workbook/grading/wall/isolated";
import { command, describeWalls } from "workbook/grading/wall/jail";
import { judgeAttack } from "./attack.js";
import { type Attempt, attemptCode, attempts, secretLine, written } from "./rights.js";

type Start = NonNullable<IsolatedOptions["command"]>;

/** The same program, but Node alone starts it, and gives it all rights. */
const nothing: Start = (folder, limits) => {
  const { args } = command(folder, limits, "none");
  const flags = args.slice(args.findIndex((arg) => /^--(experimental-)?permission$/.test(arg)) + 1);
  return { file: process.execPath, args: flags.filter((flag) => !flag.startsWith("--allow-fs-read=")) };
};
const permissions: Start = (folder, limits) => command(folder, limits, "none");
const all: Start = (folder, limits) => command(folder, limits);

/** What the attempt got hold of, as its report shows it. */
async function outcome(attempt: Attempt, start: Start): Promise<string> {
  const { exercises } = await judgeAttack({ code: attemptCode(attempt), only: ["width"] }, start);
  return exercises[0]!.tests[0]!.message;
}

const named = (name: string) => attempts.find((attempt) => attempt.name === name)!;

describe("each wall is what stops an attack", function () {
  this.timeout(120_000);
  before(() => useBackend());

  describe("Node's permission model", () => {
    after(() => rmSync(written, { force: true }));

    it("stops reading the graded tests", async () => {
      const attempt = named("reading the graded tests");
      expect(await outcome(attempt, nothing)).to.contain(JSON.stringify(secretLine).slice(1, -1));
      expect(await outcome(attempt, permissions)).to.match(/refused: /);
    });

    it("stops writing a file", async () => {
      await outcome(named("writing a file"), nothing);
      expect(existsSync(written)).to.equal(true);
      rmSync(written);
      await outcome(named("writing a file"), permissions);
      expect(existsSync(written)).to.equal(false);
    });

    it("stops running a program", async () => {
      expect(await outcome(named("running a program"), nothing)).to.contain("GOT 42");
      expect(await outcome(named("running a program"), permissions)).to.match(/refused: /);
    });

    it("stops threads", async () => {
      expect(await outcome(named("a thread"), nothing)).to.contain("GOT 1");
      expect(await outcome(named("a thread"), permissions)).to.match(/refused: /);
    });
  });

  describe("namespaces", () => {
    before(function () {
      skipWithoutNamespaces(this);
    });

    describe("stop signals", () => {
      let victim: ChildProcess;
      before(() => {
        victim = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      });
      after(() => victim.kill("SIGKILL"));

      it("to other processes", async () => {
        const kill = { name: "", expression: `process.kill(${victim.pid}, "SIGKILL")` };
        expect(await outcome(kill, all)).to.match(/refused: kill ESRCH/);
        expect(victim.exitCode ?? victim.signalCode).to.equal(null);
        expect(await outcome(kill, permissions)).to.contain("GOT true");
        if (victim.signalCode === null) await once(victim, "exit");
        expect(victim.signalCode).to.equal("SIGKILL");
      });

      it("to the grader itself", async () => {
        const own = { name: "", expression: "String(process.ppid)" };
        expect(await outcome(own, permissions)).to.contain(`GOT ${process.pid}"`);
        expect(await outcome(own, all)).not.to.contain(`GOT ${process.pid}"`);
      });
    });

    it("stop connections to the outside", async () => {
      const server = createServer((socket) => socket.destroy());
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      try {
        const { port } = server.address() as { port: number };
        const code = connecting(port);
        const tried = (start: Start) => judgeAttack({ code, only: ["square"] }, start);
        expect((await tried(all)).printed).to.match(/^E[A-Z]+$/m);
        expect((await tried(permissions)).printed).to.contain("connected");
      } finally {
        server.close();
      }
    });
  });

  describe("when the grader is killed", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "workbook-death-"));
    const pipes: ReadStream[] = [];
    after(() => {
      // One that never ended would keep this process from ending.
      for (const pipe of pipes) pipe.destroy();
      rmSync(folder, { recursive: true });
    });

    for (const namespaces of ["bubblewrap", "unshare", "none"] as const) {
      it(`nothing is left of a submission that loops (${namespaces})`, async function () {
        skipWithoutNamespaces(this);
        const held = path.join(folder, namespaces);
        expect(spawnSync("mkfifo", [held]).status).to.equal(0);
        // Every process that comes of the command keeps this pipe open: it ends with the last of them.
        const pipe = createReadStream(held);
        pipes.push(pipe);
        const ended = once(pipe.resume(), "end");
        const code = graderThatHangs(held, namespaces);
        const grader = spawn(process.execPath, ["--input-type=module", "-e", code], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const [text] = (await once(grader.stdout!, "data")) as [Buffer];
        expect(String(text)).to.contain("looping");
        expect(pipe.readableEnded).to.equal(false);
        grader.kill("SIGKILL");
        await ended;
      });
    }
  });
});

/** Throws the runtime over, because no connection is made before Node's event loop turns. */
const connecting = (port: number) => `
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, () => {});
  exports.square = () => {
    const socket = node("net").connect(${port}, "127.0.0.1");
    const end = (text) => { process.stdout.write(text); process.reallyExit(0); };
    socket.on("error", ({ code }) => end(code)).on("connect", () => end("connected"));
    Object.entries = () => { throw new Error("over"); };
  };`;

const wall = new URL("../../../lib/grading/wall/", import.meta.url);

function graderThatHangs(held: string, namespaces: string): string {
  return `
    const { isolated } = await import("${wall}isolated.js");
    const { command } = await import("${wall}jail.js");
    const holding = (folder, limits) => {
      const { file, args } = command(folder, limits, ${JSON.stringify(namespaces)});
      return { file: "/bin/sh", args: ["-c", 'exec 9>"$0"; exec "$@"', ${JSON.stringify(held)}, file, ...args] };
    };
    const onOutput = (text) => process.stdout.write(text);
    await isolated('console.log("looping"); for (;;);', { onOutput, command: holding, limits: { seconds: 600 } }).load();
  `;
}

/** `REQUIRE_WALLS=1` makes `describeWalls` throw instead. */
function skipWithoutNamespaces(context: Context): void {
  const { missing } = describeWalls();
  if (missing.length === 0) return;
  context.skipReason = missing.join("; ");
  context.skip();
}
