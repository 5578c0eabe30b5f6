import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { LanguageServer } from "../../../lib/jupyter/kernel/types/server.js";
import { type CellTypes, createTypes } from "../../../lib/jupyter/kernel/types/types.js";
import { root } from "../../../lib/root.js";

const cwd = path.join(root, "notebooks");

describe("types of cells", () => {
  let types: CellTypes;
  let count = 0;

  before(async () => {
    types = await createTypes({ cwd, root });
  });
  after(() => types.close());

  /** Checks a cell that must be fine, and commits it. */
  const run = async (code: string) => {
    expect(await types.check(code)).to.deep.equal([]);
    types.commit(code, ++count);
  };
  const codes = async (code: string) => (await types.check(code)).map((error) => error.code);
  /** The type that TypeScript gives an expression, out of the error that assigning it to a symbol makes. */
  const typeOf = async (expression: string) => {
    const [error] = await types.check(`const probe: symbol = ${expression};`);
    return /^Type '(.*)' is not assignable to type 'symbol'/.exec(error?.message ?? "")?.[1];
  };

  describe("carry over to later cells", () => {
    it("from constants, functions and generics", async () => {
      await run("const radius = 2; function twice<T>(value: T): T[] { return [value, value]; }");
      expect(await typeOf("radius")).to.equal("number");
      expect(await typeOf('twice("a")')).to.equal("string[]");
    });

    it("from classes with private members and static factories", async () => {
      await run(
        "class Box<T> { #seal = 1; constructor(readonly held: T) {} static of<U>(u: U) { return new Box(u); } }",
      );
      expect(await typeOf("Box.of(1)")).to.equal("Box<number>");
      expect(await typeOf('new Box("s").held')).to.equal("string");
    });

    it("where they were inferred, as exactly as if they were inferred again", async () => {
      await run(`const sum = [1, 2].reduce((a, b) => a + b); const mixed = [1, "a"]; let found = ["b"].find(Boolean);
const isText = (x: unknown) => typeof x === "string"; function shape(x: number) { return { x, list: [x], "odd-name": x }; }
const pick = async () => sum; const [head] = mixed; const counts = new Map([["a", 1]]);`);
      await run("const next = sum + 1; const later = pick(); const made = shape(next);");
      for (const [expression, type] of [
        ["sum", "number"],
        ["mixed", "(string | number)[]"],
        ["found", "string | undefined"],
        ["head", "string | number"],
        ["counts", "Map<string, number>"],
        ["next", "number"],
        ["later", "Promise<number>"],
        ["made.list", "number[]"],
        ["made", '{ x: number; list: number[]; "odd-name": number; }'],
      ] as const) {
        expect(await typeOf(expression), expression).to.equal(type);
      }
      const narrowed = "const values: string[] = [1, 'a'].filter(isText);";
      expect(await codes(narrowed)).to.deep.equal([]);
    });

    it("where a cell gives the name of a global type another meaning", async () => {
      await run("class Date { mine = 1 }\nconst date = new Date();");
      expect(await typeOf("date.mine")).to.equal("number");
      await run("const again = date;");
      expect(await typeOf("again.mine")).to.equal("number");
    });

    it("from enums, interfaces, type aliases and namespaces", async () => {
      await run(
        "enum Tone { Low = 1, High }\ninterface Note { tone: Tone }\ntype Pair<T> = [T, T];\nnamespace Scale { export const steps = 7; }",
      );
      expect(
        await codes("const chord: Pair<Note> = [{ tone: Tone.Low }, { tone: Tone.High }];"),
      ).to.deep.equal([]);
      expect(await codes('const chord: Pair<Note> = [{ tone: Tone.Low }, { tone: "x" }];')).to.deep.equal([
        2322,
      ]);
      expect(await typeOf("Scale.steps")).to.equal("number");
    });

    it("from destructuring, nested, with rests and defaults", async () => {
      await run(
        "const { a1, b1: [c1, ...d1], e1 = 4, ...f1 } = { a1: 1, b1: ['x', 'y'], e1: undefined, g1: true };",
      );
      expect(await typeOf("a1")).to.equal("number");
      expect(await typeOf("c1")).to.equal("string");
      expect(await typeOf("d1")).to.equal("[string]");
      expect(await typeOf("e1")).to.equal("number");
      expect(await typeOf("f1.g1")).to.equal("boolean");
    });

    it("from awaited values", async () => {
      await run("const [first, second] = await Promise.all([Promise.resolve(1), Promise.resolve('b')]);");
      expect(await typeOf("first")).to.equal("number");
      expect(await typeOf("second")).to.equal("string");
    });

    it("from imports: namespaces, defaults, named, renamed and types", async () => {
      await run(
        'import path, { join as glue, type ParsedPath } from "node:path";\nimport * as os from "node:os";\nimport type { Stats } from "node:fs";',
      );
      expect(await typeOf('glue("a", "b")')).to.equal("string");
      expect(await typeOf('path.parse("a")')).to.equal("ParsedPath");
      expect(await typeOf("os.cpus().length")).to.equal("number");
      expect(
        await codes(
          "const parsed: ParsedPath | undefined = undefined; const size = (s: Stats) => s.size.toFixed();",
        ),
      ).to.deep.equal([]);
      expect(await codes("const size = (s: Stats) => s.weight;")).to.deep.equal([2339]);
    });

    it("from `import … = require()`", async () => {
      await run('import files = require("node:fs");\nimport type system = require("node:os");');
      expect(await typeOf('files.existsSync("/")')).to.equal("boolean");
      expect(await codes("const cpu: system.CpuInfo | undefined = undefined;")).to.deep.equal([]);
    });

    it("from exported declarations, and through chains of cells", async () => {
      await run("export const link1 = { n: 1 }; export default function link2() { return link1; }");
      await run("const link3 = link2();");
      await run("const link4 = [link3];");
      expect(await typeOf("link4")).to.equal("{ n: number; }[]");
    });

    it("from `var` in loops", async () => {
      await run("for (var turns = 0; turns < 3; turns++) {}");
      expect(await typeOf("turns")).to.equal("number");
    });

    it("from `declare global`", async () => {
      await run("declare global { interface Array<T> { lastOne(): T } }");
      expect(await typeOf("[1].lastOne()")).to.equal("number");
    });

    it("and let variables can be assigned, within their declared type", async () => {
      await run("let total = 0; let label: string | undefined; let anything;");
      expect(
        await codes('total += 2; label = "x"; label = undefined; anything = 1; anything = "s";'),
      ).to.deep.equal([]);
      expect(await codes('total = "x";')).to.deep.equal([2322]);
      expect(await codes("label.length;")).to.deep.equal([18048]);
    });

    it("and constants cannot be assigned", async () => {
      await run("const fixed = 1;");
      expect(await codes("fixed = 2;")).to.deep.equal([2632]);
    });

    it("and an array that starts empty takes what later cells push", async () => {
      await run("const rows = [];");
      expect(await codes('rows.push({ a: 1 }); rows.push("b");')).to.deep.equal([]);
    });
  });

  describe("follow the latest declaration", () => {
    it("of a name with another type, while what used the old one keeps its type", async () => {
      await run("const thing = 1;");
      await run("const user = thing;");
      await run('const thing = "one"; type thing = boolean;');
      expect(await typeOf("thing")).to.equal("string");
      expect(await typeOf("user")).to.equal("number");
    });

    it("when one cell is run again and again", async () => {
      for (let i = 0; i < 5; i++)
        await run(`class Again { readonly run = { n${i}: true }; } const again = new Again();`);
      expect(await typeOf("again.run")).to.equal("{ n4: boolean; }");
    });

    it("only once a cell is committed", async () => {
      await run("const kept = 1;");
      expect(await types.check('const kept = "s"; const neverRun = 1;')).to.deep.equal([]);
      expect(await typeOf("kept")).to.equal("number");
      expect(await codes("neverRun;")).to.deep.equal([2304]);
    });

    it("of a name of Node's or the language's own", async () => {
      await run('const name = { first: "n" }; const process = 5; function fetch() { return 1; }');
      expect(await typeOf("name.first")).to.equal("string");
      expect(await typeOf("process")).to.equal("number");
      expect(await typeOf("fetch()")).to.equal("number");
      await run('import process from "node:process";');
    });
  });

  describe("report errors", () => {
    it("with line, column and UTF-16 offsets", async () => {
      const code = 'const smile = "😀"; const n: number = smile;\nconst s: string = n;\n';
      expect(await types.check(code)).to.deep.equal([
        {
          code: 2322,
          message: "Type 'string' is not assignable to type 'number'.",
          start: 26,
          end: 27,
          line: 1,
          column: 27,
        },
        {
          code: 2322,
          message: "Type 'number' is not assignable to type 'string'.",
          start: 51,
          end: 52,
          line: 2,
          column: 7,
        },
      ]);
    });

    it("at the same place when lines end with CRLF", async () => {
      const code = "const one = 1;\r\n\r\n  const two: string = one;\r\n";
      const [error] = await types.check(code);
      expect(error).to.include({ code: 2322, start: 26, end: 29, line: 3, column: 9 });
      expect(code.slice(error!.start, error!.end)).to.equal("two");
    });

    it("of syntax alone where the cell cannot be read", async () => {
      const errors = await types.check("const a: number = 's';\nconst b = ;");
      expect(errors.map(({ code, line, column }) => [code, line, column])).to.deep.equal([[1109, 2, 11]]);
    });

    it("by the project's strictness", async () => {
      expect(await codes("const f = (x) => x;")).to.deep.equal([7006]);
      expect(await codes("const n: number = null;")).to.deep.equal([2322]);
      expect(await codes("class A { m() {} } class B extends A { m() {} }")).to.deep.equal([4114]);
    });

    it("without naming what the kernel made up", async () => {
      await run("class Hidden { x = 1 }");
      await run("const hidden = new Hidden();");
      await run("class Hidden { y = 1 }");
      const messages = (await types.check("const h: Hidden = hidden; const m: string = hidden;")).map(
        ({ message }) => message,
      );
      expect(messages).to.have.length.above(0);
      expect(messages.join()).not.to.match(/\$cell|workbook-/);
    });

    it("but not unused names, unused labels or enums", async () => {
      expect(
        await codes(
          'import { join } from "node:path"; const unused = 1; enum E { A } function g(p: number) { const q = 1; }',
        ),
      ).to.deep.equal([]);
    });

    it("but not any form of top-level await", async () => {
      const code =
        "await (Promise.resolve(1)); await [1]; await `x`; const w = (await Promise.resolve(5)).toFixed();\n" +
        "for await (const z of [Promise.resolve(1)]) z.toFixed();\n" +
        "{ await using later = { async [Symbol.asyncDispose]() {} }; using now = { [Symbol.dispose]() {} }; }";
      expect(await codes(code)).to.deep.equal([]);
    });

    it("and Node's globals, import.meta and import() have types", async () => {
      await run(
        "const here = import.meta.url; const exists = (await import('node:fs')).existsSync(__dirname);",
      );
      expect(await typeOf("here")).to.equal("string");
      expect(await typeOf("exists")).to.equal("boolean");
      expect(await typeOf('prompt("name?")')).to.equal("Promise<string>");
    });
  });

  describe("of packages", () => {
    it("resolve from the notebook's folder: tfjs, and the workbook by the tsconfig's paths", async () => {
      await run(
        'import * as tf from "@tensorflow/tfjs";\nimport { attention, type AttentionOptions } from "workbook/attention";',
      );
      expect(await typeOf("tf.scalar(1)")).to.equal("Scalar");
      expect(await typeOf("attention({} as AttentionOptions)")).to.equal("Tensor4D");
      await run("const weights = tf.zeros<tf.Rank.R2>([2, 3]);");
      expect(await codes("const x: tf.Tensor3D = weights;")).to.deep.equal([2322]);
    });
  });

  describe("complete", () => {
    const labels = async (code: string, offset = code.length) =>
      (await types.complete(code, offset)).items.map(({ label }) => label);

    before(() =>
      run("const station = { platforms: 4, /** Where it is. */ place: { town: 'x' }, \"odd-name\": 1 };"),
    );

    it("members across cells, with their kinds and the span of the word", async () => {
      expect(await types.complete("station.pl", 10)).to.deep.equal({
        start: 8,
        end: 10,
        items: [
          { label: "place", type: "property" },
          { label: "platforms", type: "property" },
        ],
      });
      expect(await labels("station.place.town.toUpp")).to.deep.equal(["toUpperCase"]);
    });

    it("names of earlier cells, in unfinished code", async () => {
      expect(await labels("const f = () => {\n  return stati")).to.deep.equal(["station"]);
      expect(await labels("stati")).to.deep.equal(["station"]);
      await run("const t = 1;");
      expect(await labels("t")).to.include("t");
      expect(await labels("foo(station.pla")).to.include("place");
    });

    it("names of this cell before those of earlier ones", async () => {
      const code = "const station = 'mine';\nstation.";
      expect(await labels(code))
        .to.include("charAt")
        .and.not.include("platforms");
    });

    it("those that are written as typed first", async () => {
      await run("const pair = { Softmax: 1, softmax: 2, soft: 3 };");
      expect(await labels("pair.soft")).to.deep.equal(["soft", "softmax", "Softmax"]);
    });

    it("paths of imports", async () => {
      const code = 'import {} from "workbook/atten"';
      expect(await labels(code, code.length - 1)).to.include("attention");
    });

    it("nothing that the kernel made up", async () => {
      expect((await labels("")).filter((label) => /\$cell|workbook/.test(label))).to.deep.equal([]);
      expect(await labels("$cel")).to.deep.equal([]);
      const real = new Set(readdirSync(cwd));
      expect((await labels('import {} from "./', 18)).filter((label) => !real.has(label))).to.deep.equal([]);
    });

    it("at the same place after a surrogate pair and CRLF", async () => {
      const code = 'const s = "😀";\r\nstation.platf + 1';
      const offset = code.indexOf(" + 1");
      const { start, end, items } = await types.complete(code, offset);
      expect([code.slice(start, end), items.map(({ label }) => label)]).to.deep.equal([
        "platf",
        ["platforms"],
      ]);
    });
  });

  describe("explain", () => {
    before(() =>
      run(
        "/**\n * Adds.\n * @param a the first\n */\nfunction add(a: number, b = 2) { return a + b; }\nlet sum = add(1);",
      ),
    );

    it("a name of an earlier cell, with its documentation", async () => {
      const { markdown, text } = (await types.inspect("const y = add(1);", 12))!;
      expect(markdown).to.contain("```typescript\nfunction add(a: number, b?: number): number\n```");
      expect(text).to.match(/^function add\(a: number, b\?: number\): number\nAdds\./);
      expect((await types.inspect("sum", 3))!.text).to.equal("let sum: number");
    });

    it("a variable of an earlier cell, with its documentation, and errors keep their lines", async () => {
      await run(
        'const smile = "😀";\n/**\n * The running total.\n */\nexport let total = 0;\n/** Things so far. */\nconst heap = [];\n/* no doc */ let plainly = 1;',
      );
      expect((await types.inspect("total", 2))!.text).to.equal("let total: number\nThe running total.");
      expect((await types.inspect("heap", 2))!.text).to.match(/\nThings so far\.$/);
      expect((await types.inspect("plainly", 2))!.text).to.equal("let plainly: number");
      const [error] = await types.check("plainly; heap.push(1);\ntotal = 's';");
      expect(error).to.include({ line: 2, column: 1, start: 23, end: 28 });
    });

    it("a function in a constant, with the documentation of what it calls, called or not", async () => {
      await run('import * as tensors from "@tensorflow/tfjs";');
      for (const code of ["tensors.matMul", "const m = tensors.matMul(a, b);"]) {
        const { text } = (await types.inspect(code, code.indexOf("matMul") + 2))!;
        expect(text).to.match(/^const matMul: .* => [^\n]*\nComputes the dot product of two matrices/);
      }
      expect((await types.inspect("tensors.ones", 10))!.text)
        .to.match(/Creates a .* with all elements set to 1/)
        .and.not.contain("@doc");
    });

    it("members of classes, interfaces and enums, type names and parameters", async () => {
      await run(
        [
          "/** A box. */\nclass Crate<T> {\n  /** What is held. */\n  held!: T;\n  /** Opens it. */\n  open(how: string): T { return this.held; }\n}",
          "/** Settings. */\ninterface Settings {\n  /** Rate of learning. */\n  rate: number;\n}",
          "enum Loudness {\n  /** Hardly heard. */\n  Low = 1,\n}",
          "const crate = new Crate<string>();\nconst settings: Settings = { rate: 1 };",
        ].join("\n"),
      );
      const explained = async (code: string) =>
        (await types.inspect(code.replace("|", ""), code.indexOf("|")))!.text;
      expect(await explained("crate.hel|d")).to.equal("(property) Crate<string>.held: string\nWhat is held.");
      expect(await explained("crate.ope|n('x')")).to.equal(
        "(method) Crate<string>.open(how: string): string\nOpens it.",
      );
      expect(await explained("settings.rat|e")).to.equal(
        "(property) Settings.rate: number\nRate of learning.",
      );
      expect(await explained("Loudness.Lo|w")).to.equal("(enum member) Loudness.Low = 1\nHardly heard.");
      expect(await explained("let x: Crat|e<number>")).to.equal("class Crate<T>\nA box.");
      expect(await explained("let x: Setting|s")).to.equal("interface Settings\nSettings.");
      expect(await explained("[settings].map((on|e) => one.rate)")).to.equal("(parameter) one: Settings");
    });

    it("the call around the cursor, and which argument comes next", async () => {
      expect((await types.inspect("add(", 4))!.text).to.equal(
        "add(a: number, b?: number): number\n\nAdds.\n\na: number — the first",
      );
      expect((await types.inspect("add(1, ", 7))!.text).to.match(/\n\nb\?: number$/);
    });

    it("nothing where there is nothing", async () => {
      expect(await types.inspect("  ", 1)).to.equal(undefined);
      expect(await types.inspect("1 +  2", 4)).to.equal(undefined);
    });
  });
});

describe("the language server of a session", () => {
  const alive = (pid: number | undefined) => {
    try {
      return process.kill(pid!, 0);
    } catch {
      return false;
    }
  };

  it("is replaced when it dies, and knows the cells that were committed", async () => {
    const types = await createTypes({ cwd, root });
    try {
      types.commit("const survivor = 1;", 1);
      const before = types.serverPid!;
      process.kill(before, "SIGKILL");
      const [error] = await types.check("const x: string = survivor;");
      expect(error).to.include({ code: 2322, line: 1, column: 7 });
      expect(types.serverPid).not.to.equal(before);
    } finally {
      await types.close();
    }
  });

  it("is gone after close, and questions then get empty answers", async () => {
    const types = await createTypes({ cwd, root });
    const pid = types.serverPid;
    expect(alive(pid)).to.equal(true);
    await types.close();
    expect(alive(pid)).to.equal(false);
    expect(await types.check("const x: string = 1;")).to.deep.equal([]);
    expect((await types.complete("cons", 4)).items).to.deep.equal([]);
  });

  it("is waited for by a completion while it is still busy with its first files, but not for ever", async () => {
    const path = 'import {} from "workbook/atten';
    for (const [longMs, expected] of [
      [8000, ["attention"]],
      [400, []],
    ] as const) {
      const server = new LanguageServer({ cwd, root }, { answerMs: 200, longMs });
      const types = await createTypes({ cwd, root }, server);
      try {
        // Stopped, for a time: a server that reads from a slow disk, as far as anybody can tell.
        process.kill(types.serverPid!, "SIGSTOP");
        const begun = performance.now();
        const going = setTimeout(() => process.kill(types.serverPid!, "SIGCONT"), 1000);
        const labels = (await types.complete(path, path.length)).items.map(({ label }) => label);
        expect(labels).to.deep.equal(expected);
        if (expected.length === 0) expect(performance.now() - begun).to.be.below(950);
        clearTimeout(going);
      } finally {
        process.kill(types.serverPid!, "SIGCONT");
        await types.close();
      }
    }
  });

  it("keeps Node from ending before it is gone", () => {
    const url = new URL("../../../lib/jupyter/kernel/types/server.js", import.meta.url);
    const code = `
      const { LanguageServer } = await import(${JSON.stringify(url)});
      const server = new LanguageServer(${JSON.stringify({ cwd, root })});
      await server.start();
      process.kill(server.pid, "SIGSTOP");
      await server.close();
      try { process.kill(server.pid, 0); } catch ({ code }) { console.log(code); }`;
    const args = ["--input-type=module", "-e", code];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 15_000 });
    expect([status, stdout]).to.deep.equal([0, "ESRCH\n"]);
  });

  it("is not waited for when it does not die", async () => {
    const server = new LanguageServer({ cwd, root });
    const stuck = await server.start();
    const { kill } = stuck;
    stuck.kill = () => {};
    process.kill(server.pid!, "SIGSTOP");
    await server.close();
    expect(stuck.alive).to.equal(true);
    kill.call(stuck);
    await stuck.exited;
  });

  it("works in a folder without tsconfig, and sees files change there", async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-types-"));
    const file = path.join(folder, "helper.ts");
    writeFileSync(file, "export const answer = 42;\n");
    const types = await createTypes({ cwd: folder, root });
    try {
      const code = 'import { answer } from "./helper.ts";\nconst s: string = answer; process.argv;';
      expect((await types.check(code)).map((error) => error.code)).to.deep.equal([2322]);
      writeFileSync(file, 'export const answer = "forty-two";\n');
      expect(await types.check(code)).to.deep.equal([]);
    } finally {
      await types.close();
      rmSync(folder, { recursive: true });
    }
  });
});
