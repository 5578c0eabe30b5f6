import { expect } from "chai";
import { describe, it } from "mocha";
import { kernelSpec } from "../../../lib/jupyter/kernel/kernelspec.js";
import { toCodePoints, toUtf16 } from "../../../lib/jupyter/kernel/protocol/code-points.js";
import { History } from "../../../lib/jupyter/kernel/protocol/history.js";
import { Outbox } from "../../../lib/jupyter/kernel/protocol/outbox.js";
import { SharedMemory } from "../../../lib/jupyter/kernel/protocol/shared-memory.js";
import { typeErrors } from "../../../lib/jupyter/kernel/type-errors.js";

describe("cursor positions", () => {
  it("are the same going to UTF-16 and back, with pairs of surrogates anywhere", () => {
    const text = "a𝔸b\u{1F600}c";
    expect([0, 1, 2, 3, 4, 5, 9].map((point) => toUtf16(text, point))).to.deep.equal([0, 1, 3, 4, 6, 7, 7]);
    for (let point = 0; point <= 5; point++) expect(toCodePoints(text, toUtf16(text, point))).to.equal(point);
  });

  it("inside a pair of surrogates count as before it", () => {
    expect(toCodePoints("a𝔸b", 2)).to.equal(1);
  });
});

describe("history", () => {
  const history = new History();
  for (const [i, code] of ["a = 1", "b(2)", "a = 1", "c\nd"].entries()) history.add(i + 1, code);
  const counts = (request: Record<string, unknown>) =>
    history.find(request).map((entry) => (entry as number[])[1]);

  it("gives the last n", () => {
    expect(counts({ hist_access_type: "tail", n: 2 })).to.deep.equal([3, 4]);
    expect(counts({ hist_access_type: "tail", n: 0 })).to.deep.equal([]);
  });

  it("gives a range whose end is left out, of this session only", () => {
    expect(counts({ hist_access_type: "range", session: 0, start: 2, stop: 4 })).to.deep.equal([2, 3]);
    expect(counts({ hist_access_type: "range", session: -1, start: 1 })).to.deep.equal([]);
  });

  it("searches with globs over the whole text, where other signs mean themselves", () => {
    expect(counts({ hist_access_type: "search", pattern: "a*" })).to.deep.equal([1, 3]);
    expect(counts({ hist_access_type: "search", pattern: "a*", unique: true })).to.deep.equal([3]);
    expect(counts({ hist_access_type: "search", pattern: "b(?)" })).to.deep.equal([2]);
    expect(counts({ hist_access_type: "search", pattern: "c*d" })).to.deep.equal([4]);
    expect(counts({ hist_access_type: "search", pattern: "*", n: 1 })).to.deep.equal([4]);
  });
});

describe("the text ring", () => {
  const nobody = () => {};

  it("joins text of one stream of one cell, and separates what differs", () => {
    const memory = new SharedMemory();
    memory.write(1, "stdout", "a", nobody);
    memory.write(1, "stdout", "𝔸\n", nobody);
    memory.write(1, "stderr", "b", nobody);
    memory.write(2, "stderr", "c", nobody);
    expect(Array.from({ length: 4 }, () => memory.take(1000))).to.deep.equal([
      { cell: 1, name: "stdout", text: "a𝔸\n" },
      { cell: 1, name: "stderr", text: "b" },
      { cell: 2, name: "stderr", text: "c" },
      undefined,
    ]);
  });

  it("lets no text overtake a message: a barrier is passed only with its own position", () => {
    const memory = new SharedMemory();
    memory.write(1, "stdout", "before", nobody);
    const at = memory.barrier();
    memory.write(1, "stdout", "after", nobody);
    expect(memory.take(1000)?.text).to.equal("before");
    expect(memory.take(1000)).to.equal(undefined);
    expect(memory.take(1000, at)).to.equal(undefined);
    expect(memory.take(1000)?.text).to.equal("after");
    expect(memory.hasText).to.equal(false);
  });

  it("asks for one drain until it is accepted", () => {
    const memory = new SharedMemory();
    let asked = 0;
    const write = () => memory.write(1, "stdout", "a", () => asked++);
    write();
    write();
    expect(asked).to.equal(1);
    memory.acceptDrain();
    write();
    expect(asked).to.equal(2);
  });

  it("asks for a drain before it waits: a text may be larger than the ring", () => {
    const memory = new SharedMemory();
    let drained = "";
    memory.write(1, "stdout", "a𝔸".repeat(400_000), () => {
      for (let taken = memory.take(65_536); taken !== undefined; taken = memory.take(65_536))
        drained += taken.text;
      memory.acceptDrain();
    });
    expect(drained === "a𝔸".repeat(400_000)).to.equal(true);
  });

  it("carries many times its size around, in order and whole", () => {
    const memory = new SharedMemory();
    let [sent, got] = ["", ""];
    for (let i = 0; i < 300; i++) {
      const text = `${i}𝔸é`.repeat(1 + ((i * 37) % 2000));
      memory.write(1, "stdout", text, nobody);
      sent += text;
      for (let taken = memory.take(65_536); taken !== undefined; taken = memory.take(65_536))
        got += taken.text;
    }
    expect(sent.length).to.be.above(2 ** 20);
    expect(got === sent).to.equal(true);
  });

  it("replaces lone surrogates, which no client could read", () => {
    const memory = new SharedMemory();
    memory.write(1, "stdout", "a\uD800b", nobody);
    expect(memory.take(1000)?.text).to.equal("a\uFFFDb");
  });

  it("gives up instead of blocking once the worker is gone", () => {
    const memory = new SharedMemory();
    memory.announceGone();
    memory.write(1, "stdout", "x".repeat(3 << 20), nobody);
    expect(memory.charge(200 << 20)).to.be.above(0);
    expect(memory.charge(200 << 20)).to.be.above(0);
  });
});

describe("an outbox", () => {
  it("sends one message at a time, in order, and again where the queue was full", async () => {
    const sent: string[] = [];
    let [under, tries] = [0, 0];
    const outbox = new Outbox({
      async send([frame]) {
        expect(++under).to.equal(1);
        await Promise.resolve();
        under--;
        if (++tries === 2) throw Object.assign(new Error(), { code: "EAGAIN" });
        sent.push(String(frame));
      },
    });
    await Promise.all(["a", "b", "c"].map((text) => outbox.send([Buffer.from(text)])));
    expect(sent).to.deep.equal(["a", "b", "c"]);
  });

  it("goes on after a message that cannot be sent", async () => {
    const sent: string[] = [];
    const outbox = new Outbox({
      async send([frame]) {
        if (String(frame) === "bad") throw new Error("closed");
        sent.push(String(frame));
      },
    });
    void outbox.send([Buffer.from("bad")]);
    await outbox.send([Buffer.from("good")]);
    expect(sent).to.deep.equal(["good"]);
  });
});

describe("type errors of a cell", () => {
  it("name TypeScript's code, the message and the place, and mark it in the cell's own lines", () => {
    const code = "const a = 1;\n\tconst b: string = a;\nb;\nb;";
    const start = code.indexOf("b: string");
    const error = typeErrors(
      [{ code: 2322, message: "Type 'number' is not …", start, end: start + 9, line: 2, column: 8 }],
      { code, count: 7 },
    );
    expect(error).to.include({ ename: "TS2322", evalue: "Type 'number' is not …" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    const plain = error.traceback.map((line) => line.replace(/\u001B\[[\d;]+m/g, ""));
    expect(plain).to.deep.equal([
      "TS2322: Type 'number' is not …",
      "cell [7]:2:8",
      "  1 | const a = 1;",
      "> 2 | \tconst b: string = a;",
      "    | \t      ^^^^^^^^^",
      "  3 | b;",
    ]);
  });
});

describe("the kernelspec", () => {
  it("starts this kernel under its name, interrupted by message", () => {
    const spec = kernelSpec({ node: "/opt/node" });
    expect(spec).to.include({
      display_name: "TypeScript (workbook)",
      language: "typescript",
      interrupt_mode: "message",
    });
    const argv = spec.argv as string[];
    expect([argv[0], argv.at(-1)]).to.deep.equal(["/opt/node", "{connection_file}"]);
  });
});
