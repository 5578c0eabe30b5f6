import { expect } from "chai";
import { describe, it } from "mocha";
import { annotations } from "../../../lib/jupyter/kernel/types/explicit.js";
import { lineStarts } from "../../../lib/jupyter/kernel/types/positions.js";
import { SessionDocument } from "../../../lib/jupyter/kernel/types/session-document.js";
import { mentions, readSyntax } from "../../../lib/jupyter/kernel/types/syntax.js";

const names = (code: string) => [...readSyntax(code).declared.keys()];

describe("a cell's syntax", () => {
  it("lists what the cell declares at its top level, and nothing from within functions and blocks", () => {
    expect(
      names(
        "const a = 1, [b, { c: d }] = x; let e; function f() { var no = 1; } class G {} { const no = 2; }",
      ),
    ).to.deep.equal(["a", "b", "d", "e", "f", "G"]);
    expect(
      names("enum E {} interface I {} type T = 1; namespace N {} declare global {} import j = N.k;"),
    ).to.deep.equal(["E", "I", "T", "N", "j"]);
    expect(
      names(
        "export const a = 1; export default class B {} export { a as c }; import d, { e as f } from 'm';",
      ),
    ).to.deep.equal(["a", "B", "d", "f"]);
  });

  it("lists a `var` from loops and blocks", () => {
    expect(
      names("if (x) { var a = 1; } for (var b of c) { var d; } try { var e; } catch {} label: var g;"),
    ).to.deep.equal(["a", "b", "d", "e", "g"]);
    expect(names("(() => { var no; })(); const f = function () { var no; };")).to.deep.equal(["f"]);
  });

  it("tells what later cells may assign to", () => {
    expect([...readSyntax("let a; var b; const c = 1; const d = []; class E {}").declared]).to.deep.equal([
      ["a", "variable"],
      ["b", "variable"],
      ["c", "alias"],
      ["d", "inferred"],
      ["E", "alias"],
    ]);
  });

  it("is guessed while the cell is being typed", () => {
    const syntax = readSyntax("import { a } from 'm';\nconst b = 1;\nfunction c() {}\nb.");
    expect(syntax.valid).to.equal(false);
    expect([...syntax.declared.keys()]).to.have.members(["a", "b", "c"]);
  });

  it("mentions names in any script", () => {
    expect([...mentions("größe + π * $x_1 - 数")]).to.deep.equal(["größe", "π", "$x_1", "数"]);
  });
});

describe("the session document", () => {
  it("brings in only the names that a cell mentions and does not declare", () => {
    const session = new SessionDocument();
    session.add("const a = 1, b = 2; let c = 3;");
    expect(session.prefix("a + c", "./s")).to.match(/^import \{ \$cell1 \} from "\.\/s"; /);
    expect(session.prefix("a + c", "./s")).to.contain("import a = $cell1.a; declare let c: typeof $cell1.c;");
    expect(session.prefix("a + c", "./s")).not.to.contain("$cell1.b");
    expect(session.prefix("const a = 2;", "./s")).not.to.contain("$cell1");
  });

  it("keeps one line, so that a cell's lines are counted from the second", () => {
    const session = new SessionDocument();
    session.add("const a = 1;\nlet b = 2;\n");
    expect(session.prefix("a + b\n", "./s")).not.to.match(/[\r\n]/);
  });

  it("does not grow with cells that declare nothing, cannot be read, or are run again", () => {
    const session = new SessionDocument();
    expect(session.add("1 + 1; console.log(2);")).to.equal(false);
    expect(session.add("const = 1;")).to.equal(false);
    for (let i = 0; i < 1000; i++) session.add(`const a = ${i}; function f() { return a; }`);
    expect(session.text.match(/export namespace/g)).to.have.length.below(130);
    expect(session.text).to.contain("const a = 999;");
  });

  it("keeps cells whose names others still use", () => {
    const session = new SessionDocument();
    session.add("const base = 1;");
    session.add("const user = base;");
    for (let i = 0; i < 300; i++) session.add(`const base = "${i}";`);
    expect(session.text).to.contain("const base = 1;").and.not.contain('const base = "7";');
  });
});

describe("types that a cell left to inference", () => {
  const code = "const a = f();\nconst b = a;";
  const hint = (type: string) => [{ position: { line: 2, character: 7 }, label: `: ${type}`, kind: 1 }];
  const found = (type: string, taken: readonly string[] = []) =>
    annotations(hint(type), { starts: lineStarts(code), prefixLines: 1 }, (name) => taken.includes(name));

  for (const type of [
    "number",
    "string | undefined",
    '"a" | 1 | -2n',
    "number[][]",
    "Promise<Map<string, Float32Array<ArrayBuffer>>>",
    "{ x: number; y?: { z: boolean; }; }",
    "readonly [number, string]",
  ]) {
    it(`are written out: ${type}`, () => {
      expect(found(type)).to.deep.equal([{ offset: 22, text: `: ${type}` }]);
    });
  }

  for (const [why, type] of [
    ["whose names may mean something else elsewhere", "Tensor<Rank>"],
    ["that are incomplete", "{ x: number; ... 3 more ...; }"],
    ["that the server words ambiguously", "string | number[]"],
    ["of functions", "(x: number) => string"],
    ["that narrow", "x is string"],
    ["that are not known", "any[]"],
  ] as const) {
    it(`are left alone ${why}`, () => expect(found(type)).to.deep.equal([]));
  }

  it("are left alone where the session gives a global name a meaning of its own", () => {
    expect(found("Map<string, number>", ["Map"])).to.deep.equal([]);
  });

  it("stand in the session's document, which later checks then need not infer", () => {
    const session = new SessionDocument();
    session.add("const a = f(), b = 1;", [
      { offset: 7, text: ": number" },
      { offset: 16, text: ": 1" },
    ]);
    expect(session.text).to.contain("const a: number = f(), b: 1 = 1;");
  });

  it("are left out where the language has no place for them", () => {
    const session = new SessionDocument();
    session.add("const f = x => x;", [{ offset: 11, text: ": number" }]);
    expect(session.text).to.contain("const f = x => x;");
  });
});
