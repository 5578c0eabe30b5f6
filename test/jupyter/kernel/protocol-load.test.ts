import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Request, Subscriber } from "zeromq";
import { endpoint } from "../../../lib/jupyter/connection.js";
import { decode, type Json } from "../../../lib/jupyter/wire.js";
import { TestClient } from "./protocol-client.js";

const script = fileURLToPath(new URL("../../../lib/jupyter/kernel/kernel.js", import.meta.url));
const size = 50_000_000;
/** Far above what a kernel needs, far below what it would take to keep what is printed here. */
const boundMegabytes = 500;

/** The largest that a process has been, in MB; 0 where there is no /proc. */
function peakMegabytes(pid: number): number {
  if (process.platform !== "linux") return 0;
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

describe("much output", () => {
  let client: TestClient;
  beforeEach(async () => {
    client = await TestClient.start({ script });
  });
  afterEach(() => client.close());

  /** Waits for a cell that takes its time. */
  const settle = async (id: string) => {
    for (let i = 0; i < 5 && !client.states(id).includes("idle"); i++) await client.idle(id).catch(() => {});
    await client.idle(id);
    expect(await client.reply(id)).to.include({ status: "ok" });
    expect((await client.execute("40 + 2")).outputs[0]![1].data).to.deep.equal({ "text/plain": "42" });
  };

  it("of a million lines arrives in order, complete, coalesced, and without filling memory", async () => {
    const code = "for (let i = 0; i < 1_000_000; i++) console.log(i);";
    const id = await client.send("execute_request", { code });
    await settle(id);
    let next = 0;
    for (const line of client.text(id).trimEnd().split("\n")) if (line === String(next)) next++;
    expect(next).to.equal(1_000_000);
    expect(client.outputs(id).length).to.be.below(10_000);
    expect(peakMegabytes(client.process.pid!)).to.be.below(boundMegabytes);
  }).timeout(60_000);

  for (const [what, code, type] of [
    ["image/png", `display({ "image/png": "A".repeat(${size}) });`, "display_data"],
    ["text/html", `display({ "text/html": "A".repeat(${size}) });`, "display_data"],
    ["text/plain", `({ "text/plain": "A".repeat(${size}) })`, "execute_result"],
  ] as const) {
    it(`of 50 MB of ${what} arrives whole, and the kernel goes on`, async () => {
      const id = await client.send("execute_request", {
        code: `import { display } from "workbook/display";\n${code}`,
      });
      await settle(id);
      const [[kind, { data }]] = client.outputs(id) as [[string, Json]];
      expect(kind).to.equal(type);
      expect((data as Json)[what] === "A".repeat(size)).to.equal(true);
    }).timeout(60_000);
  }

  it("of 50 MB to a stream at once arrives whole, while heartbeat and control are answered", async () => {
    const heart = new Request({ linger: 0 });
    heart.connect(endpoint(client.connection, "hb"));
    const id = await client.send("execute_request", {
      code: `process.stdout.write("é".repeat(${size / 2}));`,
    });
    await client.until(() => client.text(id) !== "");
    await heart.send("beat");
    expect(String((await heart.receive())[0])).to.equal("beat");
    expect(await client.ask("kernel_info_request", {}, "control")).to.include({ status: "ok" });
    heart.close();
    await settle(id);
    expect(client.text(id) === "é".repeat(size / 2)).to.equal(true);
  }).timeout(60_000);

  it("waits for a client that reads slowly, which loses nothing, and fills no memory", async () => {
    const slow = new Subscriber({ receiveHighWaterMark: 1, receiveBufferSize: 64 << 10 });
    slow.subscribe("stream");
    slow.connect(endpoint(client.connection, "iopub"));
    await client.until(
      (heard) => heard.filter(({ message }) => message.header.msg_type === "iopub_welcome").length > 1,
    );
    const code = "for (let i = 0; i < 1000; i++) console.log('x'.repeat(100_000));";
    const id = await client.send("execute_request", { code });
    await client.until(() => client.text(id) !== "");
    await sleep(300); // Time in which a kernel that does not wait would have printed everything.
    expect(client.states(id)).to.deep.equal(["busy"]);
    let received = 0;
    for await (const frames of slow) {
      const { header, content } = decode(frames, client.connection.key);
      if (header.msg_type === "stream") received += String(content.text).length;
      if (received >= 100_001_000) break;
    }
    slow.close();
    expect(received).to.equal(100_001_000);
    await settle(id);
    expect(peakMegabytes(client.process.pid!)).to.be.below(boundMegabytes);
  }).timeout(60_000);
});
