/** The frame of `npm run bench:gpu`: its ceilings compute what they claim, and no rung is timed that is wrong. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import type { Case } from "workbook/kernels/bench/frame/benchmark";
import { copyOf, product } from "workbook/kernels/bench/frame/ceilings";
import { measureCase } from "workbook/kernels/bench/frame/measure";
import { benchTable } from "workbook/kernels/bench/frame/table";
import { random } from "workbook/random";
import { onGpu, read } from "./on-gpu.js";

const ceilings = { bytesPerSecond: 1e9, flopsPerSecond: 2e9, product: "p", copy: "c" };
const effort = { batches: 1, milliseconds: 0 };
const exact = { tolerance: 0, because: "adding 0 is exact" };

/** A composition, and a rung beside it. */
function caseOf(rung: (x: tf.Tensor) => tf.Tensor): Case {
  return {
    label: "x + 0",
    flops: 8,
    bytes: 64,
    inputs: () => [tf.range(0, 8)],
    rungs: { composed: ([x]) => tf.add(x!, 0), other: ([x]) => rung(x!) },
    rounding: exact,
  };
}

onGpu("kernels/bench", () => {
  it("the copy copies every number, also where the grid covers it several times", async () => {
    for (const size of [4, 1028, 4096 * 256 * 4 + 8]) {
      const x = tf.range(0, size) as tf.Tensor1D;
      assertClose(await read(copyOf(x)), await read(x), exact, `size ${size}`);
    }
  });

  it("the product equals float64 sums of products", async () => {
    const n = 256;
    const [a, b] = [1, 2].map((seed) => random(seed).normalTensor<tf.Rank.R2>([n, n]));
    const [x, y] = [await a!.data(), await b!.data()];
    const data = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let k = 0; k < n; k++) sum += x[i * n + k]! * y[k * n + j]!;
      return sum;
    });
    const because = "float32 sums of 256 products";
    assertClose(await read(product(a!, b!)), { shape: [n, n], data }, { tolerance: 5e-5, because });
  });

  it("a case gives a row for each rung, compared with the composition and the ceilings", async () => {
    const before = tf.memory().numTensors;
    const rows = await measureCase(
      caseOf((x) => tf.mul(x, 1)),
      ceilings,
      effort,
    );
    expect(rows.map(({ case: what, rung }) => [what, rung])).to.deep.equal([
      ["x + 0", "composed"],
      ["x + 0", "other"],
    ]);
    for (const { milliseconds, speedup, bytesPerSecond, ofCopy, ofProduct } of rows) {
      expect(milliseconds).to.be.above(0);
      expect(speedup).to.be.closeTo(rows[0]!.milliseconds / milliseconds, 1e-9);
      expect(bytesPerSecond).to.be.closeTo(64_000 / milliseconds, 1e-3);
      expect(ofCopy / ofProduct).to.be.closeTo(64 / 1e9 / (8 / 2e9), 1e-9);
    }
    expect(tf.memory().numTensors).to.equal(before);
  });

  it("a rung whose numbers are not the composition's is refused before it is timed", async () => {
    const refused = measureCase(
      caseOf((x) => tf.add(x, 1)),
      ceilings,
      effort,
    );
    expect(await refused.then(String, (error: Error) => error.message)).to.match(
      /^x \+ 0, other: largest error 1\.00e\+0/,
    );
  });

  it("the table names machine and adapter, and calls software no GPU", async () => {
    const rows = await measureCase(
      caseOf((x) => tf.mul(x, 1)),
      ceilings,
      effort,
    );
    const setting = { machine: "M", adapter: "A", software: true, date: "2026-01-02T03:04:05Z" };
    const text = benchTable(rows, ceilings, setting);
    expect(text).to.contain("A, software in place of a GPU: no figure here is a GPU's; M; 2026-01-02");
    expect(text).to.contain("ceilings: 1 GB/s (c), 2 GFLOP/s (p, float32)");
    expect(benchTable(rows, ceilings, { ...setting, software: false })).to.not.contain("software");
  });
});
