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
import { after, afterEach, describe, it } from "mocha";
import { noteOf } from "../../../lib/jupyter/kernel/protocol/crash-file.js";
import {
  type Crash,
  describeCrash,
  readNote,
  takeNote,
} from "../../../lib/jupyter/kernel/protocol/crash-note.js";
import { TestClient } from "./protocol-client.js";

/** Starts a kernel whose parent never asks what became of it, as Jupyter's does only every few seconds. */
const unasked = ["/bin/sh", "-c", '"$@" & exec sleep 60', "sh"];

/** The witness of a process's crash: the shell that was given its id. */
function witnessOf(pid: number): number | undefined {
  return readdirSync("/proc")
    .map(Number)
    .find((each) => each > 0 && commandOf(each).includes(`\0sh\0${pid}\0`));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

const isLinux = process.platform === "linux";

describe("a kernel that could not say how it ended", function () {
  this.timeout(30_000);
  const started: TestClient[] = [];
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-crash-"));
  const file = path.join(folder, "connection.json");
  const start = async (options: Parameters<typeof TestClient.start>[0] = {}) => {
    const client = await TestClient.start({ file, ...options });
    started.push(client);
    return client;
  };
  /** A kernel and its process id, once its witness listens. */
  const watched = async (): Promise<[TestClient, number]> => {
    const client = await start({ wrapper: unasked });
    const { outputs } = await client.execute("return process.pid");
    const pid = Number((outputs[0]![1].data as Record<string, string>)["text/plain"]);
    await until(() => witnessOf(pid) !== undefined);
    // It has been told what goes on when it has nothing to read.
    await sleep(100);
    return [client, pid];
  };
  afterEach(() => Promise.all(started.splice(0).map((client) => client.close())));
  after(() => rmSync(folder, { recursive: true }));

  for (const [signal, words] of [
    ["SIGSEGV", "ended by SIGSEGV while cell [2] ran: native code crashed"],
    ["SIGKILL", "was killed (SIGKILL) while cell [2] ran"],
  ] as const) {
    it(`is spoken of in the first cell of the next one, and once: ${signal}`, async function () {
      if (!isLinux) {
        console.log("      skipped: there is no /proc to find a witness in");
        return this.skip();
      }
      const [first, pid] = await watched();
      const id = await first.send("execute_request", { code: "await new Promise(() => {})" });
      await first.until(() => first.iopub(id).length > 1);
      await sleep(100);
      process.kill(pid, signal);
      await until(() => existsSync(noteOf(file)));
      const second = await start({ connection: first.connection });
      const silent = await second.execute("1", { silent: true });
      expect(second.text(silent.id, "stderr")).to.equal("");
      const { id: next } = await second.execute("1");
      expect(second.text(next, "stderr")).to.contain(words).and.contain("run the cells from the top");
      const { id: later } = await second.execute("1");
      expect(second.text(later, "stderr")).to.equal("");
      expect(existsSync(noteOf(file))).to.equal(false);
    });
  }

  it("leaves no note, and no witness, when it was asked to end", async function () {
    if (!isLinux) {
      console.log("      skipped: there is no /proc to find a witness in");
      return this.skip();
    }
    const [client, pid] = await watched();
    const witness = witnessOf(pid)!;
    await client.ask("shutdown_request", { restart: false }, "control");
    await until(() => commandOf(witness) === "");
    expect(existsSync(noteOf(file))).to.equal(false);
  });
});

describe("the note of a crash", () => {
  const ended = (state: string, status: number) => `7 (node) worker) ${state} 1 1 0 ${status}`;
  const note = (text: string) => readNote(text, 5);

  it("tells the cell, the memory, and the signal or the exit code", () => {
    expect(note(`3 1000 5\n${ended("Z", 11)}\n`)).to.deep.equal({
      cell: 3,
      bytes: 1000,
      signal: "SIGSEGV",
      isMemoryFull: false,
    });
    // The bit beside the signal says that there is a core file.
    expect(note(`0 0 4\n${ended("Z", 128 + 6)}\n`)).to.deep.equal({
      bytes: 0,
      signal: "SIGABRT",
      isMemoryFull: true,
    });
    expect(note(`0 0 5\n${ended("X", 3 << 8)}`)).to.include({ exitCode: 3 });
  });

  it("tells less where the process was gone too soon, or the note is cut off", () => {
    for (const text of [`2 10 5\n${ended("R", 0)}`, "2 10 5\n\n", "2 10"]) {
      expect(note(text)).to.deep.equal({ cell: 2, bytes: 10, isMemoryFull: false });
    }
    expect(note("")).to.deep.equal({ bytes: 0, isMemoryFull: false });
  });

  it("is of no interest when another session wrote it long ago", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "workbook-crash-"));
    const connection = path.join(folder, "connection.json");
    try {
      writeFileSync(noteOf(connection), `2 10 0\n${ended("Z", 9)}\n`);
      const long = Date.now() / 1000 - process.uptime() - 120;
      utimesSync(noteOf(connection), long, long);
      expect(takeNote(connection)).to.equal(undefined);
      expect(existsSync(noteOf(connection))).to.equal(false);
      writeFileSync(noteOf(connection), `2 10 0\n${ended("Z", 9)}\n`);
      expect(takeNote(connection)).to.include({ cell: 2, signal: "SIGKILL" });
      expect(takeNote(connection)).to.equal(undefined);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const machine = { memory: 16 * 2 ** 30, heap: 4 * 2 ** 30 };
  const words = (crash: Partial<Crash>) =>
    describeCrash({ bytes: 0, isMemoryFull: false, ...crash }, machine);

  it("is worded by what is likely", () => {
    expect(words({ signal: "SIGKILL", isMemoryFull: true, cell: 4, bytes: 12 * 2 ** 30 })).to.equal(
      "The kernel's process before this one was killed (SIGKILL) while cell [4] ran and it held 12 GB: the machine's memory " +
        "of 16 GB was full. Make tensors smaller or dispose of them (tf.tidy). All values are lost: run the cells from the top.\n",
    );
    expect(words({ signal: "SIGKILL", bytes: 12 * 2 ** 30 })).to.contain(
      "held 12 GB: most likely memory of 16 GB was full.",
    );
    expect(words({ signal: "SIGKILL" })).to.contain(": memory of 16 GB was full, or somebody killed it");
    expect(words({ signal: "SIGABRT", bytes: 3.9 * 2 ** 30 })).to.contain(
      "most likely Node's heap of 4.0 GB was full",
    );
    expect(words({ signal: "SIGABRT" })).to.contain("ended by SIGABRT: native code crashed");
    expect(words({ signal: "SIGTERM" })).to.contain("ended by SIGTERM: somebody ended it. All values");
    expect(words({ exitCode: 3 })).to.contain("ended with exit code 3: native code ended it");
    expect(words({})).to.contain("ended without a word: native code crashed");
  });
});
