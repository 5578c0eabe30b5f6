import { once } from "node:events";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Dealer, Request } from "zeromq";
import { endpoint } from "../../../lib/jupyter/connection.js";
import { createMessage, encode, type Json } from "../../../lib/jupyter/wire.js";
import { TestClient } from "./protocol-client.js";

describe("the kernel's protocol", () => {
  let client: TestClient;
  before(async () => {
    client = await TestClient.start();
  });
  after(() => client.close());

  it("answers kernel_info on shell and on control with protocol, status, features and language", async () => {
    for (const channel of ["shell", "control"] as const) {
      const info = await client.ask("kernel_info_request", {}, channel);
      expect(info).to.deep.include({ status: "ok", protocol_version: "5.5", supported_features: [] });
      expect(info.language_info).to.include({ name: "typescript", version: "7.0.2", file_extension: ".ts" });
      expect(info.help_links).to.be.an("array").that.is.not.empty;
    }
  });

  it("greets every subscriber with iopub_welcome", () => {
    const welcome = client.heard.find(({ message }) => message.header.msg_type === "iopub_welcome");
    expect(welcome?.message.content).to.deep.equal({ subscription: "" });
    expect(welcome?.message.parent).to.deep.equal({});
  });

  it("says busy, repeats the input, shows the outputs in order, and says idle, all under the request", async () => {
    const code = `print("one"); show({ kind: "display", data: { "text/plain": "two" } }); warn("three"); return 4`;
    const { id, reply } = await client.execute(code);
    const said = client.iopub(id).map(({ header, content }) => [header.msg_type, content]);
    const execution_count = reply.execution_count;
    expect(said).to.deep.equal([
      ["status", { execution_state: "busy" }],
      ["execute_input", { code, execution_count }],
      ["stream", { name: "stdout", text: "one\n" }],
      ["display_data", { data: { "text/plain": "two" }, metadata: {}, transient: {} }],
      ["stream", { name: "stderr", text: "three\n" }],
      ["execute_result", { data: { "text/plain": "4" }, metadata: {}, execution_count }],
      ["status", { execution_state: "idle" }],
    ]);
    expect(reply).to.include({ status: "ok" });
  });

  it("names displays by transient.display_id, updates them, and clears output", async () => {
    const { outputs } = await client.execute(`
      show({ kind: "display", data: { "text/plain": "0 %" }, id: "bar" });
      show({ kind: "update", data: { "text/plain": "50 %" }, id: "bar" });
      show({ kind: "clear", wait: true });`);
    const transient = { display_id: "bar" };
    expect(outputs).to.deep.equal([
      ["display_data", { data: { "text/plain": "0 %" }, metadata: {}, transient }],
      ["update_display_data", { data: { "text/plain": "50 %" }, metadata: {}, transient }],
      ["clear_output", { wait: true }],
    ]);
  });

  it("reports an error on iopub and in the reply with the same ename, evalue and traceback", async () => {
    const { reply, outputs } = await client.execute(`throw new RangeError("too far")`);
    const error = { ename: "RangeError", evalue: "too far", traceback: ["RangeError: too far"] };
    expect(outputs).to.deep.equal([["error", error]]);
    expect(reply).to.deep.include({ status: "error", ...error });
  });

  it("stops a cell with a type error before it runs, and shows the place; @ts-nocheck waves it through", async () => {
    const { reply, outputs } = await client.execute(`print("ran");\nlet x = wrong;`);
    expect(outputs.map(([type]) => type)).to.deep.equal(["error"]);
    expect(reply).to.include({ status: "error", ename: "TS2322" });
    expect((reply.traceback as string[]).join("\n")).to.match(/cell \[\d+\]:2:9/);
    const { outputs: waved } = await client.execute(`// @ts-nocheck\nprint("ran"); const wrong = 1;`);
    expect(waved).to.deep.equal([["stream", { name: "stdout", text: "ran\n" }]]);
  });

  it("evaluates user_expressions after the cell, each with its own status", async () => {
    const { reply } = await client.execute("globalThis.seven = 7", {
      user_expressions: { good: "seven * 6", bad: "nowhere" },
    });
    const values = reply.user_expressions as Record<string, Json>;
    expect(values.good).to.deep.equal({ status: "ok", data: { "text/plain": "42" }, metadata: {} });
    expect(values.bad).to.include({ status: "error", ename: "ReferenceError" });
  });

  it("returns what a cell pages as payload", async () => {
    const { reply } = await client.execute(`page("a long text")`);
    expect(reply.payload).to.deep.equal([
      { source: "page", start: 0, data: { "text/plain": "a long text" } },
    ]);
  });

  it("counts only what goes into the history; a silent cell shows nothing", async () => {
    const first = (await client.execute("return 1")).reply.execution_count as number;
    const silent = await client.execute(`print("x"); return 1`, { silent: true });
    expect(silent.outputs).to.deep.equal([]);
    expect(client.iopub(silent.id).map(({ header }) => header.msg_type)).to.deep.equal(["status", "status"]);
    const failing = await client.execute(`throw new Error("quietly")`, { silent: true });
    expect(failing.outputs).to.deep.equal([]);
    expect(failing.reply).to.include({ status: "error", evalue: "quietly" });
    const unstored = await client.execute("return 1", { store_history: false });
    expect(unstored.outputs).to.have.length(1);
    expect((await client.execute("return 1")).reply.execution_count).to.equal(first + 1);
  });

  it("aborts what was queued when a cell failed, with busy and idle, and runs what comes later", async () => {
    const failing = await client.send("execute_request", {
      code: `await new Promise((go) => setTimeout(go, 50)); throw new Error("first")`,
    });
    const queued = await client.send("execute_request", { code: `print("queued")` });
    await client.idle(queued);
    expect((await client.reply(failing)).status).to.equal("error");
    expect(await client.reply(queued)).to.include({ status: "aborted" });
    expect(client.outputs(queued)).to.deep.equal([]);
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });

  it("aborts nothing where stop_on_error is false", async () => {
    await client.send("execute_request", { code: "throw new Error()", stop_on_error: false });
    const { reply } = await client.execute("return 1");
    expect(reply.status).to.equal("ok");
  });

  it("judges code as complete, incomplete with its indent, or invalid", async () => {
    const judge = async (code: string) => client.ask("is_complete_request", { code });
    expect(await judge("x")).to.include({ status: "complete" });
    expect(await judge("if (x) {")).to.include({ status: "incomplete", indent: "  " });
    expect(await judge("f)(")).to.include({ status: "invalid" });
  });

  it("completes and inspects at a cursor counted in code points", async () => {
    const code = "𝔸𝔹 + alph + 1";
    const completed = await client.ask("complete_request", { code, cursor_pos: 9 });
    expect(completed).to.deep.include({
      status: "ok",
      matches: ["alpha", "alphabet"],
      cursor_start: 5,
      cursor_end: 9,
    });
    expect(completed.metadata).to.deep.include({
      _jupyter_types_experimental: ["alpha", "alphabet"].map((text) => ({
        text,
        type: "const",
        start: 5,
        end: 9,
      })),
    });
    const inspected = await client.ask("inspect_request", { code, cursor_pos: 5, detail_level: 0 });
    expect(inspected).to.deep.include({
      found: true,
      data: { "text/plain": "alph", "text/markdown": "**alph**" },
    });
    expect(await client.ask("inspect_request", { code, cursor_pos: 3 })).to.deep.include({
      status: "ok",
      found: false,
      data: {},
    });
  });

  it("answers history by tail, range and search", async () => {
    const { reply } = await client.execute("return 'needle in a haystack'");
    const count = reply.execution_count;
    const ask = async (request: Json) =>
      (await client.ask("history_request", { raw: true, output: false, ...request })).history;
    const entry = [1, count, "return 'needle in a haystack'"];
    expect(await ask({ hist_access_type: "tail", n: 1 })).to.deep.equal([entry]);
    expect(await ask({ hist_access_type: "range", session: 0, start: count })).to.deep.equal([entry]);
    expect(await ask({ hist_access_type: "search", pattern: "*needle*" })).to.deep.equal([entry]);
    expect(await ask({ hist_access_type: "tail", n: 1, output: true })).to.deep.equal([
      [1, count, [entry[2], "needle in a haystack"]],
    ]);
  });

  it("asks for input over stdin, also for a password, and refuses where the client takes none", async () => {
    const code = `return await prompt("Name?") + await prompt("Word?", { password: true })`;
    const id = await client.send("execute_request", { code, allow_stdin: true });
    for (const [i, value] of ["Ada", "lace"].entries()) {
      await client.until(() => client.replies(id).length > i);
      const { channel, message } = client.replies(id)[i]!;
      expect(channel).to.equal("stdin");
      expect(message.header.msg_type).to.equal("input_request");
      expect(message.content).to.deep.equal(
        [
          { prompt: "Name?", password: false },
          { prompt: "Word?", password: true },
        ][i],
      );
      await client.send("input_reply", { value, status: "ok" }, { channel: "stdin", parent: message.header });
    }
    await client.idle(id);
    expect(client.outputs(id)[0]![1].data).to.deep.equal({ "text/plain": "Adalace" });
    const refused = await client.execute(code, { allow_stdin: false });
    expect(refused.reply).to.include({ status: "error", ename: "StdinNotAvailable" });
  });

  it("shows what a cell's timer prints later, and its error, under that cell", async () => {
    const early = await client.execute(`setTimeout(() => { print("late"); late(new Error("later")); }, 60)`);
    await client.execute("return 1");
    await client.until(() => client.outputs(early.id).length >= 2);
    expect(client.outputs(early.id).map(([type]) => type)).to.deep.equal(["stream", "error"]);
  });

  it("keeps a cell's error about a display that is no JSON inside the cell", async () => {
    const { reply } = await client.execute(`show({ kind: "display", data: { "application/json": 1n } })`);
    expect(reply).to.include({ status: "error", ename: "TypeError" });
  });

  it("carries a display of 20 MB whole", async () => {
    const { outputs } = await client.execute(
      `show({ kind: "display", data: { "text/plain": "x".repeat(20_000_000) } })`,
    );
    expect((outputs[0]![1].data as Json)["text/plain"]).to.have.length(20_000_000);
  });

  it("delivers 200,000 lines of a synchronous loop in order, in far fewer messages", async () => {
    const { id, outputs } = await client.execute("for (let i = 0; i < 200000; i++) print(i)");
    const lines = client.text(id).trimEnd().split("\n");
    expect(lines).to.have.length(200_000);
    expect(lines.every((line, i) => line === String(i))).to.equal(true);
    expect(outputs.length).to.be.below(1000);
  });

  it("keeps text and displays in order, also where both are many", async () => {
    const { outputs } = await client.execute(
      `for (let i = 0; i < 500; i++) { print(i); show({ kind: "display", data: { "text/plain": i } }); }`,
    );
    const expected = Array.from({ length: 500 }, (_, i) => [`${i}\n`, i]).flat();
    const shown = outputs.map(([, { text, data }]) => text ?? (data as Json)["text/plain"]);
    expect(shown).to.deep.equal(expected);
  });

  it("drops messages that are wrongly signed, malformed or repeated, and goes on", async () => {
    const raw = new Dealer({ linger: 0 });
    raw.connect(endpoint(client.connection, "shell"));
    const request = (code: string) => createMessage("execute_request", { code }, { session: client.session });
    const { key } = client.connection;
    await raw.send(encode(request("globalThis.forged = 1"), "another key"));
    await raw.send(["no delimiter"]);
    await raw.send(["<IDS|MSG>", "", "{}", "{}"]);
    await raw.send(encode({ ...request(""), header: { msg_type: 7 } as never }, key));
    const once = encode(request("globalThis.runs = (globalThis.runs ?? 0) + 1"), key);
    await raw.send(once);
    await raw.send(once);
    await raw.send(encode(request("globalThis.last = true"), key));
    for (let type = ""; type !== "done"; ) {
      const { outputs } = await client.execute(
        "return [globalThis.forged, globalThis.runs, globalThis.last]",
      );
      const [forged, runs, last] = String((outputs[0]![1].data as Json)["text/plain"]).split(",");
      expect(forged).to.equal("");
      if (last !== "true") continue;
      expect(runs).to.equal("1");
      type = "done";
    }
    raw.close();
  });

  it("ignores requests that it does not know", async () => {
    await client.send("debug_request", {});
    await client.send("no_such_request", {}, { channel: "control" });
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });

  it("echoes heartbeats, and answers kernel_info, while a cell keeps the main thread busy", async () => {
    const id = await client.send("execute_request", { code: "for (;;) {}" });
    await client.until(() => client.states(id).includes("busy"));
    const heart = new Request({ linger: 0 });
    heart.connect(endpoint(client.connection, "hb"));
    await heart.send("beat");
    expect(String((await heart.receive())[0])).to.equal("beat");
    heart.close();
    expect(await client.ask("kernel_info_request")).to.include({ status: "ok" });
    // A client that keeps one state for the kernel must not take it for idle.
    await client.until(() => client.states(id).length > 1);
    expect(client.states(id)).to.deep.equal(["busy", "busy"]);
    await client.ask("interrupt_request", {}, "control");
    expect(await client.reply(id)).to.include({ ename: "Interrupt" });
    await client.idle(id);
  });

  it("shows what a cell has printed while it is still busy", async () => {
    const id = await client.send("execute_request", { code: `print("now"); for (;;) {}` });
    await client.until(() => client.text(id) === "now\n");
    expect(client.replies(id)).to.deep.equal([]);
    await client.ask("interrupt_request", {}, "control");
    await client.idle(id);
  });

  for (const [what, code] of [
    ["a busy loop", "globalThis.kept = 1; for (;;) {}"],
    ["a loop of built-in functions", "globalThis.kept = 1; for (;;) new Array(1000).fill({}).length"],
    [
      "a busy loop after an await",
      "globalThis.kept = 1; await new Promise((go) => setTimeout(go, 1)); for (;;) {}",
    ],
    ["a loop of microtasks", "globalThis.kept = 1; for (;;) await 0"],
    ["a pending await", "globalThis.kept = 1; await new Promise(() => {})"],
    ["a loop that prints", `globalThis.kept = 1; for (;;) print("more")`],
  ] as const) {
    for (const how of ["interrupt_request", "SIGINT"]) {
      it(`interrupts ${what} by ${how}; values survive and later cells run`, async () => {
        const id = await client.send("execute_request", { code });
        await client.until(() => client.states(id).includes("busy"));
        // SIGINT is for the cell that runs: it must have begun.
        await new Promise((go) => setTimeout(go, 50));
        if (how === "SIGINT") client.process.kill("SIGINT");
        else expect(await client.ask(how, {}, "control")).to.deep.equal({ status: "ok" });
        expect(await client.reply(id)).to.include({ status: "error", ename: "Interrupt" });
        await client.idle(id);
        const { outputs } = await client.execute(
          "const { kept } = globalThis; globalThis.kept = 0; return kept",
        );
        expect(outputs[0]![1].data).to.deep.equal({ "text/plain": "1" });
      });
    }
  }

  it("takes an interrupt while nothing runs", async () => {
    client.process.kill("SIGINT");
    expect(await client.ask("interrupt_request", {}, "control")).to.deep.equal({ status: "ok" });
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });
});

describe("a kernel's comms", () => {
  let client: TestClient;
  const shown = (type: string) =>
    client.heard.filter(({ message }) => message.header.msg_type === type).map(({ message }) => message);
  before(async () => {
    client = await TestClient.start();
  });
  after(() => client.close());

  it("closes at once a comm whose target nobody registered", async () => {
    const id = await client.send("comm_open", { comm_id: "c0", target_name: "nobody", data: {} });
    await client.idle(id);
    expect(client.outputs(id)).to.deep.equal([["comm_close", { comm_id: "c0", data: {} }]]);
  });

  it("hands messages with metadata and buffers to a registered target, and takes its answers", async () => {
    await client.execute(`comm.registerTarget("echo", (comm, { data }) => {
      comm.send({ hello: data });
      comm.onMessage(({ data, buffers }) => comm.send({ data, size: buffers[0]?.length }, { buffers }));
      comm.onClose(({ data }) => print("closed " + data.why));
    })`);
    const open = await client.send("comm_open", { comm_id: "c1", target_name: "echo", data: { n: 1 } });
    await client.idle(open);
    expect(client.outputs(open)).to.deep.equal([["comm_msg", { comm_id: "c1", data: { hello: { n: 1 } } }]]);
    expect(await client.ask("comm_info_request")).to.deep.include({ comms: { c1: { target_name: "echo" } } });
    expect(await client.ask("comm_info_request", { target_name: "other" })).to.deep.include({ comms: {} });

    const content = { comm_id: "c1", data: { x: 2 } };
    const message = await client.send("comm_msg", content, { buffers: [Buffer.from("bytes")] });
    await client.idle(message);
    const answer = client.iopub(message).find(({ header }) => header.msg_type === "comm_msg")!;
    expect(answer.content.data).to.deep.equal({ data: { x: 2 }, size: 5 });
    expect(String(answer.buffers[0])).to.equal("bytes");

    const close = await client.send("comm_close", { comm_id: "c1", data: { why: "done" } });
    await client.idle(close);
    expect(await client.ask("comm_info_request")).to.deep.include({ comms: {} });
  });

  it("opens comms from a cell, under that cell", async () => {
    const { outputs } = await client.execute(
      `const c = comm.open("widget", { a: 1 }); c.send({ b: 2 }); c.close({ d: 3 });`,
    );
    expect(outputs.map(([type, { data, target_name }]) => [type, data, target_name])).to.deep.equal([
      ["comm_open", { a: 1 }, "widget"],
      ["comm_msg", { b: 2 }, undefined],
      ["comm_close", { d: 3 }, undefined],
    ]);
    expect(shown("comm_open").at(-1)!.content.comm_id).to.equal(outputs[1]![1].comm_id);
  });

  it("reports what a comm's handler throws, and lives on", async () => {
    await client.execute(`comm.registerTarget("bad", () => { throw new Error("in the handler"); })`);
    const id = await client.send("comm_open", { comm_id: "c2", target_name: "bad", data: {} });
    await client.idle(id);
    expect(shown("error").at(-1)!.content).to.include({ evalue: "in the handler" });
    expect(client.outputs(id)).to.deep.equal([["comm_close", { comm_id: "c2", data: {} }]]);
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });
});

describe("the life of a kernel", () => {
  const started: TestClient[] = [];
  const start = async (options: Parameters<typeof TestClient.start>[0] = {}) => {
    const client = await TestClient.start(options);
    started.push(client);
    return client;
  };
  after(() => Promise.all(started.map((client) => client.close())));

  for (const [channel, restart] of [
    ["control", true],
    ["shell", false],
  ] as const) {
    it(`ends with shutdown_request on ${channel}, whose reply repeats restart: ${restart}`, async () => {
      const client = await start();
      const id = await client.send("shutdown_request", { restart }, { channel });
      expect(await client.reply(id)).to.deep.equal({ status: "ok", restart });
      expect(await client.exited).to.equal(0);
      expect(client.outputs(id)).to.deep.equal([["shutdown_reply", { status: "ok", restart }]]);
    });
  }

  it("ends also while a cell is busy", async () => {
    const client = await start();
    const id = await client.send("execute_request", { code: "for (;;) {}" });
    await client.until(() => client.states(id).includes("busy"));
    await client.send("shutdown_request", { restart: false }, { channel: "control" });
    await client.exited;
  });

  it("ends with process.exit() in a cell: what was printed, last words, an error, and the exit code", async () => {
    const client = await start();
    const id = await client.send("execute_request", { code: `print("before"); process.exit(3)` });
    expect(await client.reply(id)).to.include({ status: "error", ename: "KernelExit" });
    expect(await client.exited).to.equal(3);
    expect(client.text(id)).to.equal("before\n");
    expect(client.text(id, "stderr")).to.contain("process.exit(3)");
    expect(client.states(id)).to.deep.equal(["busy", "idle"]);
  });

  it("ends when the client's process is gone, even while a cell is busy", async () => {
    const { spawn } = await import("node:child_process");
    const parent = spawn("sleep", ["60"]);
    const client = await start({ env: { JPY_PARENT_PID: String(parent.pid) } });
    await client.send("execute_request", { code: "for (;;) {}" });
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await client.exited;
  });

  it("does not end with an interrupt while it loads; what was asked meanwhile is run or interrupted", async () => {
    const client = await start({ env: { FAKE_LOAD_MS: "400" } });
    const early = await client.send("execute_request", { code: "for (;;) {}" });
    expect(await client.ask("kernel_info_request")).to.include({ status: "ok" });
    await client.ask("interrupt_request", {}, "control");
    expect(await client.reply(early)).to.include({ ename: "Interrupt" });
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });

  it("needs no signatures where the key is empty", async () => {
    const client = await start({ key: "" });
    expect((await client.execute("return 1")).reply.status).to.equal("ok");
  });
});
