import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { root } from "../../../lib/root.js";
import { JupyterHome, needModules } from "./python.js";

interface ExecutedCell {
  readonly cell_type: string;
  readonly source: string | readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly { readonly output_type: string; readonly name?: string }[];
}

describe("Jupyter's headless tools with this kernel", function () {
  this.timeout(120_000);
  let jupyter: JupyterHome;

  before(function () {
    needModules(this, "nbconvert", "nbclient");
    jupyter = new JupyterHome();
  });
  after(() => jupyter?.remove());

  /** Writes a notebook of these cells; returns its file. */
  function notebook(name: string, cells: readonly string[]): string {
    const file = path.join(jupyter.folder, `${name}.ipynb`);
    const code = cells.map((source, i) => ({
      cell_type: "code",
      id: `cell-${i}`,
      metadata: {},
      source,
      execution_count: null,
      outputs: [],
    }));
    writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: code }));
    return file;
  }

  const nbconvert = (file: string) =>
    jupyter.run(
      ...["-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.kernel_name=workbook"],
      ...["--output-dir", path.join(jupyter.folder, "out"), file],
    );

  it("nbconvert executes a lesson from top to bottom", () => {
    const { status, stderr } = nbconvert(path.join(root, "notebooks", "00-start-here.ipynb"));
    expect(status, stderr).to.equal(0);
    const executed = readFileSync(path.join(jupyter.folder, "out", "00-start-here.ipynb"), "utf8");
    const { cells } = JSON.parse(executed) as { cells: readonly ExecutedCell[] };
    const code = cells.filter(
      ({ cell_type, source }) => cell_type === "code" && [source].flat().join("").trim(),
    );
    expect(code.map(({ execution_count }) => execution_count)).to.deep.equal(code.map((_, i) => i + 1));
    const outputs = code.flatMap(({ outputs = [] }) => outputs);
    expect(outputs.map(({ output_type }) => output_type))
      .to.include("display_data")
      .and.not.include("error");
    expect(outputs.map(({ name }) => name)).not.to.include("stderr");
  });

  // biome-ignore lint/suspicious/noTemplateCurlyInString: the cell's own template
  const failing = ["const limit = 2;", "throw new RangeError(`expected at most ${limit}, got 3`);", "limit"];

  it("nbconvert fails where a cell fails, and says which error", () => {
    const { status, stderr } = nbconvert(notebook("failing", failing));
    expect(status).not.to.equal(0);
    expect(stripVTControlCharacters(stderr))
      .to.include("CellExecutionError")
      .and.include("RangeError: expected at most 2, got 3\ncell [2]:1:7");
  });

  it("nbclient raises CellExecutionError with the error's name and message, of a type error too", () => {
    const files = [
      notebook("thrown", failing),
      notebook("typed", ["const n: number = 'x';", "1"]),
      notebook("fine", ["const n = 1;", "n"]),
    ];
    const script = path.join(root, "test", "jupyter", "kernel", "run_notebooks.py");
    const { status, stdout, stderr } = jupyter.run(script, ...files);
    expect(status, stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal([
      { ename: "RangeError", evalue: "expected at most 2, got 3", counts: [1, 2, null] },
      { ename: "TS2322", evalue: "Type 'string' is not assignable to type 'number'.", counts: [1, null] },
      { counts: [1, 2] },
    ]);
  });
});
