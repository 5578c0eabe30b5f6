import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import { root } from "../../../lib/root.js";
import { Driver, plain } from "./session-driver.js";

describe("modules in cells", () => {
  let folder: string;
  let driver: Driver;
  let clock = Date.now() / 1000 - 10_000;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "workbook-session-test-"));
    driver = new Driver(folder, folder);
  });
  afterEach(() => {
    driver.session.close();
    rmSync(folder, { recursive: true });
  });

  /** Writes a file, each time with a later date. */
  function write(name: string, text: string): void {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    clock += 2;
    utimesSync(file, clock, clock);
  }

  it("finds TypeScript files with .ts, with .js and with no extension", async () => {
    write("a.ts", "export const a: number = 1;");
    const cell =
      "import { a } from './a.ts'; import * as b from './a.js'; import * as c from './a'; [a, b === c, c.a]";
    expect(await driver.last([cell])).to.equal("[ 1, true, 1 ]");
  });

  it("loads a file again when it changed", async () => {
    write("a.ts", "export const a = 1;");
    expect(await driver.last(["import { a } from './a'; const f = () => a; a"])).to.equal("1");
    write("a.ts", "export const a = 2;");
    expect(await driver.last(["a"])).to.equal("1");
    expect(await driver.last(["import { a } from './a'", "[a, f()]"])).to.equal("[ 2, 2 ]");
  });

  it("loads a file again when one that it imports changed, and keeps the others", async () => {
    write("deep.ts", "export const deep = 1;");
    write("other.ts", "export const token = {};");
    write(
      "a.ts",
      "import { deep } from './deep.js'; export * from './other.js'; export const a = () => deep;",
    );
    expect(await driver.last(["import { a, token } from './a'; const before = token; a()"])).to.equal("1");
    write("deep.ts", "export const deep = 5;");
    expect(await driver.last(["import { a, token } from './a'", "[a(), token === before]"])).to.equal(
      "[ 5, true ]",
    );
  });

  it("loads files that import each other", async () => {
    write("a.ts", "import { b } from './b.js'; export const a = () => b() + 1; export const base = () => 1;");
    write("b.ts", "import { base } from './a.js'; export const b = () => base() + 1;");
    expect(await driver.last(["import { a } from './a'; a()"])).to.equal("3");
  });

  it("gives files their own import.meta, dynamic imports and top-level await", async () => {
    write("sub/b.ts", "export default 7;");
    write(
      "sub/a.ts",
      "export const url: string = import.meta.url; export const b = (await import('./b')).default;",
    );
    expect(await driver.last(["import { url, b } from './sub/a'; [url.endsWith('/sub/a.ts'), b]"])).to.equal(
      "[ true, 7 ]",
    );
  });

  it("reads JSON, with and without attributes, and again when it changed", async () => {
    write("d.json", '{ "x": [1] }');
    write("a.ts", "import d from './d.json' with { type: 'json' }; export const x = d.x;");
    expect(await driver.last(["import d from './d.json'; import { x } from './a'; [d.x, x]"])).to.equal(
      "[ [ 1 ], [ 1 ] ]",
    );
    write("d.json", '{ "x": [2] }');
    expect(await driver.last(["import d from './d.json' with { type: 'json' }; d.x"])).to.equal("[ 2 ]");
  });

  it("loads packages that have only exports, and only modules", async () => {
    const at = "node_modules/only-exports";
    write(
      `${at}/package.json`,
      '{ "name": "only-exports", "exports": { ".": { "import": "./m.mjs" }, "./f/*": "./g/*.js" }, "type": "module" }',
    );
    write(`${at}/m.mjs`, "export const here = import.meta.url.endsWith('m.mjs');");
    write(`${at}/g/one.js`, "export const one = 1;");
    write("a.ts", "export { one } from 'only-exports/f/one';");
    const cell = "import { here } from 'only-exports'; import { one } from './a'; [here, one]";
    expect(await driver.last([cell])).to.equal("[ true, 1 ]");
    expect(await driver.last(["import 'only-exports/secret'"])).to.match(/does not export/);
  });

  it("loads CommonJS packages by name and as default", async () => {
    write("node_modules/old/package.json", '{ "name": "old", "main": "lib/main" }');
    write("node_modules/old/lib/main.js", "module.exports = Object.assign({}, { hidden: 3 });");
    const cell = "import old, { hidden } from 'old'; [old.hidden, hidden, require('old').hidden]";
    expect(await driver.last([cell])).to.equal("[ 3, 3, 3 ]");
  });

  it("requires TypeScript files, JSON and packages, and `import … = require()` declares like any import", async () => {
    write("a.ts", "import { b } from './b.js'; export const a: number = b + 1;");
    write("b.ts", "export const b = 1;");
    write("d.json", '{ "x": [1] }');
    write("node_modules/old/package.json", '{ "name": "old", "main": "main" }');
    write("node_modules/old/main.js", "module.exports = (n) => n * 2;");
    const cell =
      "import data = require('./d.json'); import a = require('./a'); import type fs = require('node:fs');\n" +
      "import double = require('old'); [require('./b.ts').b, a.a]";
    const first = await driver.run(cell);
    expect([first.error, first.result, first.stderr]).to.deep.equal([undefined, "[ 1, 2 ]", ""]);
    expect(await driver.last(["[data.x, a.a, double(4)]"])).to.equal("[ [ 1 ], 2, 8 ]");
    write("b.ts", "export const b = 5;");
    expect(await driver.last(["import a = require('./a'); a.a"])).to.equal("6");
    expect(await driver.last(["require('./none')"])).to.match(/Cannot find module '.\/none'/);
  });

  it("follows tsconfig's paths", async () => {
    write("tsconfig.json", '{ /* why */ "compilerOptions": { "paths": { "@/*": ["./src/*"], }, } }');
    write("src/p.ts", "export const p = 'p';");
    expect(await driver.last(["import { p } from '@/p'; p"])).to.equal("'p'");
  });

  it("uses the library's compiled copy until its source, or one that it imports, is edited", async () => {
    write("tsconfig.json", '{ "compilerOptions": { "paths": { "workbook/*": ["./lib/*.ts"] } } }');
    write("package.json", '{ "type": "module" }');
    write("lib/low.ts", "export const low = 'source';");
    write("lib/high.ts", "export { low } from './low.js';");
    write("lib/dist/lib/low.js", "export const low = 'compiled';");
    write("lib/dist/lib/high.js", "export { low } from './low.js';");
    expect(await driver.last(["import { low } from 'workbook/high'; low"])).to.equal("'compiled'");
    write("lib/low.ts", "export const low = 'edited';");
    expect(await driver.last(["import { low } from 'workbook/high'", "low"])).to.equal("'edited'");
  });

  it("points into the lines of a file that throws, and of one that does not parse", async () => {
    write("a.ts", "interface A { x: 1 }\n\nexport function fail(): never {\n  throw new Error('here');\n}");
    const text = plain((await driver.run("import { fail } from './a';\n\nfail()")).error);
    expect(text).to.include("a.ts:4:9\n").and.include(">").and.include("cell [1]:3:1");
    write("b.ts", "export const b = 1;\nexport const c = ;");
    const broken = plain((await driver.run("import './b'")).error);
    expect(broken)
      .to.match(/b\.ts:2:18/)
      .and.include("> 2 | export const c = ;");
  });

  it("says which name a file lacks, and where the file is", async () => {
    write("b.ts", "export const b = 1;");
    write("a.ts", "import { c } from './b.js'; export const a = c;");
    const { error } = await driver.run("import './a'");
    expect(error?.evalue)
      .to.include("does not provide an export named 'c'")
      .and.include(path.join(folder, "b.ts"));
  });

  it("gives tslab's display functions", async () => {
    const { shown } = await driver.run(
      "import * as tslab from 'tslab'; tslab.display.html('<b>'); tslab.display.png(new Uint8Array([1, 2]));" +
        "const d = tslab.newDisplay(); d.text('a'); d.text('b')",
    );
    expect(shown.map((output) => [output.kind, "data" in output && output.data])).to.deep.equal([
      ["display", { "text/html": "<b>" }],
      ["display", { "image/png": "AQI=" }],
      ["display", { "text/plain": "a" }],
      ["update", { "text/plain": "b" }],
    ]);
  });
});

describe("the workbook's library in cells", () => {
  it("is the same module under each of its names", async () => {
    const driver = new Driver(path.join(root, "notebooks"), root);
    const cell =
      "import { dims } from 'workbook/shapes'; import * as again from '../lib/shapes'; import { display } from 'workbook/display';" +
      "display({ 'text/plain': 'shown' }); dims === again.dims";
    const { result, shown, error } = await driver.run(cell);
    driver.session.close();
    expect(error).to.equal(undefined);
    expect(result).to.equal("true");
    expect(shown[0]).to.include({ kind: "display" });
  });
});
