import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { transformSync } from "esbuild";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { judge } from "workbook/grading/judge";
import { loadGraded } from "workbook/grading/lessons";
import { loadTypeScript } from "workbook/grading/load";
import { type Cost, inProcess, type Subject } from "workbook/grading/subject";
import { type Plain, PlainTensor } from "workbook/grading/values";
import { Allowance } from "workbook/grading/wall/allowance";
import { decode } from "workbook/grading/wall/decode";
import { encode } from "workbook/grading/wall/encode";
import { type IsolatedSubject, isolated } from "workbook/grading/wall/isolated";
import { defaultLimits } from "workbook/grading/wall/limits";
import { Stopped, WalledProcess } from "workbook/grading/wall/process";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { mutated } from "./mutate.js";

const drawn = random("cost");
const matrix = (rows: number, columns: number) =>
  new PlainTensor(
    [rows, columns],
    "float32",
    Float32Array.from({ length: rows * columns }, () => drawn.normal()),
  );
const x = matrix(16, 8);

/** Functions of one matrix whose cost is known to both sides. */
const honest = `
  const tf = require("@tensorflow/tfjs");
  exports.product = (x) => tf.matMul(x, x, false, true);
  exports.chain = (x) => tf.tidy(() => tf.softmax(tf.add(tf.reshape(x, [8, 16]), tf.range(0, 16))));
  exports.gradient = (x) => tf.grad((y) => tf.sum(tf.square(tf.tanh(y))))(x);
  exports.many = (x) => ({ a: tf.sum(x), b: tf.concat(tf.unstack(x), 0), parts: 2 });
  exports.given = (x) => x;
  exports.scaled = (x) => tf.mul(x, tf.scalar(3));
  exports.masked = (x) => { const mask = tf.tensor2d(Array.from({ length: 128 }, (_, i) => i % 2), [16, 8]); return tf.mul(x, mask); };
  const kept = tf.tensor1d([1, 2, 3, 4, 5, 6, 7, 8]);
  exports.outside = (x) => tf.add(x, kept);
  exports.variable = (x) => { const v = tf.variable(tf.mul(x, 2)); return tf.add(v, 1); };
  exports.complex = (x) => tf.real(tf.spectral.fft(tf.complex(x, tf.zerosLike(x))));
  exports.einsum = (x) => tf.einsum("ij,kj->ik", x, x);
`;

const names = [...honest.matchAll(/exports\.(\w+) =/g)].map(([, name]) => name!);

async function refused(subject: Subject, name: string, pattern: RegExp): Promise<void> {
  const outcome = await subject.cost(name, [x]).then(
    ({ cost }) => `cost ${JSON.stringify(cost)}`,
    (error: Error) => `${error.name}: ${error.message}`,
  );
  expect(outcome).to.match(pattern);
}

describe("cost behind the wall", function () {
  this.timeout(120_000);
  before(() => useBackend());
  after(() => useBackend());

  describe("of honest answers", () => {
    let subject: IsolatedSubject;
    before(() => {
      subject = isolated(honest);
    });
    after(() => subject.close());

    for (const name of names) {
      it(`of "${name}" is what lib/measure counts beside the answer`, async () => {
        const module = { exports: {} as Record<string, unknown> };
        const load = new Function("module", "exports", "require", honest);
        load(module, module.exports, () => tf);
        const wanted = await inProcess(module.exports).cost(name, [x]);
        const got = await subject.cost(name, [x]);
        // A module's own tensors exist before the call, where the answer lives; the meter must make them.
        const own = name === "outside" ? 32 : 0;
        expect(got.cost).to.deep.equal({ ...wanted.cost, peakBytes: wanted.cost.peakBytes + own });
      });
    }

    it("and the transformer's solution earns every point, at the same cost at every size", async () => {
      const file = "solutions/transformer.ts";
      const { exports } = await loadTypeScript(file);
      const text = readFileSync(path.join(root, file), "utf8");
      const solution = isolated(transformSync(text, { loader: "ts", format: "cjs", target: "node20" }).code);
      const graded = await loadGraded("transformer");
      const only = ["lastOutput"];
      try {
        const [wanted, got] = [recorded(inProcess(exports)), recorded(solution)];
        await judge(graded, wanted.subject, { seed: "1", only });
        const report = await judge(graded, got.subject, { seed: "1", only, timeout: 100_000 });
        expect(report.score).to.equal(report.maxScore);
        expect(got.costs.length).to.be.above(3);
        expect(got.costs).to.deep.equal(wanted.costs);
      } finally {
        await solution.close();
      }
    });
  });

  describe("of cheats", () => {
    it("a result computed in plain JavaScript is no constant", () =>
      cheat(
        `exports.f = (x) => { const out = x.arraySync().map((row) => row.map((v) => 2 * v)); return tf.mul(tf.tensor(out), 1); };`,
        /^AssertionError: f: the operations that were counted do not give its result for other numbers/,
      ));

    it("nor is a part of it, computed in plain JavaScript", () =>
      cheat(
        `exports.f = (x) => tf.matMul(tf.softmax(tf.tensor(x.arraySync())), x, false, true);`,
        /for other numbers/,
      ));

    it("nor is one that was memorised from another call", async () => {
      const code = `let first; exports.f = (x) => { first ??= tf.keep(tf.matMul(x, x, false, true)); return tf.clone(first); };`;
      const subject = isolated(`const tf = require("@tensorflow/tfjs"); ${code}`);
      try {
        await subject.cost("f", [x]);
        await refused(subject, "f", /for other numbers/);
      } finally {
        await subject.close();
      }
    });

    for (const [what, expression] of [
      ["sum", "tf.sum(x).dataSync()[0]"],
      ["largest number", "tf.max(x).dataSync()[0]"],
    ]) {
      it(`a ${what}, read and brought back, is no constant`, () =>
        cheat(`exports.f = (x) => tf.mul(tf.zerosLike(x).add(1), ${expression});`, /for other numbers/));
    }

    it("a number read off a tensor is no operation on it", () =>
      cheat("exports.f = (x) => ({ sum: x.dataSync().reduce((a, b) => a + b, 0) });", /for other numbers/));

    it("a kernel replaced by a cheaper one of the same name is run as it should be", () =>
      cheat(
        `const kernel = tf.getKernel("Square", "cpu"); const honest = kernel.kernelFunc;
         kernel.kernelFunc = (call) => { const out = honest(call); tf.engine().backend.readSync(out.dataId).fill(7); return out; };
         exports.f = (x) => tf.square(x);`,
        /^AssertionError: f: the operations that were counted do not give its result/,
      ));

    it("a kernel of its own is unknown to the meter", () =>
      cheat(
        `tf.registerKernel({ kernelName: "Magic", backendName: "cpu", kernelFunc: ({ inputs: { x }, backend }) => { backend.incRef(x.dataId); return x; } });
         exports.f = (x) => tf.engine().runKernel("Magic", { x });`,
        /cannot be repeated: it uses an operation named "Magic", which tfjs does not have$/,
      ));
  });

  it("a program that knows the first numbers, and a process that knows which numbers come second, earn nothing", async () => {
    const file = readFileSync(path.join(root, "solutions/transformer.ts"), "utf8");
    const solved = transformSync(file, { loader: "ts", format: "cjs", target: "node20" }).code;
    // Counted is a comparison with the numbers of the first call; for others it gives zeros, and the
    // process that gets those (drawn with repetition) gives zeros too.
    const subject = isolated(`${solved}\n${knowing}`, { limits: { seconds: 100 } });
    try {
      const { exercises } = await judge(await loadGraded("transformer"), subject, {
        seed: "1",
        only: ["lastOutput"],
        timeout: 100_000,
      });
      const [right, ...growth] = exercises[0]!.tests;
      expect(right, right!.message).to.include({ state: "passed" });
      for (const test of growth) expect(test).to.include({ state: "failed" });
      expect(growth[0]!.message).to.match(/largest error .* expected .*, got 0 /);
    } finally {
      await subject.close();
    }
  });

  it("the meter survives, or is replaced after, 300 mutated programs; none of them reaches the judge", async () => {
    const source = random("programs");
    const events = [
      ["make", 1, x],
      ["run", "BatchMatMul", { a: 0, b: 1 }, { transposeA: false, transposeB: true }, [2]],
      ["run", "Softmax", { logits: 2 }, { dim: -1 }, [3]],
      ["free", 2],
    ];
    const valid = encode({ events, tensors: [3] } as Plain);
    const limits = { ...defaultLimits, seconds: 20 };
    const seen = new Set<string>();
    let meter = new WalledProcess(limits, () => {});
    try {
      for (let i = 0; i < 300; i++) {
        const program = decoded(mutated(valid, source));
        if (program === undefined) continue;
        try {
          if (!meter.isAlive) meter = new WalledProcess(limits, () => {});
          await meter.started();
          const reply = await meter.ask({ kind: "replay", program, args: [x] }, new Allowance(limits));
          seen.add(Object.keys(reply)[1]!);
        } catch (error) {
          expect(error).to.be.instanceOf(Stopped);
          await meter.close();
        }
      }
    } finally {
      await meter.close();
    }
    expect([...seen].sort()).to.deep.equal(["broke", "value"]);
  });

  describe("of forged traces", () => {
    /** Sends this program in place of the real one, from inside of the process. */
    const forged = (program: string, result = "x") => `
      const entries = Object.entries;
      exports.f = (x) => {
        Object.entries = (value) => {
          const all = entries(value);
          return value?.program === undefined ? all : all.map(([key, item]) => [key, key === "program" ? (${program}) : item]);
        };
        return tf.clone(${result});
      };`;

    const forgeries: [what: string, program: string, pattern: RegExp][] = [
      [
        "no program",
        "null",
        /^AssertionError: what the answer did with tensors cannot be repeated: it is no program/,
      ],
      [
        "a program that gives nothing",
        "({ events: [], tensors: [] })",
        /the operations that were counted do not give/,
      ],
      [
        "a tensor used after it was freed",
        `({ events: [["run", "Identity", { x: 0 }, {}, [1]], ["free", 1], ["run", "Identity", { x: 1 }, {}, [2]]], tensors: [2] })`,
        /uses a tensor that is not there, or not any more$/,
      ],
      [
        "a tensor made twice",
        `({ events: [["run", "Identity", { x: 0 }, {}, [0]]], tensors: [0] })`,
        /makes the same tensor twice$/,
      ],
      [
        "more outputs than there are",
        `({ events: [["run", "Identity", { x: 0 }, {}, [1, 2]]], tensors: [1] })`,
        /gives 1 tensors$/,
      ],
      ["an event of no kind", `({ events: [["score", 5]], tensors: [0] })`, /it is no program$/],
      [
        "a kernel with nonsense for attributes",
        `({ events: [["run", "Transpose", { x: 0 }, { perm: "__proto__" }, [1]]], tensors: [1] })`,
        /cannot be repeated|do not give|no counts/,
      ],
      [
        "a kernel without its inputs",
        `({ events: [["run", "BatchMatMul", {}, {}, [1]]], tensors: [1] })`,
        /cannot be repeated/,
      ],
      [
        "a window of negative size, to count less",
        `({ events: [["run", "Reshape", { x: 0 }, { shape: [1, 16, 8, 1] }, [1]],
            ["run", "AvgPool", { x: 1 }, { filterSize: [-9, 9], strides: 1, pad: "same" }, [2]],
            ["run", "Identity", { x: 0 }, {}, [3]]], tensors: [3] })`,
        /cannot be repeated|"uncounted":\["AvgPool"\]/,
      ],
      [
        "a bomb of memory in Fill: it is the meter that bursts",
        `({ events: Array.from({ length: 100 }, (_, i) => ["run", "Fill", {}, { shape: [3e7], value: 1, dtype: "float32" }, [i + 1]]), tensors: [0] })`,
        /^AnswerError: f (crashed|ended) its process|cannot be repeated/,
      ],
      [
        "a bomb of memory in Tile",
        `({ events: [["run", "Tile", { x: 0 }, { reps: [1e5, 1e5] }, [1]]], tensors: [0] })`,
        /^AnswerError: f (crashed|ended) its process|cannot be repeated/,
      ],
    ];
    for (const [what, program, pattern] of forgeries) {
      it(what, () => cheat(forged(program), pattern));
    }

    it("a forged program that is right and cheap is the answer that it gives", async () => {
      const code = forged(`({ events: [["run", "Identity", { x: 0 }, {}, [1]]], tensors: [1] })`);
      await cheat(code, /^cost \{"flops":0,"peakBytes":0,"uncounted":\[\]\}$/);
    });
  });
});

async function cheat(code: string, pattern: RegExp): Promise<void> {
  const subject = isolated(`const tf = require("@tensorflow/tfjs"); ${code}`, { limits: { seconds: 60 } });
  try {
    await refused(subject, "f", pattern);
  } finally {
    await subject.close();
  }
}

/** An answer to `lastOutput` in plain JavaScript. */
const knowing = `
  const product = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, value, i) => sum + value * b[i][j], 0)));
  const knows = (x, wq, wk, wv) => {
    const rows = x.arraySync();
    if (new Set(rows.flat()).size < 0.9 * rows.flat().length) return tf.zeros([1, wq.shape[1]]);
    const [q, k, v] = [wq, wk, wv].map((w) => product(rows, w.arraySync()));
    const scores = k.map((key) => key.reduce((sum, value, d) => sum + value * q.at(-1)[d], 0) / Math.sqrt(wq.shape[1]));
    const powers = scores.map((score) => Math.exp(score));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const y = tf.tensor2d(product([powers.map((power) => power / total)], v));
    return tf.where(tf.all(tf.equal(x, tf.tensor2d(rows))), y, tf.zerosLike(y));
  };
  module.exports = { ...module.exports, lastOutput: knows };
`;

/** Undefined where the channel would have refused it. */
function decoded(bytes: Uint8Array): Plain | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function recorded(subject: Subject): { subject: Subject; costs: Cost[] } {
  const costs: Cost[] = [];
  const cost: Subject["cost"] = async (...call) => {
    const result = await subject.cost(...call);
    costs.push(result.cost);
    return result;
  };
  return { subject: { call: subject.call, read: subject.read, cost }, costs };
}
