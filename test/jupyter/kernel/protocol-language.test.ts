import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import type { Json } from "../../../lib/jupyter/wire.js";
import { TestClient } from "./protocol-client.js";

const script = fileURLToPath(new URL("../../../lib/jupyter/kernel/kernel.js", import.meta.url));

type Sequence = readonly [cells: readonly string[], shown: string];

/** What the language allows at the top level of a module; each through the type checker and the evaluation. */
const awaits: Readonly<Record<string, Sequence>> = {
  "before a parenthesis": [["await (Promise.resolve(1))"], "1"],
  "before an array": [["await [Promise.resolve(1)].length"], "1"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the cell holds a template
  "before and inside a template": [["await `a${await Promise.resolve('b')}`"], "'ab'"],
  "in for await": [["let sum = 0; for await (const x of [Promise.resolve(1), 2]) sum += x; sum"], "3"],
  "in a destructuring default": [
    [
      "const { a = await Promise.resolve(4), b: [c = await Promise.resolve(5)] = [] } = {} as { a?: number; b?: number[] }; [a, c]",
    ],
    "[ 4, 5 ]",
  ],
  "in a class's computed key and heritage": [
    [
      "// @ts-nocheck\nclass Base { n = 1 } class K extends (await Promise.resolve(Base)) { [await Promise.resolve('key')] = 2 } new K()",
    ],
    "K { n: 1, key: 2 }",
  ],
  "in arguments, conditions, switches, spreads and keys": [
    [
      "const p = Promise.resolve(2); const found = (await p) > 1 ? Math.max(await p, ...(await Promise.resolve([3]))) : 0; switch (await p) { case await p: ({ [await p]: found }) }\n({ [await p]: found })",
    ],
    "{ '2': 3 }",
  ],
  "of import()": [["(await import('node:path')).sep"], "'/'"],
  "of a thenable": [["await ({ then(done: (x: number) => void) { done(6); } })"], "6"],
  "in a tagged template and after an operator": [
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the cell holds a template
      "const tag = (s: TemplateStringsArray, x: number) => s.length + x; -(await tag`${await Promise.resolve(1)}`)",
    ],
    "-3",
  ],
  "in try, catch and finally": [
    [
      "let log = ''; try { await Promise.reject(new Error('e')); } catch { log += await 'c'; } finally { log += await 'f'; } log",
    ],
    "'cf'",
  ],
};

const again: Readonly<Record<string, Sequence>> = {
  "a const, with another type": [["const v = 1;", "const v = 'two';", "v.toUpperCase()"], "'TWO'"],
  "a let, with another type": [["let v = 1;", "let v = ['x'];", "v.join()"], "'x'"],
  "a class": [["class C { a = 1 }", "class C { b = 2 }", "new C().b"], "2"],
  "an enum": [["enum E { A }", "enum E { B = 7 }", "E.B"], "7"],
  "an interface, which does not merge": [
    ["interface I { a: number }", "interface I { b: number }", "const i: I = { b: 3 }; i"],
    "{ b: 3 }",
  ],
  "a type": [["type T = number;", "type T = string;", "const t: T = 'x'; t"], "'x'"],
  "a namespace": [
    ["namespace N { export const a = 1; }", "namespace N { export const b = 2; }", "[N.b, 'a' in N]"],
    "[ 2, false ]",
  ],
  "a function": [
    ["function f(x: number) { return x; }", "function f(x: string) { return x + '!'; }", "f('a')"],
    "'a!'",
  ],
  "a class as a function": [["class Z {}", "function Z() { return 9; }", "Z()"], "9"],
  "an import": [["import { sep } from 'node:path';", "const sep = 4;", "sep + 1"], "5"],
};

const forms: Readonly<Record<string, Sequence>> = {
  using: [
    [
      "const log: string[] = []; { using r = { [Symbol.dispose]() { log.push('gone'); } }; log.push('here'); } log",
    ],
    "[ 'here', 'gone' ]",
  ],
  "await using": [
    [
      "const log: string[] = []; { await using r = { async [Symbol.asyncDispose]() { await 0; log.push('gone'); } }; log.push('here'); } log",
    ],
    "[ 'here', 'gone' ]",
  ],
  "decorators of classes, methods, fields and accessors": [
    [
      `const seen: string[] = []; function note(_: unknown, context: DecoratorContext): any { seen.push(context.kind); }
@note class D { @note field = 1; @note method() {} @note accessor other = 2; } seen.sort()`,
    ],
    "[ 'accessor', 'class', 'field', 'method' ]",
  ],
  "JSON with and without an attribute": [
    ["import a from './data.json' with { type: 'json' }; import b from './data.json'; [a.x, b.x]"],
    "[ 1, 1 ]",
  ],
  "a package with exports only": [["import { deep } from 'exporting/deep'; deep"], "'deep'"],
  "tsconfig's paths": [["import { one } from '@src/one'; one"], "1"],
  "import.meta": [
    [
      "[import.meta.url.startsWith('file:'), import.meta.dirname === __dirname, import.meta.filename === __filename, import.meta.resolve('./data.json').endsWith('/data.json')]",
    ],
    "[ true, true, true, true ]",
  ],
  require: [["require('node:path').sep + require('./data.json').x"], "'/1'"],
  "a cell that is not checked": [["// @ts-nocheck\nconst wrong: number = 'text'; wrong"], "'text'"],
  "a comment in front of @ts-nocheck": [
    ["/* why */\n// @ts-nocheck\nconst wrong2: number = 'text'; wrong2"],
    "'text'",
  ],
  "generators, labels, private members and satisfies": [
    [
      "function* g() { yield 1; } class P { #x = 2; get x() { return this.#x; } } out: for (;;) break out; [...g(), new P().x] satisfies number[]",
    ],
    "[ 1, 2 ]",
  ],
  "overloads, abstract classes and type predicates": [
    [
      "function o(x: string): 1; function o(x: number): 2; function o(x: unknown) { return typeof x === 'string' ? 1 : 2; } abstract class A { abstract a(): number } class B extends A { a() { return o('x'); } }",
      "new B().a()",
    ],
    "1",
  ],
};

describe("the language of cells:", () => {
  let client: TestClient;
  let folder: string;
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const shown = async (cells: readonly string[]) => {
    let result: unknown;
    for (const code of cells) {
      const { reply, outputs } = await client.execute(code);
      if (reply.status !== "ok") return `${reply.ename}: ${reply.evalue}`;
      result = (outputs.find(([type]) => type === "execute_result")?.[1].data as Json | undefined)?.[
        "text/plain"
      ];
    }
    return result;
  };

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "language-"));
    const options = {
      strict: true,
      target: "es2023",
      lib: ["es2023", "esnext.disposable", "esnext.decorators"],
    };
    write(
      "tsconfig.json",
      JSON.stringify({ compilerOptions: { ...options, paths: { "@src/*": ["./src/*.ts"] } } }),
    );
    write("package.json", '{ "type": "module" }');
    write("data.json", '{ "x": 1 }');
    write("src/one.ts", "export const one = 1;");
    write(
      "node_modules/exporting/package.json",
      '{ "type": "module", "exports": { "./deep": "./hidden/deep.js" } }',
    );
    write("node_modules/exporting/hidden/deep.js", "export const deep = 'deep';");
    write("node_modules/exporting/hidden/deep.d.ts", "export declare const deep: string;");
    client = await TestClient.start({ script, cwd: folder });
  });
  after(async () => {
    await client.close();
    rmSync(folder, { recursive: true });
  });

  for (const [name, [cells, expected]] of Object.entries(awaits)) {
    it(`await ${name}`, async () => expect(await shown(cells)).to.equal(expected));
  }
  for (const [name, [cells, expected]] of Object.entries(again)) {
    it(`a later cell may declare again ${name}`, async () => expect(await shown(cells)).to.equal(expected));
  }
  for (const [name, [cells, expected]] of Object.entries(forms)) {
    it(name, async () => expect(await shown(cells)).to.equal(expected));
  }

  it("a local file is loaded and checked again when it, or one that it imports, changes", async () => {
    write("src/low.ts", "export const low = 1;");
    write("src/high.ts", "export { low } from './low.js'; export const high = 'a';");
    const cell = "import { low, high } from './src/high.ts'; [low, high]";
    expect(await shown([cell])).to.equal("[ 1, 'a' ]");
    write("src/low.ts", "export const low: string = 'changed';");
    expect(await shown([cell, "low.toUpperCase()"])).to.equal("'CHANGED'");
    write("src/high.ts", "export { low } from './low.js'; export const high: number = 22;");
    expect(await shown([cell, "high.toFixed(1)"])).to.equal("'22.0'");
  });
});
