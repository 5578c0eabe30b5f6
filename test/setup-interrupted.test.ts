import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { afterEach, before, beforeEach, describe, it } from "mocha";
import { root } from "workbook/root";
import { setupModule } from "./setup-module.js";

describe("set-up: interrupted at any point", () => {
  let folder: string;
  let withLock: <T>(file: string, work: () => Promise<T>, onWait?: () => void) => Promise<T>;
  let writeWhole: (file: string, content: string) => void;

  before(async () => {
    ({ withLock } = await setupModule<{ withLock: typeof withLock }>("lock.mjs"));
    ({ writeWhole } = await setupModule<{ writeWhole: typeof writeWhole }>("places.mjs"));
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-setup-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("one set-up waits for another", async () => {
    const lock = path.join(folder, "lock");
    const order: string[] = [];
    let waits = 0;
    const first = withLock(lock, async () => {
      order.push("first begins");
      await sleep(20);
      order.push("first ends");
    });
    const second = withLock(
      lock,
      async () => order.push("second"),
      () => waits++,
    );
    await Promise.all([first, second]);
    expect(order).to.deep.equal(["first begins", "first ends", "second"]);
    expect(waits).to.equal(1);
    expect(existsSync(lock)).to.equal(false);
  });

  it("the lock of a dead or silent process is taken over at once", async () => {
    const lock = path.join(folder, "lock");
    const dead = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => dead.once("exit", resolve));
    let waits = 0;
    writeFileSync(lock, String(dead.pid));
    await withLock(
      lock,
      async () => {},
      () => waits++,
    );
    writeFileSync(lock, String(process.pid));
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    await withLock(
      lock,
      async () => {},
      () => waits++,
    );
    expect(waits).to.equal(0);
  });

  it("what a killed set-up had started ends with it", async () => {
    const file = path.join(folder, "grandchild");
    const program = `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`;
    const script = path.join(folder, "setup.mjs");
    const processes = JSON.stringify(path.join(root, "lib/setup/processes.mjs"));
    writeFileSync(
      script,
      `import { run } from ${processes};\nawait run(process.execPath, ["-e", ${JSON.stringify(program)}], {});\n`,
    );
    const parent = spawn(process.execPath, [script], { stdio: "ignore" });
    await until(() => existsSync(file) && readFileSync(file, "utf8") !== "");
    const pid = Number(readFileSync(file, "utf8"));
    expect(isRunning(pid)).to.equal(true);
    parent.kill("SIGKILL");
    await until(() => !isRunning(pid));
  });

  it("a file is written whole, and nothing is left beside it", () => {
    const file = path.join(folder, "deep/stamp");
    writeWhole(file, "one");
    writeWhole(file, "two");
    expect(readFileSync(file, "utf8")).to.equal("two");
    expect(readdirSync(path.dirname(file))).to.deep.equal(["stamp"]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 15_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`never became true: ${condition}`);
    await sleep(20);
  }
}

/** Whether a process exists and is not merely waiting to be buried. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(stat, "utf8"));
  } catch {
    return !existsSync("/proc");
  }
}
