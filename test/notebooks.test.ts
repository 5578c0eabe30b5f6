import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { describe, it } from "mocha";
import { root } from "../lib/root.js";
import { lintNotebook } from "./jupyter/lint.js";

const folder = path.join(root, "notebooks");
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ipynb")) : [];

describe("every committed notebook", () => {
  for (const name of files) {
    it(`${name} is valid nbformat 4.5 for our kernel, without outputs, and imports what exists`, async () => {
      const file = path.join(folder, name);
      expect(await lintNotebook(JSON.parse(readFileSync(file, "utf8")), file)).to.deep.equal([]);
    });
  }
});

/** A notebook as it should be; the tests break one thing of it at a time. */
function good() {
  const code = (id: string, source: string | string[]) => ({
    cell_type: "code",
    id,
    metadata: {} as object,
    source,
    outputs: [] as object[],
    execution_count: null as number | null,
  });
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: { name: "workbook", display_name: "TypeScript", language: "typescript" } as object,
    },
    cells: [
      { cell_type: "markdown", id: "words", metadata: {}, source: 'import "nothing"' },
      code("first", [
        "import * as tf from '@tensorflow/tfjs'\n",
        "import {\n  attention, // from 'nowhere'\n",
        '} from "workbook/attention";\n',
      ]),
      code(
        "second_1",
        'import type { Random } from "workbook/random";\nconst x = await import("node:fs"); x',
      ),
    ],
  };
}

const lint = (notebook: unknown) => lintNotebook(notebook, path.join(folder, "made-up.ipynb"));

describe("the notebook checks", () => {
  it("find nothing wrong with a notebook that is as it should be", async () => {
    expect(await lint(good())).to.deep.equal([]);
  });

  type Made = ReturnType<typeof good>;
  const wrong: [what: string, spoil: (notebook: Made) => unknown, problem: RegExp][] = [
    ["an older nbformat", (n) => Object.assign(n, { nbformat_minor: 4 }), /nbformat_minor must be >= 5/],
    [
      "a cell without id",
      (n) => Object.assign(n.cells[1]!, { id: undefined }),
      /must have required property 'id'/,
    ],
    ["an id with a dot", (n) => Object.assign(n.cells[1]!, { id: "a.b" }), /cells\/1\/id must match pattern/],
    ["an empty id", (n) => Object.assign(n.cells[1]!, { id: "" }), /cells\/1\/id must/],
    [
      "an id used twice",
      (n) => Object.assign(n.cells[1]!, { id: "words" }),
      /several cells have the id "words"/,
    ],
    ["a property that nbformat lacks", (n) => Object.assign(n, { extra: 1 }), /must NOT have additional/],
    [
      "an output",
      (n) => Object.assign(n.cells[1]!, { outputs: [{ output_type: "stream", name: "stdout", text: "" }] }),
      /^cell 2 has outputs$/,
    ],
    [
      "an execution_count",
      (n) => Object.assign(n.cells[2]!, { execution_count: 1 }),
      /^cell 3 has an execution_count$/,
    ],
    [
      "another kernel",
      (n) => Object.assign(n.metadata.kernelspec, { name: "python3", language: "python" }),
      /expected the kernelspec workbook with language typescript, got python3 with python/,
    ],
    ["no kernel", (n) => Object.assign(n, { metadata: {} }), /got undefined with undefined/],
    ["a cell that does not parse", source("const = 1"), /^cell 2 does not parse: .*Expected identifier/],
    [
      "a module that workbook lacks",
      source('import "workbook/nope"'),
      /^cell 2 imports "workbook\/nope": there is no/,
    ],
    [
      "a package that is not installed",
      source('const a = await import("left-pad")'),
      /imports "left-pad": there is no/,
    ],
    ["a missing import over lines", source('import {\n a,\n b\n} from\n "left-pad"'), /imports "left-pad"/],
    ["a missing import of types", source('import type { A } from "left-pad"'), /imports "left-pad"/],
    ["a missing import after code", source('const a = 1; export * from "left-pad"'), /imports "left-pad"/],
    [
      "a relative import",
      source('import { a } from "../lib/random"'),
      /expected workbook\/\.\.\. or an installed/,
    ],
  ];

  /** Replaces the source of the first code cell. */
  function source(code: string) {
    return (notebook: Made) => Object.assign(notebook.cells[1]!, { source: code });
  }

  for (const [what, spoil, problem] of wrong) {
    it(`find ${what}`, async () => {
      const notebook = good();
      spoil(notebook);
      // As read from a file: what is undefined is not there.
      const problems = await lint(JSON.parse(JSON.stringify(notebook)));
      expect(problems.join("\n")).to.match(new RegExp(problem, "m"));
    });
  }
});
