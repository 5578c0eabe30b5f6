import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { afterEach, describe, it } from "mocha";
import { TestClient } from "./protocol-client.js";

const script = fileURLToPath(new URL("../../../lib/jupyter/kernel/kernel.js", import.meta.url));

/** Processes that a process has started. */
function childrenOf(pid: number): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`));
  return all.map(Number).filter((each) => parentOf(each) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // ended meanwhile
  }
}

async function gone(pid: number): Promise<void> {
  while (parentOf(pid) !== undefined) await sleep(10);
}

describe("a kernel that ends while a cell runs", () => {
  const started: TestClient[] = [];
  const start = async (options: Parameters<typeof TestClient.start>[0] = {}) => {
    const client = await TestClient.start({ script, ...options });
    started.push(client);
    return client;
  };
  afterEach(() => Promise.all(started.splice(0).map((client) => client.close())));

  for (const [code, how] of [
    ["process.exit(3)", "process.exit(3) was called"],
    ["process.abort()", "process.abort() was called"],
    ['process.kill(process.pid, "SIGSEGV")', "it sent itself SIGSEGV"],
    ["process.kill(process.pid, 9)", "it sent itself SIGKILL"],
    [
      "await null; setTimeout(() => process.abort(), 1); await new Promise(() => {})",
      "process.abort() was called",
    ],
  ] as const) {
    it(`says so under the cell and in its reply: ${code}`, async () => {
      const client = await start();
      const id = await client.send("execute_request", { code: `console.log("before");\n${code}` });
      expect(await client.reply(id)).to.include({ status: "error", ename: "KernelExit" });
      await client.exited;
      expect(client.text(id)).to.equal("before\n");
      expect(client.text(id, "stderr")).to.contain(how);
      expect(client.outputs(id).map(([type]) => type)).to.deep.equal(["stream", "stream", "error"]);
      expect(client.states(id)).to.deep.equal(["busy", "idle"]);
    });
  }

  it("leaves no process and no port behind, and starts again on the same connection", async function () {
    if (process.platform !== "linux") {
      console.log("      skipped: there is no /proc to look for processes in");
      return this.skip();
    }
    const first = await start();
    await first.execute("1");
    const { pid } = first.process;
    while (childrenOf(pid!).length < 2) await sleep(10);
    const children = childrenOf(pid!);
    expect(children).to.have.length(2); // the language server, and the witness of a crash
    await first.send("execute_request", { code: "for (;;) {}" });
    first.process.kill("SIGKILL");
    await first.exited;
    await Promise.all(children.map(gone));
    const second = await start({ connection: first.connection });
    const { outputs } = await second.execute("40 + 2");
    expect(outputs.at(-1)![1].data).to.deep.equal({ "text/plain": "42" });
  });
});

describe("a cell that would end the kernel", () => {
  let client: TestClient;
  afterEach(() => client.close());

  it("by endless recursion throws a RangeError, and the session goes on", async () => {
    client = await TestClient.start({ script });
    await client.execute("let kept = 1;");
    for (const code of [
      "function f(): number { return f() + 1; } f()",
      "const g = async (): Promise<number> => 1 + await g(); await g()",
    ]) {
      const { reply } = await client.execute(code);
      expect(reply).to.include({ status: "error", ename: "RangeError" });
    }
    expect((await client.execute("kept + 1")).outputs[0]![1].data).to.deep.equal({ "text/plain": "2" });
  });

  it("by filling the heap is stopped before it does, and its values can be let go", async () => {
    client = await TestClient.start({ script, flags: ["--max-old-space-size=1000"] });
    const fill = "const all: object[] = []; for (;;) all.push(new Array(1000).fill({}));";
    const id = await client.send("execute_request", { code: fill });
    for (let waited = 0; client.replies(id).length === 0 && waited < 6; waited++) {
      await client.until(() => client.replies(id).length > 0).catch(() => {});
    }
    expect(await client.reply(id)).to.include({ status: "error", ename: "OutOfMemory" });
    const { reply } = await client.execute("all.length = 0; all.length");
    expect(reply).to.include({ status: "ok" });
  }).timeout(60_000);

  it("is not stopped for garbage that nobody holds", async () => {
    client = await TestClient.start({ script, flags: ["--max-old-space-size=1000"] });
    const code =
      "let last: object[] = []; for (let i = 0; i < 300_000; i++) last = new Array(1000).fill({}); last.length";
    const { reply } = await client.execute(code);
    expect(reply).to.include({ status: "ok" });
  }).timeout(60_000);
});
