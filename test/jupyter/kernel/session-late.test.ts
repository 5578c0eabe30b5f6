import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Driver, withoutMocha } from "./session-driver.js";

/**
 * What a cell starts and what prints "late" once `go` is called, in the next cell; `done` resolves after that. The next
 * cell's own output stands beside it.
 */
const causes: Readonly<Record<string, string>> = {
  "a listener of an event": 'const e = new EventEmitter(); e.on("x", say); const go = () => e.emit("x");',
  "a listener of one event": 'const e = new EventEmitter(); e.once("x", say); const go = () => e.emit("x");',
  "a listener of an EventTarget":
    'const t = new EventTarget(); t.addEventListener("x", say); const go = () => t.dispatchEvent(new Event("x"));',
  "an abort signal":
    'const a = new AbortController(); a.signal.onabort = null; a.signal.addEventListener("abort", say); const go = () => a.abort();',
  "what follows a promise": "let go!: () => void; void new Promise<void>((r) => { go = r; }).then(say);",
  "what follows a failed promise":
    "let go!: () => void; void new Promise<void>((_, r) => { go = () => r(new Error()); }).catch(say);",
  "a callback of fs": "const go = () => {}; fs.stat('/', say);",
  "a callback of fs by name": "const go = () => {}; stat('/', say);",
  "a child process": 'const go = () => {}; spawn(process.execPath, ["-e", ""]).on("exit", say);',
  "a child process's output":
    'const go = () => {}; spawn(process.execPath, ["-p", "1"]).stdout.on("data", say);',
  "a callback of execFile": 'const go = () => {}; execFile(process.execPath, ["-e", ""], say);',
  "a socket": `const go = () => {};
    const server = createServer((socket) => { socket.destroy(); server.close(say); }).listen(0, () => {
      connect((server.address() as AddressInfo).port).on("error", () => {});
    });`,
  "a stream": 'const s = new PassThrough(); s.on("data", say); const go = () => s.write("x");',
  "a tick": "const go = () => {}; process.nextTick(say);",
};

const imports = `import { EventEmitter } from "node:events"; import fs, { stat } from "node:fs";
import { execFile, spawn } from "node:child_process"; import { type AddressInfo, connect, createServer } from "node:net";
import { PassThrough } from "node:stream";`;

describe("late output of a cell comes under it:", () => {
  let driver: Driver;
  before(async () => {
    driver = new Driver();
    await driver.run(imports);
  });
  after(() => driver.session.close());

  for (const [cause, code] of Object.entries(causes)) {
    it(cause, async () => {
      await driver.run(`let finish!: () => void; const done = new Promise<void>((r) => { finish = r; });
const say = () => { console.log("late"); setImmediate(finish); };
${code}`);
      const from = driver.outputs.length;
      const { error } = await driver.run('console.log("now"); go(); await done;');
      expect(error).to.equal(undefined);
      const shown = driver.outputs.slice(from).map(({ output, cell }) => ({ cell, output }));
      const current = shown.find(({ output }) => output.kind === "stream" && output.text === "now\n")!.cell;
      const late = shown.filter(({ output }) => output.kind === "stream" && output.text === "late\n");
      // What needs no `go` may have spoken before.
      for (const { cell } of late) expect(cell).to.equal(current - 1);
      expect(
        driver.outputs.filter(
          ({ output, cell }) => cell === current - 1 && output.kind === "stream" && output.text === "late\n",
        ),
      ).to.have.length(1);
    });
  }

  it("also errors of listeners, and of what follows a promise", async () => {
    const from = driver.late.length;
    await withoutMocha(async () => {
      await driver.run(
        'const wire = new EventEmitter(); wire.on("x", () => { throw new RangeError("in a listener"); });',
      );
      await driver.run(
        "void Promise.resolve().then(() => new Promise((r) => setTimeout(r, 5))).then(() => { throw 'a text'; });",
      );
      await driver.run('setTimeout(() => wire.emit("x"), 1); await new Promise((r) => setTimeout(r, 30));');
    });
    const current = driver.late.slice(from).map(({ error, cell }) => [error.evalue, cell]);
    const last = Math.max(...current.map(([, cell]) => cell as number));
    expect(current.sort()).to.deep.equal([
      ["'a text'", last],
      ["in a listener", last - 1],
    ]);
  });
});

describe("a listener of a cell", () => {
  let driver: Driver;
  before(async () => {
    driver = new Driver();
    await driver.run(imports);
  });
  after(() => driver.session.close());

  it("is removed, counted and listed as in any program", async () => {
    const { result, error } =
      await driver.run(`const e = new EventEmitter(); let calls = 0; const f = () => { calls++; };
e.on("x", f); e.once("x", f); e.prependOnceListener("x", f);
const listed = e.listeners("x").every((each) => each === f), before = e.listenerCount("x");
e.emit("x"); e.off("x", f); e.emit("x");
e.once("y", f); e.off("y", f); e.emit("y");
const t = new EventTarget(); t.addEventListener("x", f); t.addEventListener("x", f); t.dispatchEvent(new Event("x"));
t.removeEventListener("x", f); t.dispatchEvent(new Event("x"));
[listed, before, calls, e.listenerCount("x"), e.listenerCount("y")]`);
    expect(error).to.equal(undefined);
    expect(result).to.equal("[ true, 3, 4, 0, 0 ]");
  });

  it("leaves promisified functions what they are", async () => {
    const { result } = await driver.run(`import { promisify } from "node:util";
const { stdout } = await promisify(execFile)(process.execPath, ["-p", "1 + 1"]); [stdout.trim(), (await promisify(stat)("/")).isDirectory()]`);
    expect(result).to.equal("[ '2', true ]");
  });
});

describe("a cell's console", () => {
  let driver: Driver;
  before(() => {
    driver = new Driver();
  });
  after(() => driver.session.close());

  it("formats, indents groups, counts and tells errors from output", async () => {
    const { stdout, stderr } = await driver.run(
      `console.group("g"); console.info("%s is %d", "x", 1, { a: 1 }); console.groupEnd(); console.count(); console.table([{ a: 1 }]); console.dir([1]);
console.error("e"); console.warn("w"); console.assert(false, "no");`,
    );
    expect(stdout).to.match(/^g\n {2}x is 1 \{ a: 1 \}\ndefault: 1\n┌[\s\S]*┘\n\[ 1 \]\n$/);
    expect(stderr).to.equal("e\nw\nAssertion failed: no\n");
  });

  it("writes through process.stdout, which a cell may replace", async () => {
    const { result } = await driver.run(`const { write } = process.stdout; const seen: unknown[] = [];
process.stdout.write = ((text: unknown) => seen.push(text) > 0) as typeof write; console.log("caught"); process.stdout.write = write; seen`);
    expect(result).to.equal("[ 'caught\\n' ]");
  });
});
