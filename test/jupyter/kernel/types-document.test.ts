import { expect } from "chai";
import { describe, it } from "mocha";
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
