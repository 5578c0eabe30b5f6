/** The same attacks with a wall taken away: they succeed, so it is the wall that stops them. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { after, before, type Context, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { openBundle } from "workbook/grading/wall/bundle";
import { type IsolatedOptions, isolated } from "workbook/grading/wall/isolated";
import { command, describeWalls } from "workbook/grading/wall/jail";
import { isRoot } from "workbook/grading/wall/user";
import { judgeAttack } from "./attack.js";
import { type Attempt, attemptCode, attempts, secretLine, written } from "./rights.js";

type Start = NonNullable<IsolatedOptions["command"]>;

/** The same program, but Node alone starts it, and gives it all rights that its user has. */
const unguarded =
  (separation: "user" | "none"): Start =>
  (_, limits) => {
    const { args, user } = command(openBundle().folder, limits, separation);
    const flags = args.slice(args.findIndex((arg) => /^--(experimental-)?permission$/.test(arg)) + 1);
    return {
      file: process.execPath,
      args: flags.filter((flag) => !flag.startsWith("--allow-fs-read=")),
      ...(user !== undefined && { user }),
    };
  };
const nothing = unguarded("none");
/** Behind the permission model, as a user of its own. */
const somebody: Start = (_, limits) => command(openBundle().folder, limits, "user");
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

  describe("a user of its own", () => {
    let victim: ChildProcess;
    before(function () {
      skipUnlessRoot(this);
      victim = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    });
    after(() => victim?.kill("SIGKILL"));

    for (const [guard, start] of [
      ["", somebody],
      [", without the permission model either", unguarded("user")],
    ] as const) {
      it(`stops signals to the grader and to others${guard}`, async () => {
        for (const target of [`${victim.pid}`, "process.ppid"]) {
          const kill = { name: "", expression: `process.kill(${target}, "SIGKILL")` };
          expect(await outcome(kill, start)).to.match(/refused: kill EPERM/);
        }
        expect(victim.exitCode ?? victim.signalCode).to.equal(null);
      });
    }

    it("stops looking into the grader", async () => {
      // What a debugger may do, who may read this may do as well: the kernel asks the same question.
      for (const file of ["environ", "mem", "fd/0"]) {
        const look = { name: "", expression: `node("fs").openSync("/proc/" + process.ppid + "/${file}")` };
        expect(await outcome(look, unguarded("user")), file).to.match(/refused: EACCES/);
        expect(await outcome(look, nothing), file).to.match(/GOT \d/);
      }
    });

    it("stops reading and writing what is not for everybody", async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "workbook-secret-"));
      try {
        const file = JSON.stringify(path.join(folder, "tests.ts"));
        const write = { name: "", expression: `node("fs").writeFileSync(${file}, "ours") ?? "written"` };
        const read = { name: "", expression: `node("fs").readFileSync(${file}, "utf8")` };
        expect(await outcome(write, unguarded("user"))).to.match(/refused: EACCES/);
        expect(await outcome(write, nothing)).to.contain("GOT written");
        expect(await outcome(read, unguarded("user"))).to.match(/refused: EACCES/);
        expect(await outcome(read, nothing)).to.contain("GOT ours");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it("is another one for each process, without a group of ours", async () => {
      const code = `exports.who = () => [process.getuid(), process.geteuid(), ...process.getgroups()];`;
      const subjects = [isolated(code, { command: somebody }), isolated(code, { command: somebody })];
      try {
        const who = await Promise.all(subjects.map((subject) => subject.call("who", [])));
        const [first, second] = who as number[][];
        expect(first![0]).to.be.at.least(60_000).and.not.equal(second![0]);
        for (const ids of [first!, second!]) expect(new Set(ids)).to.have.property("size", 1);
      } finally {
        await Promise.all(subjects.map((subject) => subject.close()));
      }
    });
  });

  describe("the bound on threads and processes", () => {
    const child = `node("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"])`;
    for (const [what, bomb] of [
      ["threads", `new (node("worker_threads").Worker)("setInterval(() => {}, 1000)", { eval: true })`],
      ["processes", child],
    ] as const) {
      for (const separation of ["bubblewrap", "unshare", "user", "none"] as const) {
        // Nothing tells which orphans were theirs, and Node cannot be a second time where only its files are.
        if (what === "processes" && separation !== "unshare" && separation !== "user") continue;
        it(`stops ${what} without an end, where the permission model does not (${separation})`, async function () {
          if (separation === "user") skipUnlessRoot(this);
          else skipWithoutNamespaces(this);
          let own: number | undefined;
          const start: Start = (folder, limits) => {
            const { args, ...rest } = command(folder, limits, separation);
            own = rest.user;
            return {
              ...rest,
              args: args.filter((arg) => !/^--(experimental-)?permission$|^--allow-fs/.test(arg)),
            };
          };
          const judged = await judgeAttack(
            { code: `exports.square = () => { for (;;) ${bomb}; }`, only: ["square"] },
            start,
          );
          const { message } = judged.exercises[0]!.tests[0]!;
          expect(message).to.match(/^square (started more than 64 threads or processes|threw Error: EAGAIN)/);
          // Killed, and gone when the system has got round to it.
          while (own !== undefined && ofUser(own).length > 0) await sleep(20);
        });
      }
    }
  });

  describe("when the grader is killed", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "workbook-death-"));
    chmodSync(folder, 0o755);
    /** What a test that fails or takes too long leaves would keep this process from ending. */
    const leftovers: (() => void)[] = [];
    after(() => {
      for (const remove of leftovers) remove();
      rmSync(folder, { recursive: true });
    });

    for (const separation of ["bubblewrap", "unshare", "user", "none"] as const) {
      it(`nothing is left of a submission that loops (${separation})`, async function () {
        if (separation === "user") skipUnlessRoot(this);
        else skipWithoutNamespaces(this);
        const held = path.join(folder, separation);
        expect(spawnSync("mkfifo", ["-m", "666", held]).status).to.equal(0);
        // Every process that comes of the command keeps this pipe open: it ends with the last of them. It is read
        // without blocking, for a thread that is stuck in a read cannot be called back.
        const { O_RDONLY, O_NONBLOCK } = constants;
        const pipe = new Socket({
          fd: openSync(held, O_RDONLY | O_NONBLOCK),
          readable: true,
          writable: false,
        });
        leftovers.push(() => pipe.destroy());
        // Until the grader has opened it, our own end keeps it open.
        const own = openSync(held, "w");
        const ended = once(pipe.resume(), "end");
        const code = graderThatHangs(held, separation);
        const grader = spawn(process.execPath, ["--input-type=module", "-e", code], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        leftovers.push(() => grader.kill("SIGKILL"));
        const early = once(grader, "exit").then(() => ["the grader ended early"]);
        const [text] = await Promise.race([once(grader.stdout!, "data"), early]);
        closeSync(own);
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

function graderThatHangs(held: string, separation: string): string {
  return `
    const { isolated } = await import("${wall}isolated.js");
    const { command } = await import("${wall}jail.js");
    const { openBundle } = await import("${wall}bundle.js");
    const holding = (_, limits) => {
      const { file, args, user } = command(openBundle().folder, limits, ${JSON.stringify(separation)});
      return { user, file: "/bin/sh", args: ["-c", 'exec 9>"$0"; exec "$@"', ${JSON.stringify(held)}, file, ...args] };
    };
    const onOutput = (text) => process.stdout.write(text);
    await isolated('console.log("looping"); for (;;);', { onOutput, command: holding, limits: { seconds: 600 } }).load();
  `;
}

/** Processes of a user. */
function ofUser(user: number): string[] {
  const names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return names.filter((name) => statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === user);
}

/** `REQUIRE_WALLS=1` makes `describeWalls` throw instead. */
function skipWithoutNamespaces(context: Context): void {
  const { missing } = describeWalls();
  if (missing.length === 0) return;
  context.skipReason = missing.join("; ");
  context.skip();
}

/** Nobody else may give a process another user. */
function skipUnlessRoot(context: Context): void {
  if (isRoot()) return;
  context.skipReason = "only root can start a process as somebody else";
  context.skip();
}
