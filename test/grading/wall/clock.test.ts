import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Context, describe, it } from "mocha";
import { Allowance, CLOCK_FACTOR } from "workbook/grading/wall/allowance";
import {
  type Clock,
  clockOf,
  fromSchedstat,
  fromStat,
  innermost,
  type Spent,
} from "workbook/grading/wall/clock";
import { type IsolatedOptions, isolated } from "workbook/grading/wall/isolated";
import { command } from "workbook/grading/wall/jail";
import { defaultLimits } from "workbook/grading/wall/limits";
import { WalledProcess } from "workbook/grading/wall/process";

describe("an allowance of time", () => {
  /** A clock that shows what a test sets. */
  const made = () => {
    let shown: Spent = { working: 100, elapsed: 500 };
    return {
      clock: () => shown,
      pass: ({ working, elapsed }: Spent) => {
        shown = { working: shown.working + working, elapsed: shown.elapsed + elapsed };
      },
    };
  };

  it("is used up by work, over all calls together", async () => {
    const { clock, pass } = made();
    const allowance = new Allowance({ seconds: 10 });
    await allowance.spend(clock, async (left) => {
      pass({ working: 6, elapsed: 6 });
      expect(left()).to.equal(4);
    });
    expect(allowance.isUsedUp).to.equal(false);
    await allowance.spend(clock, async () => pass({ working: 4, elapsed: 4 })).catch(() => {});
    expect(allowance.isUsedUp).to.equal(true);
  });

  it("lasts so many times longer by the clock, for who does not work", async () => {
    const { clock, pass } = made();
    const allowance = new Allowance({ seconds: 10 });
    await allowance.spend(clock, async () => pass({ working: 0, elapsed: 10 * CLOCK_FACTOR - 1 }));
    expect(allowance.isUsedUp).to.equal(false);
    await allowance.spend(clock, async (left) => {
      pass({ working: 0, elapsed: 0.5 });
      expect(left()).to.equal(0.5);
      pass({ working: 0, elapsed: 0.5 });
    });
    expect(allowance.isUsedUp).to.equal(true);
  });

  it("pays for work that fails, too", async () => {
    const { clock, pass } = made();
    const allowance = new Allowance({ seconds: 1 });
    const work = async () => {
      pass({ working: 1, elapsed: 1 });
      throw new Error("crashed");
    };
    expect(await allowance.spend(clock, work).catch(String)).to.equal("Error: crashed");
    expect(allowance.isUsedUp).to.equal(true);
  });
});

describe("a process's own time", function () {
  this.timeout(120_000);

  it("is read from the kernel's counts, and from ticks where it does not count", () => {
    expect(fromSchedstat("2500000000 1000000000 7\n")).to.deep.equal({ working: 2.5, waiting: 1 });
    for (const text of ["0 0 0\n", ""]) expect(fromSchedstat(text)).to.equal(undefined);
    const stat = "7 (a) b (c) R 1 7 7 0 -1 4194560 100 0 0 0 230 20 0 0 20 0 11 0 500 1000 200";
    expect(fromStat(stat)).to.deep.equal({ working: 2.5, waiting: 0 });
    expect(fromStat("")).to.equal(undefined);
  });

  it("does not pass while the process sleeps, though the clock does", async function () {
    skipWithoutProc(this);
    const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6); console.log()"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(sleeper.stdout!, "data");
    const clock = clockOf(sleeper.pid!);
    sleeper.kill("SIGSTOP");
    while (!/\) T /.test(readFileSync(`/proc/${sleeper.pid}/stat`, "utf8"))) await sleep(10);
    const start = clock();
    await sleep(300);
    const end = clock();
    sleeper.kill("SIGKILL");
    expect(end.working).to.equal(start.working);
    expect(end.elapsed - start.elapsed).to.be.greaterThan(0.2);
  });

  it("does not pass while others take all the cores: neither work nor the clock", async function () {
    skipWithoutProc(this);
    if (fromSchedstat(readFileSync("/proc/self/schedstat", "utf8")) === undefined) {
      skip(this, "this kernel does not count how long processes wait for a core");
    }
    const [, core] = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))!;
    const loop = (nice: number) => {
      const argv = ["-c", core!, "nice", "-n", String(nice), process.execPath, "-e", "for (;;);"];
      return spawn("taskset", argv, { stdio: "ignore" });
    };
    const others = Array.from({ length: 4 }, () => loop(0));
    const ours = loop(10);
    try {
      await Promise.all([ours, ...others].map((each) => once(each, "spawn")));
      const clock = clockOf(ours.pid!);
      const began = performance.now();
      const start = clock();
      while (performance.now() - began < 2000) await sleep(100);
      const end = clock();
      const wall = (performance.now() - began) / 1000;
      expect(end.elapsed - start.elapsed).to.be.lessThan(0.75 * wall);
      expect(end.working - start.working).to.be.at.most(end.elapsed - start.elapsed + 0.1);
    } finally {
      for (const each of [ours, ...others]) each.kill("SIGKILL");
    }
  });

  for (const namespaces of ["bubblewrap", "unshare", "none"] as const) {
    describe(`behind walls (${namespaces})`, () => {
      it("counts, and not the time in which somebody stopped it", async function () {
        skipWithoutProc(this);
        const limits = { seconds: 2 };
        // Past its seconds by the clock, far from three times as many.
        const end = 2300;
        await withProcess(namespaces, { limits }, async ({ subject, pid, printed }) => {
          const answer = subject.call("until", [end]);
          await printed("working");
          const inner = innermost(pid())!;
          process.kill(inner, "SIGSTOP");
          await sleep(end);
          process.kill(inner, "SIGCONT");
          expect(await answer).to.be.at.least(end);
        });
      });

      it("is that of the process that runs the answer, and of no other", async function () {
        skipWithoutProc(this);
        const watched = new (class extends Allowance {
          worked = 0;
          override async spend<T>(clock: Clock, work: (left: () => number) => Promise<T>): Promise<T> {
            const start = clock().working;
            const result = await work(() => 60);
            this.worked = clock().working - start;
            return result;
          }
        })(defaultLimits);
        const walled = new WalledProcess(
          defaultLimits,
          () => {},
          (bundle, limits) => command(bundle, limits, namespaces),
        );
        try {
          await walled.started();
          await walled.ask({ kind: "load", code: answers, withheld: [], valueBytes: 1000 }, watched);
          const reply = await walled.ask({ kind: "call", exercise: "work", args: [1] }, watched);
          expect(reply).to.have.property("value", "worked");
          expect(watched.worked).to.be.greaterThan(0.8);
        } finally {
          await walled.close();
        }
      });
    });
  }
});

interface Running {
  readonly subject: ReturnType<typeof isolated>;
  readonly pid: () => number;
  /** Resolves once that was printed. */
  readonly printed: (text: string) => Promise<void>;
}

const answers = `
  exports.until = (milliseconds) => {
    const start = Date.now();
    console.log("working");
    while (Date.now() < start + milliseconds);
    return Date.now() - start;
  };
  exports.work = (seconds) => {
    const used = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1e6;
    const end = used() + seconds;
    while (used() < end);
    return "worked";
  };`;

async function withProcess(
  namespaces: "bubblewrap" | "unshare" | "none",
  options: IsolatedOptions,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-clock-"));
  const file = path.join(folder, "pid");
  let output = "";
  let heard = () => {};
  const subject = isolated(answers, {
    ...options,
    onOutput: (text) => {
      output += text;
      heard();
    },
    command: (bundle, limits) => {
      const { file: program, args, ...rest } = command(bundle, limits, namespaces);
      return { ...rest, file: "/bin/sh", args: ["-c", 'echo $$ > "$0"; exec "$@"', file, program, ...args] };
    },
  });
  try {
    await use({
      subject,
      pid: () => Number(readFileSync(file, "utf8")),
      printed: (text) =>
        new Promise((resolve) => {
          heard = () => {
            if (output.includes(text)) resolve();
          };
          heard();
        }),
    });
  } finally {
    await subject.close();
    rmSync(folder, { recursive: true });
  }
}

function skipWithoutProc(context: Context): void {
  if (existsSync(`/proc/${process.pid}/task/${process.pid}/children`)) return;
  skip(context, "this machine has no /proc that tells of processes' times");
}

function skip(context: Context, reason: string): never {
  context.skipReason = reason;
  context.skip();
}
