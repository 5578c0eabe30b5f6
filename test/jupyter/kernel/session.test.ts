import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Driver, plain, withoutMocha } from "./session-driver.js";

/** Cells one after the other, and what the last one shows. */
const sequences: Readonly<Record<string, readonly [cells: readonly string[], shown: string | undefined]>> = {
  "the last expression is the result": [["1 + 2"], "3"],
  "a semicolon does not hide the result": [["1 + 2;"], "3"],
  "a string alone is a result, not a directive": [['"use me"'], "'use me'"],
  "a declaration shows nothing": [["const a = 1"], undefined],
  "undefined shows nothing": [["undefined"], undefined],
  "null is a value": [["null"], "null"],
  "an empty cell shows nothing": [["// nothing"], undefined],
  "a later cell sees const, let, var, function and class": [
    [
      "const a = 1; let b = 2; var c = 3; function d() { return 4 } class E { f = 5 }",
      "[a, b, c, d(), new E().f]",
    ],
    "[ 1, 2, 3, 4, 5 ]",
  ],
  "const, let and class can be declared again": [
    [
      "const a = 1; let b = 2; class C { x = 1 }",
      "const a = 10; let b = 20; class C { x = 30 }",
      "[a, b, new C().x]",
    ],
    "[ 10, 20, 30 ]",
  ],
  "a const of an earlier cell cannot be assigned to": [
    ["const a = 1", "a = 2"],
    "TypeError: Assignment to constant variable.",
  ],
  "a const that is declared again with let can be assigned to": [
    ["const a = 1", "let a = 2", "a = 3", "a"],
    "3",
  ],
  "a const of the same cell cannot be assigned to in a closure": [
    ["const a = 1; const f = () => { a++ }; f()"],
    "TypeError: Assignment to constant variable.",
  ],
  "closures of earlier cells see later assignments": [["let x = 1; const f = () => x", "x = 5", "f()"], "5"],
  "closures of earlier cells see later declarations": [
    ["let x = 1; const f = () => x", "let x = 7", "f()"],
    "7",
  ],
  "a function may call one that a later cell declares": [
    ["const f = () => g()", "function g() { return 3 }", "f()"],
    "3",
  ],
  "shorthand properties name variables of earlier cells": [
    ["const q = 1, k = 2", "({ q, k, r: q })"],
    "{ q: 1, k: 2, r: 1 }",
  ],
  "destructuring declares": [
    [
      "const { a, b: [c, ...d], ...e } = { a: 1, b: [2, 3, 4], f: 5 }; const [g = 6] = [];",
      "[a, c, d, e, g]",
    ],
    "[ 1, 2, [ 3, 4 ], { f: 5 }, 6 ]",
  ],
  "destructuring with a shorthand default declares": [["const { a = 3 } = {} as { a?: number }", "a"], "3"],
  "destructuring assigns": [
    ["let a = 1, b = 2", "[a, b] = [b, a]; ({ a } = { a: a * 10 })", "[a, b]"],
    "[ 20, 1 ]",
  ],
  "functions are hoisted": [["const x = f(); function f() { return 8 }", "x"], "8"],
  "a function is not called on a box": [
    ["function f(this: unknown) { return this === undefined }", "f()"],
    "true",
  ],
  "recursion and mutual recursion work": [
    [
      "const even = (n: number): boolean => n === 0 || odd(n - 1); const odd = (n: number): boolean => n !== 0 && even(n - 1)",
      "even(10)",
    ],
    "true",
  ],
  "functions keep their names": [["const f = () => 1; let C = class {}", "[f.name, C.name]"], "[ 'f', 'C' ]"],
  "parameters and inner declarations hide variables": [
    ["const a = 1", "const f = (a: number) => { { let a = 3; a++ } return a }; f(2) + a"],
    "3",
  ],
  "catch parameters, labels and property names are not variables": [
    [
      "const e = 1, l = 2",
      "let s = 0; l: for (;;) { try { throw 5 } catch (e) { s += e as number; break l } } [s, { e: 3 }.e]",
    ],
    "[ 5, 3 ]",
  ],
  "var in a loop is the session's": [["for (var i = 0; i < 3; i++) { var j = i * 2 }", "[i, j]"], "[ 3, 4 ]"],
  "let in a loop is not": [["for (let m = 0; m < 3; m++) {}", "typeof m"], "'undefined'"],
  "an unknown name is a ReferenceError": [["missing + 1"], "ReferenceError: missing is not defined"],
  "assigning to an unknown name is a ReferenceError": [
    ["missing = 1"],
    "ReferenceError: missing is not defined",
  ],
  "globals are seen, and can be set": [["globalThis.shared = 4", "shared"], "4"],
  enums: [["enum Color { Red, Green = 5 }", "[Color.Green, Color[0]]"], "[ 5, 'Red' ]"],
  "an enum declared again is a new one": [
    ["enum A { X, Y }", "enum A { Z }", "Object.keys(A)"],
    "[ '0', 'Z' ]",
  ],
  "interfaces and types leave nothing": [
    ["interface P { x: number } type Q = P; const p: Q = { x: 1 }", "p satisfies Q"],
    "{ x: 1 }",
  ],
  "await of a parenthesis": [["await (Promise.resolve(1))"], "1"],
  "await of an array": [["await [1]"], "[ 1 ]"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the cell holds a template
  "await of a template": [["await `x${await Promise.resolve(1)}`"], "'x1'"],
  "for await": [
    [
      "async function* n() { yield 1; yield 2 } let s = 0; for await (const x of n()) s += x; for await (const y of [Promise.resolve(3)]) s += y; s",
    ],
    "6",
  ],
  "leaving for await ends the generator": [
    [
      "let ended = false; async function* n() { try { yield 1; yield 2 } finally { ended = true } } for await (const x of n()) break; ended",
    ],
    "true",
  ],
  "using disposes at the end of the cell": [
    [
      "const log: string[] = []; using r = { [Symbol.dispose]() { log.push('gone') } }; log.push('here'); log.length",
      "log",
    ],
    "[ 'here', 'gone' ]",
  ],
  "await using disposes at the end of the cell": [
    [
      "const log: string[] = []; await using r = { async [Symbol.asyncDispose]() { await null; log.push('gone') } }; function f() { return 1 } log.push('here')",
      "[log, f()]",
    ],
    "[ [ 'here', 'gone' ], 1 ]",
  ],
  "a promise is shown, not awaited": [["Promise.resolve(3)"], "Promise { 3 }"],
  "export declares": [
    ["export const a = 1; export function f() { return 2 } export type T = 1; export { a as z }", "[a, f()]"],
    "[ 1, 2 ]",
  ],
  "export default shows its value": [["export default 3"], "3"],
  "import of built-in modules": [
    [
      "import path, { join as j } from 'node:path'; import * as os from 'os'",
      "[j('a', 'b'), path.sep, typeof os.cpus]",
    ],
    "[ 'a/b', '/', 'function' ]",
  ],
  "import again, and declare over an import": [
    ["import { join } from 'node:path'", "import { join } from 'node:path'", "const join = 3", "join"],
    "3",
  ],
  "an import cannot be assigned to": [
    ["import { join } from 'node:path'", "join = 3"],
    "TypeError: Assignment to constant variable.",
  ],
  "import type is erased": [
    ["import type { Nothing } from './nowhere.js'; import { type PathLike } from 'node:fs'; 1"],
    "1",
  ],
  "imports run before the rest": [["const s = sep; import { sep } from 'node:path'; s"], "'/'"],
  "dynamic import": [["(await import('node:path')).sep"], "'/'"],
  "a name that a module lacks is an error when it is used": [
    ["import { nothing } from 'node:path'", "nothing"],
    "SyntaxError: The requested module 'node:path' does not provide an export named 'nothing'",
  ],
  "require, __dirname and import.meta": [
    [
      "[require('node:path').sep, __dirname === import.meta.dirname, import.meta.url.startsWith('file:'), import.meta.filename === __filename]",
    ],
    "[ '/', true, true, true ]",
  ],
  "`this` is undefined": [["typeof this"], "'undefined'"],
  "values are instances of this realm's classes": [
    ["[] instanceof Array && new Error() instanceof Error && {} instanceof Object"],
    "true",
  ],
  "generics, assertions and non-null": [
    ["const id = <T,>(x: T): T => x; let y!: number; y = id<number>(3)!; (y as unknown as string)"],
    "3",
  ],
  "private members, accessors and static blocks": [
    ["class A { #x = 1; static n = 0; static { A.n = 5 } get x() { return this.#x } }", "[new A().x, A.n]"],
    "[ 1, 5 ]",
  ],
  decorators: [
    [
      "const twice = (f: () => number, _: unknown) => function (this: unknown) { return f.call(this) * 2 }; class D { @twice m() { return 4 } }",
      "new D().m()",
    ],
    "8",
  ],
  "namespaces and parameter properties": [
    ["namespace N { export const q = 1 } class P { constructor(readonly x = 3) {} }", "[N.q, new P().x]"],
    "[ 1, 3 ]",
  ],
  "a nameless function keeps no name": [["() => 1"], "[Function (anonymous)]"],
  "an error as a value shows the cell's frames only": [
    ["const e = new Error('v'); e"],
    "Error: v\n    at cell [1]:1:11",
  ],
  "typeof of a variable, declared or not": [
    ["let a = 1", "[typeof a, typeof b]"],
    "[ 'number', 'undefined' ]",
  ],
  "tagged templates, optional calls and new": [
    [
      "const tag = (s: TemplateStringsArray) => s[0]; const none: (() => 1) | undefined = undefined; class P {}",
      "[tag`t`, none?.(), new P() instanceof P]",
    ],
    "[ 't', undefined, true ]",
  ],
  "compound and logical assignment": [
    ["let a = 1, b: number | undefined", "a += 2; a **= 2; b ??= 7; a++", "[a, b]"],
    "[ 10, 7 ]",
  ],
  "a name of the environment can be declared": [
    ["const require = 1, name = 'n'", "[require, name]"],
    "[ 1, 'n' ]",
  ],
  "a name of a global can be declared without harm": [
    ["const process = 1; const Map = 2", "[process, Map, typeof globalThis.process]"],
    "[ 1, 2, 'object' ]",
  ],
  "console.log writes to the cell": [["console.log('a', 1); 2"], "a 1\n2"],
  "a syntax error is an error": [["const = 1"], "SyntaxError: Unexpected token"],
  "calling what is no function is named as written": [
    ["const f = 1 as any", "f()"],
    "TypeError: f is not a function",
  ],
};

describe("a session of cells", () => {
  for (const [sentence, [cells, shown]] of Object.entries(sequences)) {
    it(sentence, async () => {
      const driver = new Driver();
      try {
        expect(await driver.last(cells)).to.equal(shown);
      } finally {
        driver.session.close();
      }
    });
  }
});

describe("a session", () => {
  let driver: Driver;
  // After Mocha has begun to listen for uncaught errors: see `withoutMocha`.
  before(() => {
    driver = new Driver();
  });
  after(() => driver.session.close());

  it("keeps what a failed cell had declared", async () => {
    expect((await driver.run("const kept = 1; throw new Error('x'); const lost = 2")).error?.ename).to.equal(
      "Error",
    );
    expect((await driver.run("kept")).result).to.equal("1");
    expect((await driver.run("lost")).error?.evalue).to.equal("lost is not defined");
  });

  it("attributes output of timers and promises to the cell that started them", async () => {
    const first = (
      await driver.run(
        "void (async () => { await null; await null; setTimeout(() => console.log('late'), 5) })()",
      )
    ).shown;
    expect(first).to.deep.equal([]);
    const from = driver.outputs.length;
    await driver.run("console.log('now'); await new Promise((r) => setTimeout(r, 30))");
    const texts = driver.outputs
      .slice(from)
      .map(({ output, cell }) => [cell, output.kind === "stream" && output.text]);
    const cell = texts[0]![0] as number;
    expect(texts).to.deep.equal([
      [cell, "now\n"],
      [cell - 1, "late\n"],
    ]);
  });

  it("reports the error of a timer under the cell that started it", async () => {
    await withoutMocha(async () => {
      await driver.run("setTimeout(() => { throw new RangeError('from a timer') }, 1); 0");
      await driver.run("await new Promise((r) => setTimeout(r, 30)); 1");
    });
    const { error, cell } = driver.late.at(-1)!;
    expect(error.evalue).to.equal("from a timer");
    expect(plain(error)).to.match(/cell \[\d+\]:1:26/);
    expect(cell).to.equal(driver.outputs.at(-1)!.cell - 1);
  });

  it("reports an unhandled rejection, unless the cell catches it before it ends", async () => {
    const from = driver.late.length;
    const wait = "await new Promise((r) => setTimeout(r, 10));";
    await withoutMocha(async () => {
      await driver.run(`const p = Promise.reject(new Error('caught')); ${wait} try { await p } catch {}`);
      await driver.run(`void Promise.reject(new Error('not caught')); ${wait}`);
    });
    expect(driver.late.slice(from).map(({ error }) => error.evalue)).to.deep.equal(["not caught"]);
  });

  it("evaluates expressions of the session", async () => {
    await driver.run("const six = 6");
    expect(await driver.session.evaluate("six * 7")).to.deep.equal({ data: { "text/plain": "42" } });
    expect(await driver.session.evaluate("nowhere")).to.have.nested.property("error.ename", "ReferenceError");
  });

  it("takes a few milliseconds for a small cell", async () => {
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const start = performance.now();
      await driver.run(`const n${i}: number = ${i}; n${i} + 1`);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(`      small cell: p50 ${times[30]!.toFixed(2)} ms, p95 ${times[57]!.toFixed(2)} ms`);
    expect((await driver.run("n59")).result).to.equal("59");
  });
});
