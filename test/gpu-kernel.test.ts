/** `gpuKernel` in cells, as a notebook runs them. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { findOwnText } from "workbook/cell-text";
import { errorPicture } from "workbook/gpu-kernel/error-picture";
import { endPlayground, findPlayground } from "workbook/kernels/playground/run";
import { skipWithoutGpu } from "./gpu.js";
import { Driver, plain } from "./jupyter/kernel/session-driver.js";

const double = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < n.x) { y[id.x] = 2 * x[id.x]; }
}
`;
const cell = (wgsl: string, more = "") => `const double = await gpuKernel({
  wgsl: \`${wgsl}\`,
  inputs: [tf.range(0, 6)],
  output: [2, 3],
  sizes: [6],
  workgroups: [1],
  ${more}
});
console.log(double.shape.join(), (await double.data()).join());`;

describe("gpuKernel in a cell", () => {
  let driver: Driver;

  before(async function () {
    await findPlayground().catch((error: Error) => skipWithoutGpu(this, error));
    await useBackend();
    driver = new Driver();
    await driver.run(
      'import * as tf from "@tensorflow/tfjs";\nimport { gpuKernel } from "workbook/gpu-kernel";',
    );
  });
  after(() => {
    driver?.session.close();
    endPlayground();
  });

  const text = ({ shown }: Awaited<ReturnType<Driver["run"]>>) =>
    shown
      .flatMap((output) => (output.kind === "display" ? [String(output.data["text/plain"])] : []))
      .join("\n");

  it("returns a tensor of the current backend, of the output's shape", async () => {
    const { error, stdout } = await driver.run(cell(double));
    expect(plain(error)).to.equal("");
    expect(stdout).to.equal("2,3 0,2,4,6,8,10\n");
  });

  it("tells time, bytes and the largest error, and draws the errors", async () => {
    const done = await driver.run(cell(double, "reference: [0, 2, 4, 6, 8, 20],"));
    const [report, picture] = done.shown.filter(({ kind }) => kind === "display");
    expect(text(done)).to.match(/^· [\d.,e-]+ ms, median of \d+ runs?, by the /);
    expect(text(done)).to.contain("at least 24 B in and 24 B out");
    expect(text(done)).to.contain(
      "largest error 0.5, relative to max(1, |reference|), at [1, 2]: expected 20, got 10",
    );
    expect(report).to.have.nested.property("data.text/html");
    expect(picture).to.have.nested.property("data.application/vnd\\.vegalite\\.v5+json");
  });

  it("draws nothing where every number equals the reference", async () => {
    const done = await driver.run(cell(double, "reference: tf.tensor([[0, 2, 4], [6, 8, 10]]),"));
    expect(text(done)).to.contain("✔ every number equals the reference");
    expect(done.shown.filter(({ kind }) => kind === "display")).to.have.length(1);
  });

  it("shows an access outside of a buffer, and returns the result all the same", async () => {
    const done = await driver.run(cell(double.replace("id.x < n.x", "true")));
    expect(text(done)).to.contain("⚠ it writes outside of y: number 6, where 5 is the last");
    expect(done.stdout).to.contain("2,3 ");
  });

  it("a missing barrier's wrong result shows as an error", async () => {
    const reversed = double
      .replace("@compute", "var<workgroup> tile: array<f32, 64>;\n@compute")
      .replace("if (id.x < n.x)", "tile[id.x] = x[id.x]; /* no barrier */ if (id.x < n.x)")
      .replace("2 * x[id.x]", "tile[63 - id.x]");
    const sizes = "inputs: [tf.range(0, 64)], output: [64], sizes: [64], reference: tf.range(63, -1, -1),";
    const wrong = await driver.run(cell(reversed, sizes));
    expect(text(wrong)).to.contain("largest error 1,");
    const right = await driver.run(cell(reversed.replace("/* no barrier */", "workgroupBarrier();"), sizes));
    expect(text(right)).to.contain("✔ every number equals the reference");
  });

  it("points at the line of the cell that does not compile, and the next cell runs", async () => {
    const { error } = await driver.run(cell(double.replace("2 * x", "2 * z")));
    expect(error?.evalue).to.match(
      /^the WGSL does not compile: unresolved value 'z' \(cell \[\d+\], line 9\)$/,
    );
    expect(plain(error)).to.match(
      /^KernelError: .*\n *cell \[\d+\]:9:35\n.*\n.*\n> {2}9 \| {3}if \(id\.x < n\.x\) \{ y\[id\.x\] = 2 \* z\[id\.x\]; \}\n +\| {35}\^/,
    );
    expect((await driver.run(cell(double))).error).to.equal(undefined);
  });

  it("points at the line of the WGSL where the text was put together", async () => {
    const { error } = await driver.run(
      `await gpuKernel({ wgsl: "\\n" + "fn main() { z }", inputs: [], output: [1], workgroups: [1] })`,
    );
    expect(plain(error)).to.match(/WGSL:2:\d+\n {2}1 \| \n> 2 \| fn main\(\) \{ z \}/);
  });

  it("a kernel that does not end is ended, and the next cell runs", async () => {
    const endless = double.replace(
      "if (id.x < n.x)",
      "for (var k = 0u; n.x > 0; k++) { y[0] = f32(k); } if (true)",
    );
    const { error } = await driver.run(cell(endless, "seconds: 2,"));
    expect(`${error?.ename}: ${error?.evalue}`).to.equal(
      "KernelError: the kernel (is there a loop that does not end?) took longer than 2 s and was ended",
    );
    expect((await driver.run(cell(double))).stdout).to.equal("2,3 0,2,4,6,8,10\n");
  });

  it("leaves one tensor", async () => {
    const before = tf.memory().numTensors;
    await driver.run(
      cell(double, "reference: [0, 2, 4, 6, 8, 20],").replace(
        "tf.range(0, 6)",
        "Float32Array.of(0, 1, 2, 3, 4, 5)",
      ),
    );
    expect(tf.memory().numTensors - before).to.equal(1);
  });

  for (const [what, change, said] of [
    ["half a workgroup", "workgroups: [1.5],", "one to three whole numbers from 1, got [1.5]"],
    [
      "a reference of another length",
      "reference: [1],",
      "a reference of 6 numbers, as the output has, got 1",
    ],
    [
      "a list as input",
      "inputs: [[1, 2]],",
      "expected input 0 to be a tensor, Float32Array, Int32Array or Uint32Array, got Array",
    ],
    ["a negative size", "sizes: [-1],", "whole numbers from 0 (u32), got [-1]"],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { error } = await driver.run(cell(double, change));
      expect(error?.ename).to.equal("RangeError");
      expect(error?.evalue).to.contain(said);
    });
  }
});

describe("the picture of a kernel's error", () => {
  const legend = (figure: ReturnType<typeof errorPicture>) => String(figure.spec.description);

  it("has the output's rows and columns, leading axes flattened", () => {
    const numbers = new Float32Array(24);
    expect(legend(errorPicture(numbers, numbers, [2, 3, 4]))).to.contain(
      "6 rows (first 2 axes, flat) by 4 columns",
    );
    expect(legend(errorPicture(numbers, numbers, [24]))).to.contain("1 rows (index / 64) by 24 columns");
  });

  it("keeps the largest error of each block of a large output", () => {
    const [actual, expected] = [new Float32Array(300 * 200), new Float32Array(300 * 200)];
    actual[299 * 200 + 199] = 3;
    const said = legend(errorPicture(actual, expected, [300, 200]));
    expect(said).to.contain("100 rows").and.to.contain("100 columns").and.to.contain("from 0 to 3");
  });

  it("draws NaN as the largest error", () => {
    const said = legend(errorPicture([Number.NaN, 0.5, 0], [0, 0, 0], [1, 3]));
    expect(said).to.contain("from 0 to 0.5");
    expect(JSON.stringify(errorPicture([Number.NaN], [0], [1]).spec)).to.contain("NaN and infinities");
  });
});

describe("the reader's own text", () => {
  it("is nowhere where no kernel has told it", () => {
    expect(findOwnText("anything")).to.equal(undefined);
  });
});
