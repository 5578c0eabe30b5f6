import process from "node:process";
import { expect } from "chai";
import { describe, it } from "mocha";
import { ProcessEnded, RpcProcess } from "../../../lib/jupyter/kernel/types/rpc.js";

/** Runs `script` as the other side; `write(message)` and `frame(message)` are at hand there. */
const start = (script: string, onRequest: (method: string, params: unknown) => unknown = () => null) =>
  new RpcProcess(
    [
      process.execPath,
      "-e",
      `const frame = (m) => { const b = JSON.stringify({ jsonrpc: "2.0", ...m }); return "Content-Length: " + Buffer.byteLength(b) + "\\r\\n\\r\\n" + b; };
       const write = (m) => process.stdout.write(frame(m));
       process.stdin.on("data", (d) => { for (const text of String(d).split(/Content-Length: \\d+\\r\\n\\r\\n/).filter(Boolean)) on(JSON.parse(text)); });
       ${script}`,
    ],
    { cwd: process.cwd(), onRequest },
  );

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe("JSON-RPC with a process", () => {
  it("reads answers that arrive in pieces and in one piece, in any script", async () => {
    const rpc = start(`
      const seen = [];
      function on(m) {
        seen.push(m.id);
        if (seen.length < 3) return;
        const all = Buffer.from(seen.map((id) => frame({ id, result: "größe 数 😀 " + id })).join(""));
        process.stdout.write(all.subarray(0, 5));
        setTimeout(() => process.stdout.write(all.subarray(5, 52)), 5);
        setTimeout(() => process.stdout.write(all.subarray(52)), 10);
      }`);
    try {
      const answers = await Promise.all([1, 2, 3].map(() => rpc.request("m", {}, 5000)));
      expect(answers).to.deep.equal([1, 2, 3].map((id) => `größe 数 😀 ${id}`));
    } finally {
      rpc.kill();
    }
  });

  it("answers what the other side asks", async () => {
    const rpc = start(
      `function on(m) { if (m.method === "go") { asked = m.id; write({ id: "q", method: "what", params: 20 }); } else write({ id: asked, result: m.result }); } let asked;`,
      (method, params) => [method, Number(params) + 1],
    );
    try {
      expect(await rpc.request("go", {}, 5000)).to.deep.equal(["what", 21]);
    } finally {
      rpc.kill();
    }
  });

  it("gives up on an answer that does not come, and on one that is an error", async () => {
    const rpc = start(
      `function on(m) { if (m.method === "bad") write({ id: m.id, error: { code: 1, message: "no such thing" } }); }`,
    );
    try {
      expect((await failure(rpc.request("bad", {}, 5000)))?.message).to.equal("no such thing");
      expect((await failure(rpc.request("slow", {}, 20)))?.message).to.equal("slow took longer than 20 ms");
    } finally {
      rpc.kill();
    }
  });

  it("rejects what is waiting when the process dies, and what comes after", async () => {
    const rpc = start("function on() { process.exit(1); }");
    expect(await failure(rpc.request("m", {}, 5000))).to.be.instanceOf(ProcessEnded);
    expect(await failure(rpc.request("m", {}, 5000))).to.be.instanceOf(ProcessEnded);
    await rpc.exited;
    expect(rpc.alive).to.equal(false);
  });

  it("rejects where the program does not exist", async () => {
    const rpc = new RpcProcess(["/no/such/program"], { cwd: process.cwd(), onRequest: () => null });
    expect(await failure(rpc.request("m", {}, 5000))).to.be.instanceOf(ProcessEnded);
  });
});
