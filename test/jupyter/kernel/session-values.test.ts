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

  it("tables escape their cells and stop at 60 rows", async () => {
    const html = (await driver.run("Array.from({ length: 100 }, (_, i) => ({ i, t: '<i>' }))")).bundle?.[
      "text/html"
    ];
    expect(html).to.include("&lt;i&gt;").and.include("40 more rows");
    expect(String(html).match(/<tr>/g)).to.have.length(61);
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
