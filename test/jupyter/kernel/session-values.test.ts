import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { Driver } from "./session-driver.js";

/** A value, and the MIME types that show it. */
const bundles: Readonly<Record<string, readonly [code: string, types: readonly string[]]>> = {
  "a number is text": ["1", ["text/plain"]],
  "an array of records is a table": ["[{ a: 1, b: 'x' }, { a: 2, b: '<' }]", ["text/plain", "text/html"]],
  "an array of numbers is text": ["[1, 2]", ["text/plain"]],
  "an array of class instances is text": ["class A { x = 1 } [new A()]", ["text/plain"]],
  "Vega-Lite keeps its version": [
    "({ $schema: 'https://vega.github.io/schema/vega-lite/v5.json', mark: 'bar' })",
    ["text/plain", "application/vnd.vegalite.v5+json"],
  ],
  "Vega is not Vega-Lite": [
    "({ $schema: 'https://vega.github.io/schema/vega/v5.json' })",
    ["text/plain", "application/vnd.vega.v5+json"],
  ],
  "a Plotly figure": [
    "({ data: [{ type: 'scatter', y: [1] }] })",
    ["text/plain", "application/vnd.plotly.v1+json"],
  ],
  "data without traces is text": ["({ data: [1] })", ["text/plain"]],
  HTML: ["({ html: '<b>x</b>' })", ["text/plain", "text/html"]],
  SVG: ["({ svg: '<svg/>' })", ["text/plain", "image/svg+xml"]],
  LaTeX: ["({ latex: '$x$' })", ["text/plain", "text/latex"]],
  "an object with more keys than html is text": ["({ html: '<b>', other: 1 })", ["text/plain"]],
  "a bundle is shown as it is": [
    "({ 'text/markdown': '# x', 'text/plain': 'x' })",
    ["text/plain", "text/markdown"],
  ],
  "an object that shows itself": [
    "({ toBundle: () => ({ 'image/png': 'AA==' }) })",
    ["text/plain", "image/png"],
  ],
  "Jupyter.display, asynchronously": [
    "({ async [Symbol.for('Jupyter.display')]() { return { 'text/html': 'x' } } })",
    ["text/plain", "text/html"],
  ],
  "bytes of a PNG": [
    "new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])",
    ["text/plain", "image/png"],
  ],
  "bytes of a JPEG": ["new Uint8Array([0xff, 0xd8, 0xff, 0xe0])", ["text/plain", "image/jpeg"]],
  "other bytes are text": ["new Uint8Array([1, 2, 3])", ["text/plain"]],
};

describe("results", () => {
  let driver: Driver;
  before(() => {
    driver = new Driver();
  });
  after(() => driver.session.close());

  for (const [sentence, [code, types]] of Object.entries(bundles)) {
    it(sentence, async () => {
      const { bundle } = await driver.run(code);
      expect(Object.keys(bundle ?? {})).to.have.members(types);
    });
  }

  it("tables escape their cells, and of more than 30 rows show the first and the last", async () => {
    const table = async (rows: number) =>
      String(
        (await driver.run(`Array.from({ length: ${rows} }, (_, i) => ({ i, t: "<i>" }))`)).bundle?.[
          "text/html"
        ],
      );
    const long = await table(100);
    expect(long).to.include("&lt;i&gt;").and.include("100 rows, 85 of them not shown");
    expect(long.match(/<tr>/g), "head, 10 first, dots, 5 last").to.have.length(17);
    expect(long).to.match(/>9<.*>⋮<.*>95<.*>99</);
    expect((await table(30)).match(/<tr>/g)).to.have.length(31);
  });

  it("tables write the numbers of a column with the same digits, right-aligned, and align text left", async () => {
    const { bundle } = await driver.run(
      "[{ step: 1, loss: 3.2, name: 'a' }, { step: 10, loss: 1 / 3, name: 'b' }, { step: 2, loss: NaN }]",
    );
    const cells = [...String(bundle?.["text/html"]).matchAll(/<td style="text-align: (\w+)">(.*?)<\/td>/g)];
    expect(cells.map(([, align, text]) => `${align} ${text}`)).to.deep.equal([
      ...["right 1", "right 3.2000", "left a"],
      ...["right 10", "right 0.3333", "left b"],
      ...["right 2", "right NaN", "left "],
    ]);
  });

  it("text has no colours and hides what Node pins to promises", async () => {
    expect((await driver.run("({ a: 'x', p: Promise.resolve(1) })")).result).to.equal(
      "{ a: 'x', p: Promise { 1 } }",
    );
  });

  it("a value whose own method throws is still shown", async () => {
    const { result } = await driver.run("({ toBundle() { throw new Error('no') } })");
    expect(result).to.include("toBundle").and.include("showing it failed: no");
  });

  describe("of tensors", () => {
    before(() => driver.run("import * as tf from '@tensorflow/tfjs'"));

    it("tell shape, type, statistics and a preview", async () => {
      const { bundle } = await driver.run("tf.tensor2d([[1, 2], [3, 6]])");
      expect(bundle?.["text/plain"]).to.equal(
        "Tensor [2, 2] float32 · min 1, mean 3, max 6\n[[1, 2],\n [3, 6]]",
      );
      expect(bundle?.["text/html"]).to.include("<b>Tensor [2, 2] float32</b>");
    });

    it("line up the numbers of matrices, and tell an exact zero from a small number", async () => {
      const { result } = await driver.run("tf.tensor2d([[0, 1e-5, 0.25], [-12.5, 3, 1 / 3]])");
      expect(result?.split("\n").slice(1)).to.deep.equal([
        "[[     0,   0.00,   0.25],",
        " [-12.50,   3.00,   0.33]]",
      ]);
    });

    it("show masks, booleans and strings as they are", async () => {
      const shown = async (code: string) => (await driver.run(code)).result?.split("\n").slice(1).join("\n");
      expect(await shown("tf.tensor1d([-1e9, 0.12345, 1])")).to.equal("[-1000000000, 0.1235, 1]");
      expect(await shown("tf.tensor1d([true, false], 'bool')")).to.equal("[true, false]");
      expect(await shown("tf.tensor1d(['a', 'b'])")).to.equal('["a", "b"]');
      expect((await driver.run("tf.scalar(3)")).result).to.equal("Tensor [] float32\n3");
    });

    it("show all of a small tensor of higher rank, and the first matrix of a large one", async () => {
      const { result: small } = await driver.run("tf.range(0, 8).reshape([2, 2, 2])");
      expect(small).to.match(/\n\[\[\[0, 1\],\n {2}\[2, 3\]\],\n \[\[4, 5\],\n {2}\[6, 7\]\]\]$/);
      const { result: large } = await driver.run("tf.range(0, 4096).reshape([2, 4, 64, 8])");
      const lines = large?.split("\n") ?? [];
      expect(lines).to.have.length(8);
      expect(lines.at(1)).to.equal("[[[[  0,   1,   2, …,   5,   6,   7],");
      expect(lines.at(-1)).to.equal("   [504, 505, 506, …, 509, 510, 511]], …], …]");
    });

    it("inside of other values tell shape and type, and console.log shows them too", async () => {
      const nested = await driver.run("({ q: tf.ones([2, 2]), all: [tf.variable(tf.scalar(1))] })");
      expect(nested.result).to.equal("{ q: <Tensor [2, 2] float32>, all: [ <Tensor [] float32> ] }");
      const { stdout } = await driver.run("console.log('q:', tf.tensor1d([1, 2]))");
      expect(stdout).to.equal("q: Tensor [2] float32 · min 1, mean 1.5, max 2\n[1, 2]\n");
    });

    it("shorten long axes and count what is not finite", async () => {
      const { result } = await driver.run("tf.tensor1d([NaN, 1, 2, 3, 4, 5, 6, 7])");
      expect(result).to.include("1 not finite").and.include("[NaN, 1, 2, …, 5, 6, 7]");
    });

    it("say when one is disposed", async () => {
      expect((await driver.run("const t = tf.scalar(1); t.dispose(); t")).result).to.equal(
        "Tensor [] float32 (disposed)",
      );
    });
  });
});

describe("isComplete", () => {
  let driver: Driver;
  before(() => {
    driver = new Driver();
  });
  after(() => driver.session.close());
  const answers: Readonly<Record<string, readonly string[]>> = {
    complete: ["1 + 1", "", "const a: number = 1", "await (x)", "if (a) { b }", "`a\nb`", "// only this"],
    incomplete: [
      "const a =",
      "f(",
      "if (x) {",
      "`abc",
      "/* abc",
      "[1,",
      "class A {",
      "x +\n// why\n",
      "type A = {",
      "() =>",
    ],
    invalid: ["a b", "}", '"abc', "return 1", "const a = ;", "let x; let x;"],
  };
  for (const [status, codes] of Object.entries(answers)) {
    for (const code of codes) {
      it(`${JSON.stringify(code)} is ${status}`, () => {
        expect(driver.session.isComplete(code).status).to.equal(status);
      });
    }
  }

  it("indents after an opening bracket, and keeps the indentation otherwise", () => {
    const indents = ["if (x) {", "if (x) {\n  y();", "f(1,"].map(
      (code) => driver.session.isComplete(code).indent,
    );
    expect(indents).to.deep.equal(["  ", "  ", ""]);
  });
});
