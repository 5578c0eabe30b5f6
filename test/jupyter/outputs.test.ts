import { expect } from "chai";
import { beforeEach, describe, it } from "mocha";
import type { CodeCell } from "../../lib/jupyter/notebook.js";
import { Outputs } from "../../lib/jupyter/outputs.js";
import { createMessage, type Json } from "../../lib/jupyter/wire.js";
import { cell } from "./fakes.js";

let outputs: Outputs;
let first: CodeCell;
let second: CodeCell;

const apply = (to: CodeCell, type: string, content: Json) =>
  outputs.apply(to, createMessage(type, content, { session: "s" }));
const print = (to: CodeCell, text: string, name = "stdout") => apply(to, "stream", { name, text });
const show = (to: CodeCell, text: string, id?: string, type = "display_data") =>
  apply(to, type, { data: { "text/plain": text }, metadata: {}, transient: { display_id: id } });
const shown = (of: CodeCell) =>
  of.outputs.map((output) => ("data" in output ? output.data["text/plain"] : output.output_type));

describe("outputs", () => {
  beforeEach(() => {
    outputs = new Outputs();
    [first, second] = [cell("1"), cell("2")];
  });

  it("join neighbouring pieces of one stream, and keep two streams in their order", () => {
    print(first, "a");
    print(first, "b\n");
    print(first, "wrong", "stderr");
    print(first, "c");
    expect(first.outputs).to.deep.equal([
      { output_type: "stream", name: "stdout", text: "ab\n" },
      { output_type: "stream", name: "stderr", text: "wrong" },
      { output_type: "stream", name: "stdout", text: "c" },
    ]);
  });

  it("keep displays, results and errors as notebooks write them", () => {
    show(first, "d");
    apply(first, "execute_result", { data: { "text/plain": "r" }, metadata: { m: 1 }, execution_count: 7 });
    apply(first, "error", { ename: "E", evalue: "v", traceback: ["t"] });
    apply(first, "status", { execution_state: "idle" });
    expect(first.outputs).to.deep.equal([
      { output_type: "display_data", data: { "text/plain": "d" }, metadata: {} },
      { output_type: "execute_result", data: { "text/plain": "r" }, metadata: { m: 1 }, execution_count: 7 },
      { output_type: "error", ename: "E", evalue: "v", traceback: ["t"] },
    ]);
  });

  it("an update replaces every display of its id, in whichever cell, and nothing else", () => {
    show(first, "old", "x");
    show(first, "other", "y");
    show(second, "old too", "x");
    show(second, "nameless");
    show(second, "new", "x", "update_display_data");
    show(second, "lost", "unknown", "update_display_data");
    show(second, "also lost", undefined, "update_display_data");
    expect(shown(first)).to.deep.equal(["new", "other"]);
    expect(shown(second)).to.deep.equal(["new", "nameless"]);
  });

  it("a display that reuses an id replaces the earlier ones and is shown itself", () => {
    show(first, "old", "x");
    show(second, "again", "x");
    expect([shown(first), shown(second)]).to.deep.equal([["again"], ["again"]]);
  });

  it("clear_output clears at once; with wait, when the next output comes", () => {
    print(first, "a");
    apply(first, "clear_output", { wait: false });
    expect(first.outputs).to.deep.equal([]);
    print(first, "b");
    apply(first, "clear_output", { wait: true });
    expect(shown(first)).to.deep.equal(["stream"]);
    print(first, "c");
    print(first, "d");
    expect(first.outputs).to.deep.equal([{ output_type: "stream", name: "stdout", text: "cd" }]);
  });

  it("clearing one cell leaves the other's displays, and forgets its own", () => {
    show(first, "a", "x");
    show(second, "b", "x");
    apply(first, "clear_output", { wait: false });
    show(first, "new", "x", "update_display_data");
    expect([shown(first), shown(second)]).to.deep.equal([[], ["new"]]);
  });

  it("execute_input numbers the cell", () => {
    apply(first, "execute_input", { code: "1", execution_count: 3 });
    expect(first.execution_count).to.equal(3);
  });
});
