/** The frame of `npm run bench:gpu`: its ceilings compute what they claim, and no rung is timed that is wrong. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import type { Case } from "workbook/kernels/bench/frame/benchmark";
import { copyOf, product } from "workbook/kernels/bench/frame/ceilings";
import { measureRungs } from "workbook/kernels/bench/frame/measure";
import { describeGpu, gpuBackend } from "workbook/kernels/device";
import { random } from "workbook/random";
import { onGpu, read } from "./on-gpu.js";

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

  /** The case above, measured; leaves no tensor behind. */
  async function measured(rung: (x: tf.Tensor) => tf.Tensor, skip: string[] = []) {
    const before = tf.memory().numTensors;
    const one = caseOf(rung);
    const inputs = one.inputs();
    const heard: string[] = [];
    const result = await measureRungs(one, inputs, effort, {
      skip,
      listener: {
        starting: (name) => heard.push(`starting ${name}`),
        timed: ({ rung: name }) => heard.push(`timed ${name}`),
        missing: ({ rung: name }) => heard.push(`missing ${name}`),
      },
    });
    tf.dispose(inputs);
    expect(tf.memory().numTensors).to.equal(before);
    return { ...result, heard };
  }

  it("times every rung that gives the composition's numbers, and keeps those numbers", async () => {
    const { timed, missing, numbers, heard } = await measured((x) => tf.mul(x, 1));
    expect(timed.map(({ rung }) => rung)).to.deep.equal(["composed", "other"]);
    for (const { milliseconds, wall } of timed) expect(Math.min(milliseconds, wall)).to.be.above(0);
    expect(missing).to.deep.equal([]);
    expect(numbers).to.deep.equal([{ shape: [8], data: Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7]) }]);
    expect(heard).to.deep.equal(["starting composed", "timed composed", "starting other", "timed other"]);
  });

  it("a rung whose numbers are not the composition's is refused before it is timed", async () => {
    const { timed, missing } = await measured((x) => tf.add(x, 1));
    expect(timed.map(({ rung }) => rung)).to.deep.equal(["composed"]);
    expect(missing[0]).to.include({ rung: "other", wrong: true });
    expect(missing[0]!.reason).to.match(/^x \+ 0, other: largest error 1\.00e\+0/);
  });

  it("a rung that fails, or gets no memory, costs its own time alone", async () => {
    const thrown = await measured(() => {
      throw new Error("no such rung here");
    });
    expect(thrown.missing).to.deep.equal([{ rung: "other", reason: "no such rung here", wrong: false }]);
    const size = describeGpu().limits.maxBufferSize + 4;
    const large = await measured((x) => {
      gpuBackend().device.createBuffer({ size, usage: GPUBufferUsage.STORAGE });
      return tf.mul(x, 1);
    });
    expect(large.timed.map(({ rung }) => rung)).to.deep.equal(["composed"]);
    expect(large.missing[0]).to.include({ rung: "other", wrong: false });
    expect(large.missing[0]!.reason).to.match(/^webgpu: the GPU refused a command.*size/i);
  });

  it("goes on behind the rungs that another process has measured", async () => {
    const { heard } = await measured((x) => tf.mul(x, 1), ["composed"]);
    expect(heard).to.deep.equal(["starting other", "timed other"]);
  });
});
