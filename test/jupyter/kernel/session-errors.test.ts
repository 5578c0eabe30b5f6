import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Driver, plain } from "./session-driver.js";

/** A cell that fails, and the first place that its traceback names. */
const places: Readonly<Record<string, readonly [code: string, place: string]>> = {
  "a throw in the first column": ["throw new Error('x')", "1:7"],
  "a throw after types and blank lines": [
    "interface A { x: number }\n\n// three\nconst a: A = { x: 1 };\nif (a.x === 1) {\n  throw new TypeError('x');\n}",
    "6:9",
  ],
  "a call inside a function": [
    "function f(x: number): number {\n  return g(x);\n}\nfunction g(y: number): never { throw new Error('y') }\nf(1)",
    "4:38",
  ],
  "a property of undefined": ["const o: any = {};\nconst p = 1;\no.q.r", "3:5"],
  "an earlier cell's name": ["const first = 1;\nundefinedName + first", "2:1"],
  "an error without frames, at its await": [
    "import { readFile } from 'node:fs/promises';\nconst a = 1;\n  await readFile('/nowhere/at/all');",
    "3:3",
  ],
  "a string that was thrown, at its await": [
    "const f = async () => { throw 'text' };\nconst b = await f();",
    "2:11",
  ],
  "an import that is not there": ["const a = 1;\nimport { b } from './not-there.ts';", "2:1"],
  "a syntax error": ["const a = 1;\nconst b = = 2;", "2:11"],
  "a constant": ["const k = 1;\n  k = 2", "2:3"],
};

describe("errors of cells", () => {
  const driver = new Driver();
  after(() => driver.session.close());

  for (const [sentence, [code, place]] of Object.entries(places)) {
    it(`point at ${sentence}`, async () => {
      const { error } = await driver.run(code);
      const text = plain(error);
      expect(/cell \[\d+\]:(\d+:\d+)/.exec(text)?.[1], text).to.equal(place);
    });
  }

  it("name the cell that awaited, when the function of another cell failed late", async () => {
    await driver.run(
      "const tick = () => new Promise((r) => setTimeout(r, 1));\nasync function deep() {\n  await tick();\n  throw new Error('late');\n}",
    );
    const text = plain((await driver.run("const p = deep();\nawait tick();\nawait p")).error);
    const cells = [...text.matchAll(/^ +at .*cell \[(\d+)\]:(\d+):/gm)].map(([, cell, line]) => [
      Number(cell),
      line,
    ]);
    expect(cells.map(([, line]) => line)).to.deep.equal(["4", "3"]);
    expect(cells[1]![0]).to.equal((cells[0]![0] as number) + 1);
  });

  it("show the line with a caret under the column", async () => {
    const text = plain((await driver.run("const a = 1;\n\tthrow new Error('boom')")).error);
    expect(text.replace(/cell \[\d+\]/, "cell [n]").split("\n")).to.deep.equal([
      "Error: boom",
      "cell [n]:2:8",
      "  1 | const a = 1;",
      "> 2 | \tthrow new Error('boom')",
      "    | \t      ^",
    ]);
  });

  it("name each cell that a stack goes through, and fold Node's frames", async () => {
    await driver.run("function thrower(): never {\n  throw new RangeError('deep')\n}");
    const text = plain((await driver.run("[1].map(() =>\n  thrower())")).error);
    expect(text).to.match(/at thrower \(cell \[\d+\]:2:9\)/);
    expect(text).to.match(/at cell \[\d+\]:2:3/);
    expect(text).to.match(/… \d+ internal frames?/);
    expect(text).not.to.match(/node:internal|evaluate\.[jt]s|node_modules/);
  });

  it("picture the line that called the library, and point into the library through its source maps", async () => {
    await driver.run("import { ensure } from 'workbook/shapes'");
    const text = plain((await driver.run("ensure(false, 'not so')")).error);
    expect(text).to.match(/^RangeError: not so\ncell \[\d+\]:1:1\n> 1 \| ensure\(false/);
    expect(text).to.match(/at ensure \(lib\/shapes\.ts:\d+:\d+\)\n {4}at cell \[\d+\]:1:1/);
  });

  it("show causes and the errors of an AggregateError", async () => {
    const cause = plain(
      (await driver.run("throw new Error('outer', { cause: new TypeError('inner') })")).error,
    );
    expect(cause).to.include("caused by TypeError: inner");
    const all = plain((await driver.run("await Promise.any([Promise.reject(new Error('one'))])")).error);
    expect(all).to.include("contains Error: one");
  });

  it("say what was thrown when it was no error", async () => {
    const { error } = await driver.run("throw { code: 3 }");
    expect([error?.ename, error?.evalue]).to.deep.equal(["Thrown", "{ code: 3 }"]);
  });

  it("show a stack that a cell prints with the cell's own lines", async () => {
    const { stdout } = await driver.run(
      "interface X { a: 1 }\n\nconst e = new Error('seen');\nconsole.log(e.stack)",
    );
    expect(stdout).to.match(/cell \[\d+\]:3:11/);
  });
});

describe("an interrupt", () => {
  const driver = new Driver();
  before(() => driver.run("let steps = 0; let cleaned = false; const never = new Promise(() => {})"));
  after(() => driver.session.close());

  it("rejects a pending await, runs finally, and keeps the values", async () => {
    const cell = driver.run("steps = 1; try { await never } finally { cleaned = true }; steps = 2");
    setTimeout(() => driver.session.interrupted(), 5);
    expect((await cell).error?.ename).to.equal("Interrupted");
    expect((await driver.run("[steps, cleaned]")).result).to.equal("[ 1, true ]");
  });

  it("ends a loop of awaits inside a function", async () => {
    const cell = driver.run(
      "const loop = async () => { for (;;) { steps++; await new Promise((r) => setTimeout(r, 1)) } }; await loop()",
    );
    setTimeout(() => driver.session.interrupted(), 10);
    expect((await cell).error?.ename).to.equal("Interrupted");
    const before = (await driver.run("steps")).result;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await driver.run("steps")).result).to.equal(before);
  });

  it("ends for await over what never comes", async () => {
    const cell = driver.run(
      "for await (const x of { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }) {}",
    );
    setTimeout(() => driver.session.interrupted(), 5);
    expect((await cell).error?.ename).to.equal("Interrupted");
  });

  it("cannot be swallowed by a catch", async () => {
    const cell = driver.run("try { await never } catch {} steps = 100; 5");
    setTimeout(() => driver.session.interrupted(), 5);
    const { error, result } = await cell;
    expect([error?.ename, result]).to.deep.equal(["Interrupted", undefined]);
  });

  it("ends a cell whose promise will never settle", async () => {
    // What is left of a cell after V8 terminated it: `finally` waits for ever where no interrupt reaches.
    const cell = driver.run(
      "const stuck = new Function('p', 'return (async () => { await p })()'); for (const x of [1]) await { then() { setTimeout(() => {}, 1) } }; await stuck(never)",
    );
    setTimeout(() => driver.session.interrupted(), 5);
    expect((await cell).error?.ename).to.equal("Interrupted");
  });

  it("leaves the next cell alone", async () => {
    driver.session.interrupted();
    expect((await driver.run("await Promise.resolve(4)")).result).to.equal("4");
  });

  it("by termination stops loops before and after an await and in a timer, and the session goes on", async () => {
    const main = fileURLToPath(new URL("./session-terminate-main.js", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ["--no-force-async-hooks-checks", main], {
      timeout: 15_000,
    });
    expect(JSON.parse(stdout)).to.deep.equal({
      names: Array.from({ length: 5 }, () => "Interrupted"),
      stdout: "alive\n",
      result: "5",
    });
  });
});
