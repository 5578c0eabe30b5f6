import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import { random } from "workbook/random";
import { type Fixture, fixture } from "./fixture.js";

const KILLS = 20;

describe("a batch that is killed", function () {
  this.timeout(180_000);
  let batch: Fixture;
  beforeEach(() => {
    batch = fixture();
  });
  afterEach(() => batch.remove());

  const pids = () => path.join(batch.folder, "pids");
  const start = (out: string): ChildProcess =>
    spawn(
      process.execPath,
      [
        fileURLToPath(new URL("./run-session.js", import.meta.url)),
        path.join(batch.folder, "submissions"),
        out,
      ],
      { env: { ...process.env, STAND_IN_PIDS: pids() }, stdio: ["ignore", "inherit", "inherit"] },
    );

  it(`kill -9 at ${KILLS} random moments and resuming gives the same bytes, each submission judged once, and no orphans`, async () => {
    for (let i = 0; i < 24; i++)
      batch.write(`student-${i}`, i % 3 === 0 ? "fail" : i % 7 === 0 ? "refuse" : "pass");
    const whole = path.join(batch.folder, "whole");
    const begun = performance.now();
    expect((await once(start(whole), "exit"))[0]).to.equal(0);
    const span = performance.now() - begun;

    const source = random("kill -9");
    let [kills, round] = [0, 0];
    let kept = new Map<string, string>();
    for (;;) {
      const out = path.join(batch.folder, `out-${round}`);
      const child = start(out);
      const exit = once(child, "exit");
      if (kills < KILLS) {
        await Promise.race([sleep(span * source.uniform()), exit]);
        child.kill("SIGKILL");
      }
      const [code] = await exit;
      const now = journalOf(out);
      for (const [name, stamp] of kept) expect(now.get(name), `${name} after kill ${kills}`).to.equal(stamp);
      kept = now;
      if (code === null) {
        kills++;
        continue;
      }
      expect(code).to.equal(0);
      expect(batch.files(out)).to.deep.equal(batch.files(whole));
      if (kills === KILLS) break;
      // It got through before the kill: the next one starts from nothing.
      round++;
      kept = new Map();
    }
    for (const pid of workers()) await gone(pid);
  });

  it("leaves no worker behind, not even one whose judge never ends", async () => {
    batch.write("a", "hang");
    const child = start(batch.out);
    while (workers().length === 0) await sleep(20);
    child.kill("SIGKILL");
    for (const pid of workers()) await gone(pid);
  });

  const workers = () =>
    existsSync(pids()) ? readFileSync(pids(), "utf8").split("\n").filter(Boolean).map(Number) : [];
});

/** Finished submissions: name → which file, written when. */
function journalOf(out: string): Map<string, string> {
  const folder = path.join(out, ".journal");
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(
    names.map((name) => {
      const { ino, mtimeMs } = statSync(path.join(folder, name));
      return [name, `${ino} ${mtimeMs}`];
    }),
  );
}

/** Returns when the process is gone, or only waits for its parent to notice; mocha's limit is the only one. */
async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(20);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}
