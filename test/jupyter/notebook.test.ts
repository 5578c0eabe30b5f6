import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import {
  NotebookError,
  type Output,
  parseNotebook,
  readNotebook,
  writeNotebook,
} from "../../lib/jupyter/notebook.js";
import { cell, notebook } from "./fakes.js";
import { schemaProblems } from "./lint.js";

let folder: string;

describe("notebook files", () => {
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "notebooks-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are written as valid nbformat 4.5, text split in lines, and read back equal", () => {
    const outputs: Output[] = [
      { output_type: "stream", name: "stdout", text: "a\nb" },
      {
        output_type: "display_data",
        data: { "text/html": "<p>\n</p>\n", "image/png": "aWk=" },
        metadata: {},
      },
      {
        output_type: "execute_result",
        data: { "application/json": { a: "x\ny" } },
        metadata: {},
        execution_count: 1,
      },
      { output_type: "error", ename: "E", evalue: "v", traceback: ["a\nb"] },
    ];
    const written = notebook({ ...cell("x\ny\n"), outputs, execution_count: 1 }, cell(""));
    written.cells.push({ cell_type: "markdown", id: "words", metadata: {}, source: ["# A\n", "b"] });
    const file = path.join(folder, "a.ipynb");
    writeNotebook(file, written);
    expect(schemaProblems(JSON.parse(readFileSync(file, "utf8")))).to.deep.equal([]);
    const { cells } = readNotebook(file);
    expect(cells.map(({ source }) => source)).to.deep.equal([["x\n", "y\n"], [], ["# A\n", "b"]]);
    expect(cells[0]).to.have.deep.property("outputs", [
      { ...outputs[0], text: ["a\n", "b"] },
      { ...outputs[1], data: { "text/html": ["<p>\n", "</p>\n"], "image/png": "aWk=" } },
      outputs[2],
      outputs[3],
    ]);
  });

  it("of an older nbformat 4 get the ids that 4.5 asks for", () => {
    const old = JSON.stringify({
      ...notebook(),
      nbformat_minor: 2,
      cells: [{ ...cell("1"), id: undefined }],
    });
    const file = path.join(folder, "old.ipynb");
    writeNotebook(file, parseNotebook(old, "old"));
    expect(schemaProblems(JSON.parse(readFileSync(file, "utf8")))).to.deep.equal([]);
  });

  it("that do not exist, or are folders, are refused in one line", () => {
    const missing = path.join(folder, "missing.ipynb");
    expect(() => readNotebook(missing)).to.throw(NotebookError, `${missing}: no such file`);
    expect(() => readNotebook(folder)).to.throw(
      NotebookError,
      `${folder}: expected a notebook, got a folder`,
    );
  });

  const good = notebook("1");
  const broken: [what: string, content: unknown, message: RegExp][] = [
    ["text", "const a = 1;\nb", /^x\.ipynb: expected a notebook, got text that is not JSON \(.*\)$/],
    ["nothing", "", /not JSON/],
    ["a list", [], /^x\.ipynb: expected a notebook, got JSON without nbformat$/],
    ["package.json", { name: "x" }, /got JSON without nbformat/],
    [
      "nbformat 3",
      { ...good, nbformat: 3, nbformat_minor: 0 },
      /^x\.ipynb: expected nbformat 4\.5, got 3\.0$/,
    ],
    ["a future nbformat", { ...good, nbformat_minor: 6 }, /expected nbformat 4\.5, got 4\.6/],
    [
      "no minor",
      { ...good, nbformat_minor: undefined },
      /expected nbformat 4\.5, got 4 without nbformat_minor$/,
    ],
    ["no metadata", { ...good, metadata: undefined }, /expected an object as the notebook's metadata/],
    ["no cells", { ...good, cells: undefined }, /expected a list of cells/],
    ["a cell that is none", { ...good, cells: [1] }, /cell 1: expected an object/],
    ["an unknown cell", { ...good, cells: [...good.cells, { cell_type: "x" }] }, /cell 2: .* got "x"/],
    ["no source", { ...good, cells: [{ ...cell("1"), source: 1 }] }, /cell 1: expected a source/],
    ["no cell metadata", { ...good, cells: [{ ...cell("1"), metadata: null }] }, /cell 1: expected metadata/],
    ["no outputs", { ...good, cells: [{ ...cell("1"), outputs: undefined }] }, /cell 1: .* outputs/],
  ];
  for (const [what, content, message] of broken) {
    it(`with ${what} inside are refused in one line`, () => {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      let error: unknown;
      try {
        parseNotebook(text, "x.ipynb");
      } catch (caught) {
        error = caught;
      }
      expect(error).to.be.instanceOf(NotebookError);
      expect((error as Error).message)
        .to.match(message)
        .and.not.include("\n");
    });
  }
});
