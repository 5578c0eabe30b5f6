import { createHmac, randomUUID } from "node:crypto";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Dealer, Subscriber } from "zeromq";
import { endpoint } from "../../../lib/jupyter/connection.js";
import { TestClient } from "./protocol-client.js";

// A client of its own that knows nothing but the specification: it shares no code with the kernel's side of the wire.

interface Parts {
  readonly header: Record<string, unknown>;
  readonly parent: Record<string, unknown>;
  readonly metadata: unknown;
  readonly content: Record<string, unknown>;
  readonly buffers: readonly Buffer[];
  readonly topic: string;
}

const session = randomUUID();

function frames(
  type: string,
  content: object,
  key: string,
  buffers: readonly Uint8Array[] = [],
): Uint8Array[] {
  const header = {
    msg_id: randomUUID(),
    msg_type: type,
    session,
    username: "reader",
    date: new Date().toISOString(),
    version: "5.3",
  };
  const parts = [header, {}, {}, content].map((part) => Buffer.from(JSON.stringify(part)));
  const signature = createHmac("sha256", key).update(Buffer.concat(parts)).digest("hex");
  return [Buffer.from("<IDS|MSG>"), Buffer.from(signature), ...parts, ...buffers];
}

/** Takes a message apart. @throws where its signature is not that of its four parts. */
function parse(message: readonly Buffer[], key: string): Parts {
  const at = message.findIndex((frame) => String(frame) === "<IDS|MSG>");
  const [signature, ...rest] = message.slice(at + 1);
  const signed = createHmac("sha256", key)
    .update(Buffer.concat(rest.slice(0, 4)))
    .digest("hex");
  expect(String(signature)).to.equal(signed);
  const [header, parent, metadata, content] = rest.slice(0, 4).map((part) => JSON.parse(String(part)));
  return { header, parent, metadata, content, buffers: rest.slice(4), topic: String(message[0] ?? "") };
}

describe("a kernel on the wire", () => {
  let kernel: TestClient;
  let shell: Dealer;
  let iopub: Subscriber;
  const heard: Parts[] = [];
  before(async () => {
    kernel = await TestClient.start();
    shell = new Dealer({ linger: 0 });
    shell.connect(endpoint(kernel.connection, "shell"));
    iopub = new Subscriber();
    iopub.subscribe();
    iopub.connect(endpoint(kernel.connection, "iopub"));
    const welcome = parse(await iopub.receive(), kernel.connection.key);
    expect(welcome.header.msg_type).to.equal("iopub_welcome");
  });
  after(async () => {
    shell.close();
    iopub.close();
    await kernel.close();
  });

  const request = async (type: string, content: object, buffers: readonly Uint8Array[] = []) => {
    const { key } = kernel.connection;
    const sent = frames(type, content, key, buffers);
    const header = JSON.parse(String(sent[2]));
    await shell.send(sent);
    const said: Parts[] = [];
    for await (const message of iopub) {
      const parts = parse(message, key);
      heard.push(parts);
      if (parts.parent.msg_id !== header.msg_id) continue;
      said.push(parts);
      if (parts.content.execution_state === "idle") break;
    }
    return { header, said };
  };
  const reply = async () => parse(await shell.receive(), kernel.connection.key);

  it("repeats the request's header as parent in its reply and in everything it publishes", async () => {
    const { header, said } = await request("execute_request", { code: "print(1); return 2" });
    const answer = await reply();
    expect(answer.header.msg_type).to.equal("execute_reply");
    expect(answer.parent).to.deep.equal(header);
    for (const { parent } of said) expect(parent).to.deep.equal(header);
  });

  it("signs header, parent, metadata and content, and never the buffers that follow", async () => {
    await request("execute_request", {
      code: `comm.registerTarget("wire", (opened) => { opened.onMessage(({ buffers }) => opened.send({}, { buffers })); })`,
    });
    await reply();
    await request("comm_open", { comm_id: "c", target_name: "wire", data: {} });
    const { said } = await request("comm_msg", { comm_id: "c", data: {} }, [
      Buffer.from("one"),
      Buffer.from([0, 255]),
    ]);
    const message = said.find(({ header }) => header.msg_type === "comm_msg")!;
    expect(message.buffers.map((buffer) => [...buffer])).to.deep.equal([[...Buffer.from("one")], [0, 255]]);
  });

  it("gives every message an id of its own, one session, a date in ISO 8601 and the protocol's version", () => {
    expect(new Set(heard.map(({ header }) => header.msg_id)).size).to.equal(heard.length);
    expect(new Set(heard.map(({ header }) => header.session)).size).to.equal(1);
    for (const { header, topic } of heard) {
      expect(new Date(String(header.date)).toISOString()).to.equal(header.date);
      expect(header.version).to.match(/^5\.\d+$/);
      expect(topic).to.equal(header.msg_type);
    }
  });

  it("drops what is malformed on every channel without harm", async () => {
    const { connection } = kernel;
    for (const channel of ["shell", "control", "stdin"] as const) {
      const raw = new Dealer({ linger: 0 });
      raw.connect(endpoint(connection, channel));
      const good = frames("execute_request", { code: "globalThis.harm = true" }, connection.key);
      const notJson = [...good.slice(0, 2), Buffer.from("{"), ...good.slice(3)];
      const noObject = ["[]", "1", '"x"', "null"].map((text) => [
        good[0]!,
        good[1]!,
        ...Array(4).fill(Buffer.from(text)),
      ]);
      for (const bad of [
        [],
        [Buffer.alloc(0)],
        [good[0]!],
        good.slice(0, 4),
        good.slice(1),
        notJson,
        ...noObject,
      ]) {
        if (bad.length > 0) await raw.send(bad);
      }
      await raw.send([good[0]!, Buffer.from("0".repeat(64)), ...good.slice(2)]);
      raw.close();
    }
    await request("execute_request", { code: "return typeof globalThis.harm" });
    expect((await reply()).content).to.include({ status: "ok" });
    expect(heard.at(-2)!.content.data).to.deep.equal({ "text/plain": "undefined" });
  });

  it("takes requests that lack what is optional, or hold what it does not expect", async () => {
    for (const content of [
      {},
      { code: 7, silent: "yes", user_expressions: [], allow_stdin: null, stop_on_error: 0 },
      { code: "return 1", user_expressions: null, store_history: undefined },
    ]) {
      await request("execute_request", content);
      expect((await reply()).header.msg_type).to.equal("execute_reply");
    }
    for (const type of ["complete", "inspect", "is_complete", "history", "comm_info", "kernel_info"]) {
      await request(`${type}_request`, {
        cursor_pos: -5,
        code: null,
        n: "many",
        hist_access_type: 3,
        target_name: 9,
      });
      expect((await reply()).header.msg_type).to.equal(`${type}_reply`);
    }
  });
});
