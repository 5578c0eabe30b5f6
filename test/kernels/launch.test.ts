import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { gpuBackend } from "workbook/kernels/device";
import { launch } from "workbook/kernels/launch";
import { sumRows } from "workbook/kernels/sum-rows";
import { onGpu } from "./on-gpu.js";

const doubled = `
  struct Sizes { size: u32, add: u32 }
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> changed: array<f32>;
  @group(0) @binding(2) var<storage, read_write> out: array<f32>;
  @group(0) @binding(3) var<uniform> n: Sizes;

  @compute @workgroup_size(64)
  fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= n.size) { return; }
    out[id.x] = 2 * x[id.x];
    changed[id.x] += x[id.x] + f32(n.add);
  }`;

const tensor = (info: tf.TensorInfo) => tf.engine().makeTensorFromTensorInfo(info);

onGpu("kernels/launch", () => {
  it("binds inputs, what is changed in place, outputs and sizes in this order", async () => {
    const [x, changed] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([10, 20, 30])];
    const [out, ...others] = launch({
      code: doubled,
      inputs: [x],
      inPlace: [changed],
      outputs: [[3]],
      sizes: [3, 100],
      workgroups: [1],
    });
    expect([...(await tensor(out!).data())]).to.deep.equal([2, 4, 6]);
    expect([...(await changed.data())]).to.deep.equal([111, 122, 133]);
    expect(others).to.deep.equal([]);
  });

  it("refuses more storage buffers than the device takes, before it makes any", () => {
    const most = gpuBackend().device.limits.maxStorageBuffersPerShaderStage;
    const x = tf.ones([1]);
    const before = tf.memory().numDataBuffers;
    const message = `launch: expected at most ${most} storage buffers, got ${most + 1}`;
    for (const [inputs, inPlace] of [
      [most, 0],
      [most - 1, 1],
    ] as const) {
      const many = (count: number) => Array<tf.Tensor>(count).fill(x);
      const run = () =>
        launch({
          code: "",
          inputs: many(inputs),
          inPlace: many(inPlace),
          outputs: [[1]],
          workgroups: [1],
        });
      expect(run).to.throw(RangeError).with.property("message", message);
    }
    expect(tf.memory().numDataBuffers).to.equal(before);
  });

  it("refuses more workgroups than the device takes, and counts that are none", () => {
    const most = gpuBackend().device.limits.maxComputeWorkgroupsPerDimension;
    for (const workgroups of [[most + 1], [1, most + 1], [1, 1, most + 1], [1.5], [-1]] as const) {
      const run = () => launch({ code: "", inputs: [], outputs: [], workgroups: workgroups as [number] });
      expect(run).to.throw(RangeError, `launch: expected at most ${most} workgroups each way, got`);
    }
  });

  it("sumRows adds the rows that begin where it is told, at widths beyond one line of workgroups", async () => {
    for (const [begin, rows, shape] of [
      [0, 1, [1]],
      [5, 3, [2, 65]],
      [0, 2, [32768 * 64 + 70]],
    ] as const) {
      const width = shape.reduce((product, size) => product * size, 1);
      const data = Float32Array.from({ length: begin + rows * width + 3 }, (_, i) => (i * 7919) % 1000);
      const sums = sumRows({ parts: tf.tensor1d(data), begin, rows, shape });
      expect(sums.shape).to.deep.equal([...shape]);
      const actual = await sums.data();
      const wrong = actual.findIndex((sum, column) => {
        let expected = 0;
        for (let row = 0; row < rows; row++) expected += data[begin + row * width + column]!;
        return sum !== expected; // whole numbers: exact
      });
      expect(wrong).to.equal(-1);
    }
  });
});
