import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { setDisplayHost } from "workbook/display";
import { adamw } from "workbook/learn/adamw";
import { loadCheckpoint, saveCheckpoint } from "workbook/learn/checkpoint";
import { initLanguageModel, languageModelLoss } from "workbook/learn/language-model";
import { decodeTensors, encodeTensors } from "workbook/learn/safetensors";
import { sampleBatch } from "workbook/learn/text";
import { train } from "workbook/learn/train";

const config = { vocabulary: 5, width: 8, layers: 1, heads: 2 };
const tokens = Int32Array.from({ length: 100 }, (_, i) => (i * i) % 5);

/** A model with an optimiser, and training between two steps. */
function fresh(seed: number) {
  const params = initLanguageModel({ config, seed });
  const optimiser = adamw({ params });
  const to = (steps: number, firstStep: number) =>
    train({
      params,
      optimiser,
      learningRate: 0.01,
      steps,
      firstStep,
      batch: (step) => sampleBatch({ tokens, length: 6, batch: 3, seed: step }),
      loss: (batch) => languageModelLoss({ config, params, batch }),
    });
  const dispose = () => {
    optimiser.dispose();
    tf.dispose(params);
  };
  return { params, optimiser, to, dispose };
}

describe("checkpoint", () => {
  let folder: string;
  before(async () => {
    await useBackend();
    setDisplayHost(() => {});
    folder = mkdtempSync(path.join(tmpdir(), "workbook-checkpoint-"));
  });
  after(() => {
    setDisplayHost(undefined);
    rmSync(folder, { recursive: true });
  });

  it("five steps, a checkpoint, and five more from it give the losses of ten steps, bit by bit", async () => {
    const whole = fresh(1);
    const { training } = await whole.to(10, 0);
    const first = fresh(1);
    await first.to(5, 0);
    const file = path.join(folder, "run.safetensors");
    saveCheckpoint({ path: file, params: first.params, optimiser: first.optimiser, step: 5, config });
    const second = fresh(2);
    const before = tf.memory().numTensors;
    const loaded = loadCheckpoint({ path: file, params: second.params, optimiser: second.optimiser });
    expect(tf.memory().numTensors).to.equal(before);
    expect(loaded).to.deep.equal({ step: 5, config });
    for (const [name, parameter] of Object.entries(first.params)) {
      expect(Array.from(second.params[name]!.dataSync()), name).to.deep.equal(
        Array.from(parameter.dataSync()),
      );
    }
    const rest = await second.to(10, loaded.step);
    expect(rest.training).to.deep.equal(training.slice(5));
    expect(readdirSync(folder)).to.deep.equal(["run.safetensors"]);
    for (const model of [whole, first, second]) model.dispose();
  });

  it("refuses another model's file, one without an optimiser, and files that are no checkpoint", () => {
    const model = fresh(1);
    const file = path.join(folder, "other.safetensors");
    const load = (withOptimiser = false) =>
      loadCheckpoint({
        path: file,
        params: model.params,
        ...(withOptimiser ? { optimiser: model.optimiser } : {}),
      });
    const before = model.params.output!.dataSync().slice();
    const save = (params: Parameters<typeof saveCheckpoint>[0]["params"]) =>
      saveCheckpoint({ path: file, params, step: 0 });

    const wider = initLanguageModel({ config: { ...config, width: 16 }, seed: 1 });
    save(wider);
    expect(() => load()).to.throw(
      `loadCheckpoint: ${file}: expected blocks.0.ffn.b1 of shape [32], got [64]`,
    );
    const { output, ...rest } = model.params;
    save({ ...rest, extra: output! });
    expect(() => load()).to.throw("got a file without [output] and with [extra] besides");
    save(model.params);
    expect(() => load(true)).to.throw("expected an optimiser's state, got a file without one");
    writeFileSync(file, encodeTensors({ tensors: { a: model.params.output! } }));
    expect(() => load()).to.throw("expected a checkpoint, got another safetensors file");
    expect(() => loadCheckpoint({ path: path.join(folder, "none"), params: model.params })).to.throw(
      "ENOENT",
    );
    expect(Array.from(model.params.output!.dataSync())).to.deep.equal(Array.from(before));
    tf.dispose(wider);
    model.dispose();
  });

  it("refuses a file cut anywhere, or with anything appended", () => {
    const model = fresh(1);
    const file = path.join(folder, "cut.safetensors");
    saveCheckpoint({ path: file, params: model.params, step: 0 });
    const bytes = readFileSync(file);
    const before = tf.memory().numTensors;
    for (const length of [0, 7, 8, 9, 500, bytes.length - 1]) {
      writeFileSync(file, bytes.subarray(0, length));
      expect(() => loadCheckpoint({ path: file, params: model.params }), `${length} bytes`).to.throw(
        RangeError,
        `loadCheckpoint: ${file}: expected`,
      );
    }
    writeFileSync(file, Buffer.concat([bytes, Buffer.from([0])]));
    expect(() => loadCheckpoint({ path: file, params: model.params })).to.throw("the file is damaged");
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });
});

describe("safetensors", () => {
  before(async () => {
    await useBackend();
  });

  it("writes what the format says, byte by byte", () => {
    const a = tf.tensor1d([1, -2]);
    const bytes = encodeTensors({ tensors: { a }, metadata: { k: "v" } });
    const header = '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const length = Math.ceil(header.length / 8) * 8;
    expect(bytes.readBigUInt64LE()).to.equal(BigInt(length));
    expect(bytes.toString("utf8", 8, 8 + length)).to.equal(header.padEnd(length));
    // 1 and −2 in IEEE 754 single precision, little-endian.
    expect([...bytes.subarray(8 + length)]).to.deep.equal([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    a.dispose();
  });

  it("every float32 bit pattern comes back: infinities, NaN, −0 and the smallest number", () => {
    const special = new Float32Array([Number.POSITIVE_INFINITY, Number.NaN, -0, 1.401298464324817e-45, 0.1]);
    const tensors = { special: tf.tensor1d(special), none: tf.zeros([0, 3]), scalar: tf.scalar(7, "int32") };
    const back = decodeTensors(encodeTensors({ tensors }));
    expect(new Uint8Array(back.tensors.special!.dataSync().slice().buffer)).to.deep.equal(
      new Uint8Array(special.buffer),
    );
    expect(back.tensors.none!.shape).to.deep.equal([0, 3]);
    expect(back.tensors.scalar!.dtype).to.equal("int32");
    expect(back.tensors.scalar!.arraySync()).to.equal(7);
    tf.dispose([tensors, back.tensors]);
  });

  it("reads a file whose tensors come in another order, and names what it cannot read", () => {
    const file = (header: object | string, size: number) => {
      const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json, Buffer.alloc(size, 1)]);
    };
    const entry = (dtype: string, shape: number[], start: number, end: number) => ({
      dtype,
      shape,
      data_offsets: [start, end],
    });
    const { tensors } = decodeTensors(file({ b: entry("I32", [1], 4, 8), a: entry("I32", [], 0, 4) }, 8));
    expect(tensors.b!.arraySync()).to.deep.equal([0x01010101]);
    tf.dispose(tensors);
    const fails = (header: object | string, size: number, message: string) =>
      expect(() => decodeTensors(file(header, size))).to.throw(RangeError, message);
    fails("[]", 0, "expected a safetensors file, got a header that is no JSON object");
    fails("{", 0, "expected a safetensors file, got a header that is no JSON object");
    fails({ a: { dtype: "F32" } }, 0, "got no dtype, shape and data_offsets for a");
    fails({ a: entry("F64", [1], 0, 8) }, 8, "expected a as F32 or I32, got F64");
    fails({ a: entry("F32", [2], 0, 4) }, 4, "expected a of shape [2] in 8 bytes, got 4");
    fails({ a: entry("F32", [2], 0, 8) }, 4, "expected 8 bytes of tensors, got 4: the file is damaged");
    expect(() => decodeTensors(Buffer.from("PK\u0003\u0004 not tensors at all"))).to.throw(
      "it is truncated, or something else",
    );
  });

  it("refuses a dtype that it would change", () => {
    const flag = tf.tensor1d([true], "bool");
    expect(() => encodeTensors({ tensors: { flag } })).to.throw(
      "expected flag to be float32 or int32, got bool",
    );
    flag.dispose();
  });
});
