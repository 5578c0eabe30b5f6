import { expect } from "chai";
import { describe, it } from "mocha";
import { accepted, type CellLike, notebookFile, refused } from "./material.js";

/** The module that a notebook of these cells becomes, without what closes it. */
async function module(...cells: (string | CellLike)[]) {
  const submission = await accepted("start-here.ipynb", notebookFile(cells));
  const [body] = submission.text.split(/^(?:import \{ todo as \$todo|export \{)/m);
  return { ...submission, body: body!.trim() };
}

describe("a notebook as one module", () => {
  it("keeps what the answers reach, and nothing that trains, plots or checks", async () => {
    const { body } = await module(
      'import * as tf from "@tensorflow/tfjs";\nimport { show } from "workbook/plot/show";',
      "const params = await train();\nconst half = (x: number) => x / unit;\nconst unit = 2, unused = await train();",
      "for (let i = 0; i < 1000; i++) step(params);\nawait show(plot(causalPairs(3)));",
      "function causalPairs(T: number): number {\n  const params = T + 1;\n  return half(T * params);\n}",
      "export const softmax = (x: tf.Tensor2D) => tf.softmax(x);\nawait check('start-here');",
    );
    expect(body.split("\n")).to.deep.equal([
      'import * as tf from "@tensorflow/tfjs";',
      "const half = (x: number) => x / unit;",
      "const unit = 2;",
      "function causalPairs(T: number): number {",
      "  const params = T + 1;",
      "  return half(T * params);",
      "}",
      "const softmax = (x: tf.Tensor2D) => tf.softmax(x);",
    ]);
  });

  it("exports the exercises; those that it does not answer are to do", async () => {
    const { text } = await module("const causalPairs = (T: number) => T;");
    expect(text).to.equal(
      "const causalPairs = (T: number) => T;\n" +
        'import { todo as $todo } from "workbook/grading/todo";\n' +
        'export const softmax = $todo<never>("softmax");\n' +
        "export { causalPairs };\n",
    );
  });

  it("takes the last declaration of a name: cells are pasted twice, re-run and left behind", async () => {
    const { body } = await module(
      "const helper = (T: number) => T;\nfunction causalPairs(T: number) { return helper(T); }",
      "function causalPairs(T: number) { return helper(T); }",
      "let helper = (T: number) => T + 1;",
      'import { helper } from "workbook/x";',
    );
    expect(body.split("\n")).to.deep.equal([
      "function causalPairs(T: number) { return helper(T); }",
      'import { helper } from "workbook/x";',
    ]);
  });

  it("merges imports by name, whatever way they are written", async () => {
    const { body } = await module(
      'import d, { a as b, type C } from "workbook/m";\nimport type { E } from "workbook/e";',
      'import { b } from "workbook/n";\nimport { a } from "workbook/m";',
      "const causalPairs = (T: C & E) => [a, b, d];",
    );
    expect(body.split("\n")).to.deep.equal([
      'import d from "workbook/m";',
      'import { type C } from "workbook/m";',
      'import type { E } from "workbook/e";',
      'import { b } from "workbook/n";',
      'import { a } from "workbook/m";',
      "const causalPairs = (T: C & E) => [a, b, d];",
    ]);
  });

  it("gives what is computed while loading the value that stood above it, not a later one", async () => {
    const { body } = await module(
      "const C = 512, H = 8;",
      "const D = C / H;\nconst { x, y: [C2 = C] } = { x: C, y: [] };",
      "const C = 64;",
      "const [H, other] = [1, 2];",
      "const causalPairs = () => [C, D, H, C2, { C }];",
    );
    expect(body.split("\n")).to.deep.equal([
      "const C$1 = 512;",
      "const H$1 = 8;",
      "const D = C$1 / H$1;",
      "const { x, y: [C2 = C$1] } = { x: C$1, y: [] };",
      "const C = 64;",
      "const [H, other] = [1, 2];",
      "const causalPairs = () => [C, D, H, C2, { C }];",
    ]);
  });

  it("renames in patterns, shorthands and imports without changing what they mean", async () => {
    const { body } = await module(
      "const { C, D } = sizes();\nfunction sizes() { return { C: 1, D: 2 }; }",
      "const all = { C, D };",
      "const C = 3;",
      "const causalPairs = () => [all, C, D];",
    );
    expect(body).to.include("const { C: C$1, D } = sizes();");
    expect(body).to.include("const all = { C: C$1, D };");
  });

  it("puts what is needed while loading first, even where it stands below", async () => {
    const { body } = await module(
      "const area = width * 2;",
      "const width = 3;",
      "const causalPairs = () => area;",
    );
    expect(body.split("\n")).to.deep.equal([
      "const width = 3;",
      "const area = width * 2;",
      "const causalPairs = () => area;",
    ]);
  });

  it("keeps statements that fill a table which an answer reads, from its declaration on", async () => {
    const fill = "for (let i = 0; i < 9; i++) table.push(i);";
    const { body } = await module(
      `const table: number[] = [];\n${fill}\nlet n = 0; n += 1;`,
      `const table: number[] = [];\n${fill}\nconsole.log(table.length); other.push(1);`,
      "const causalPairs = (T: number) => table[T] + n;",
    );
    const early = await module("late.push(1);", "const late = [2];", "const causalPairs = () => late;");
    expect(early.body.split("\n")).to.deep.equal(["const late = [2];", "const causalPairs = () => late;"]);
    expect(body.split("\n")).to.deep.equal([
      "let n = 0;",
      "n += 1;",
      "const table: number[] = [];",
      fill,
      "const causalPairs = (T: number) => table[T] + n;",
    ]);
  });

  it("keeps types, overloads, classes and enums that an answer needs, and no name that is only a parameter's", async () => {
    const { body } = await module(
      "type Row<T> = T[]; interface Shape { rows: Row<number> }\nconst T = await train(), q = 1;",
      "class Base {}\nclass Counter extends Base { n = start; static from(q: number) { return new Counter(); } }\nconst start = 0;",
      "enum Kind { A, B = A }",
      "function causalPairs(T: number): number;\nfunction causalPairs(T: Shape): Kind;\n" +
        "function causalPairs(T: any) { const f = (q: number): q is 1 => true; return Counter.from(T).n; }",
    );
    expect(body).to.not.match(/train|\bq = 1/);
    expect(body.match(/function causalPairs/g)).to.have.length(3);
    for (const part of ["type Row<T>", "interface Shape", "class Base", "class Counter", "enum Kind"]) {
      expect(body).to.include(part);
    }
    expect(body.indexOf("const start")).to.be.lessThan(body.indexOf("class Counter"));
  });

  it("leaves out a cell that does not parse, and says so", async () => {
    const { body, notes } = await module("const causalPairs = () => 1;", { source: "let a = ;", count: 7 });
    expect(body).to.equal("const causalPairs = () => 1;");
    expect(notes).to.deep.equal([
      "cell [7] does not parse and was left out (cell [7]:1:9: Unexpected token)",
    ]);
  });

  it("takes answers given to check() where no declaration has the name; the last call counts", async () => {
    const { body, notes } = await module(
      'await check("start-here", { softmax: wrong, causalPairs: (T: number) => 0 });',
      'check("start-here", { causalPairs: (T: number) => half(T), softmax, [computed]: 1, ...rest });',
      'await check("transformer", { causalPairs: 4 });',
      "const half = (n: number) => n / 2;\nconst softmax = () => 1;",
    );
    expect(body.split("\n")).to.deep.equal([
      "const causalPairs = (T: number) => half(T);",
      "const half = (n: number) => n / 2;",
      "const softmax = () => 1;",
    ]);
    expect(notes).to.deep.equal([
      'causalPairs is declared nowhere in the notebook; its answer is the one given to check("start-here", …) in cell [2]',
    ]);
    expect((await module('check("start-here", { causalPairs })')).body).to.equal("");
    expect((await module("check('start-here', { causalPairs(T: number) { return T; } })")).body).to.equal(
      "const causalPairs = ({ causalPairs(T: number) { return T; } }).causalPairs;",
    );
  });

  it("locates every position in its cell, by Jupyter's number or by counting", async () => {
    const cells = [
      { source: "# text", type: "markdown" },
      { source: "const unit = 2;", count: 12 },
      { source: "\n\nfunction causalPairs(T: number) {\n  return T * unit;\n}", count: null },
      { source: "const softmax = () => 1;", count: 4 },
      { source: "1", count: 4 },
    ];
    const { text, locate } = await module(...cells);
    const find = (what: string) => {
      const before = text.slice(0, text.indexOf(what)).split("\n");
      return locate(before.length, before.at(-1)!.length + 1);
    };
    expect(find("unit = 2")).to.equal("cell [12]:1:7");
    expect(find("T * unit")).to.equal("code cell 2:4:10");
    expect(find("softmax = ")).to.equal("code cell 3:1:7");
    // The keyword in front of one of several declarators is the grader's own.
    expect(locate(1, 1)).to.equal("cell [12]:1:7");
    expect(locate(999, 1)).to.equal("notebook:1:1");
  });

  it("tells its exercise by its name, else by the one lesson that it checks, else by what it declares", async () => {
    const slugOf = async (...cells: string[]) => (await accepted("alice.ipynb", notebookFile(cells))).slug;
    expect(await slugOf('await check("transformer")')).to.equal("transformer");
    expect(await slugOf("const causalPairs = () => 1;")).to.equal("start-here");
    expect(await refused("alice.ipynb", notebookFile(["1"]))).to.match(/^unknown exercise: alice\.ipynb: /);
  });
});

describe("what is no TypeScript notebook", () => {
  it("is refused with what was expected and what came", async () => {
    const python = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
    expect(await refused("a.ipynb", notebookFile(["1"], python))).to.equal(
      'wrong type: a.ipynb: expected a TypeScript notebook, got one in python (kernel "python3")',
    );
    expect(await refused("a.ipynb", notebookFile(["1"], { language_info: { name: "julia" } }))).to.match(
      /got one in julia$/,
    );
    expect(await refused("a.ipynb", '{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}')).to.equal(
      "unparsable: a.ipynb: expected nbformat 4, got version 3; open it in Jupyter and save it again",
    );
    expect(await refused("a.ipynb", "{]")).to.match(
      /^unparsable: a\.ipynb: expected a notebook, got text that is not/,
    );
    expect(await refused("a.ipynb", '{"nbformat": {"toString": 1}}')).to.equal(
      "unparsable: a.ipynb: expected a notebook, got JSON of another shape",
    );
    expect(await refused("a.ipynb", "[".repeat(100_000))).to.match(/^unparsable/);
    expect(await refused("a.ipynb", notebookFile([]))).to.equal(
      "missing: a.ipynb: the notebook has no code cells",
    );
  });

  it("without a named language is read as TypeScript", async () => {
    expect((await accepted("start-here.ipynb", notebookFile(["1"], {}))).slug).to.equal("start-here");
    expect((await accepted("start-here.ipynb", notebookFile(["1"], { kernelspec: 7 }))).slug).to.equal(
      "start-here",
    );
  });
});
