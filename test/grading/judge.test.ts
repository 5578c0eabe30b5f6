import process from "node:process";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import Mocha, { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { graded } from "workbook/grading/graded";
import { judge } from "workbook/grading/judge";
import { inProcess, type Subject } from "workbook/grading/subject";
import { Todo, todo } from "workbook/grading/todo";
import { judged, lesson, right } from "./lesson.js";

describe("judge", () => {
  before(() => useBackend());

  it("gives right answers every point, and says nothing about them", async () => {
    const report = await judge(lesson, inProcess({ ...right }), { seed: "7" });
    expect(report.state).to.equal("graded");
    expect([report.score, report.maxScore]).to.deep.equal([5, 5]);
    expect(report.exercises.map(({ name, points }) => [name, points])).to.deep.equal([
      ["double", 3],
      ["square", 1],
      ["width", 1],
    ]);
    const tests = report.exercises.flatMap((exercise) => exercise.tests);
    expect(tests.filter(({ state, message, hint }) => state !== "passed" || message !== "" || hint)).to.be
      .empty;
  });

  it("takes from a wrong answer the points of the tests that see it, with expected and got", async () => {
    const { points, maxPoints, tests } = await judged("double", (x: tf.Tensor1D) => tf.mul(x, 3));
    expect([points, maxPoints]).to.deep.equal([1, 3]);
    expect(tests[0]).to.include({ state: "failed", points: 0, maxPoints: 2, hint: "tf.mul" });
    expect(tests[1]).to.include({ state: "passed", points: 1 });
    const formula = (await judged("square", (n: number) => n + n)).tests[0]!;
    const n = Math.sqrt(Number(formula.expected));
    expect(formula.message).to.equal(`n = ${n}: expected ${n * n}, got ${2 * n}`);
    expect(formula.got).to.equal(String(2 * n));
  });

  it("a comparison within a tolerance says what was expected first, like every other", async () => {
    const near = (label?: string) =>
      graded<{ f: () => number }>("lesson", {
        f: {
          title: "F",
          returns: "number",
          tests: [
            {
              sentence: "s",
              run: async ({ answer }) => expect(await answer(), label).to.be.closeTo(426, 4.26e-7) as never,
            },
          ],
        },
      });
    const message = async (label?: string) =>
      (await judge(near(label), inProcess({ f: () => 20.5 }), { seed: "1" })).exercises[0]!.tests[0]!.message;
    expect(await message("d = 426")).to.equal("d = 426: expected 426 ± 4.3e-7, got 20.5");
    expect(await message()).to.equal("expected 426 ± 4.3e-7, got 20.5");
  });

  it("same seed, same inputs; another seed, other inputs", async () => {
    const expected = async (seed: string) =>
      (await judged("square", () => 0, { seed })).tests.map((test) => test.expected);
    const seeds = ["1", "2", "3", "4", "5", "6"];
    const all = await Promise.all(seeds.map(expected));
    expect(await expected("3")).to.deep.equal(all[2]);
    expect(new Set(all.flat()).size).to.be.above(1);
  });

  it("an unanswered stub is to do, not failed; so is an unanswered constant", async () => {
    const stub = await judged("double", () => {
      throw new Todo("double");
    });
    expect(stub.tests.map(({ state }) => state)).to.deep.equal(["todo", "todo"]);
    expect(stub.tests[0]!.message).to.equal("double is not answered yet");
    const constant = await judged("width", todo<number>("width"));
    expect(constant.tests[0]).to.include({ state: "todo", message: "width is not answered yet" });
  });

  it("an answer that calls an unanswered one says which", async () => {
    const { tests } = await judged("square", () => {
      throw new Todo("double");
    });
    expect(tests[0]!.message).to.equal("square needs double, which is not answered yet");
  });

  it("an answer that throws stops its test with one line", async () => {
    const { tests, points } = await judged("square", () => {
      throw new RangeError("no\n  such n");
    });
    expect(points).to.equal(0);
    expect(tests[0]).to.include({ state: "error", message: "square threw RangeError: no such n" });
  });

  it("a failed assertion inside the answer is the answer's error, not the test's verdict", async () => {
    const { tests } = await judged("square", () => expect(1).to.equal(2));
    expect(tests[0]!.state).to.equal("error");
  });

  const wrongKinds: [what: string, answer: unknown, message: string][] = [
    ["nothing", undefined, "there is no double: nothing of that name is exported"],
    ["no function", 3, "double is the number 3; expected a function"],
    [
      "undefined",
      () => {},
      "double returned undefined; expected a float32 tensor [T] (is a `return` missing?)",
    ],
    ["a number", () => 2, "double returned the number 2; expected a float32 tensor [T]"],
    [
      "a Promise",
      async () => 2,
      "double returned a Promise; expected a float32 tensor [T] (write it without `async`)",
    ],
    [
      "a hanging Promise",
      () => new Promise(() => {}),
      "double returned a Promise; expected a float32 tensor [T] (write it without `async`)",
    ],
    [
      "a rejecting Promise",
      () => Promise.reject(new Error("no")),
      "double returned a Promise; expected a float32 tensor [T] (write it without `async`)",
    ],
    [
      "another dtype",
      (x: tf.Tensor) => tf.cast(x, "int32"),
      "double returned an int32 tensor of shape [3]; expected a float32 tensor [T]",
    ],
    [
      "another rank",
      (x: tf.Tensor) => tf.sum(x),
      "double returned a float32 tensor of shape []; expected a float32 tensor [T]",
    ],
    [
      "NaN",
      (x: tf.Tensor1D) => tf.mul(x, [1, Number.NaN, 1]),
      "double returned a float32 tensor of shape [3] with NaN at [1]; expected no NaN",
    ],
    [
      "a disposed tensor",
      () => disposed(),
      "double returned a tensor that is already disposed; expected a float32 tensor [T]",
    ],
    [
      "a typed array",
      () => new Float32Array(3),
      "double returned an object of type Float32Array; expected a float32 tensor [T]",
    ],
    [
      "an object that holds itself",
      () => cyclic(),
      "double returned an object with self; expected a float32 tensor [T]",
    ],
  ];
  for (const [what, answer, message] of wrongKinds) {
    it(`an answer that is or returns ${what} fails with one clear sentence`, async () => {
      const [first] = (await judged("double", answer)).tests;
      expect(first).to.include({ state: "failed", message });
    });
  }

  it("NaN instead of a number, and a constant of the wrong kind, fail with one clear sentence", async () => {
    const formula = (await judged("square", () => Number.NaN)).tests[0]!;
    expect(formula.message).to.equal("square returned NaN; expected a number");
    const constant = (await judged("width", "64")).tests[0]!;
    expect(constant.message).to.equal('width is the text "64"; expected a number');
  });

  it("infinities are left to the comparison, which rejects them", async () => {
    const { tests } = await judged("double", (x: tf.Tensor1D) => tf.div(x, 0));
    expect(tests[0]!.message).to.match(/^value: expected finite numbers, got -?Infinity at \[0\]/);
  });

  it("an answer must leave its inputs alive", async () => {
    const { tests } = await judged("double", (x: tf.Tensor1D) => {
      const y = tf.mul(x, 2);
      x.dispose();
      return y;
    });
    expect(tests[0]!.state).to.equal("failed");
    expect(tests[0]!.message).to.match(/^double disposed its argument 1;/);
  });

  it("a test without an end is stopped, and the next ones are judged all the same", async () => {
    const answers = inProcess({ ...right });
    const hanging: Subject = {
      ...answers,
      call: (name, args) => (name === "double" ? new Promise(() => {}) : answers.call(name, args)),
    };
    const { exercises } = await judge(lesson, hanging, { seed: "1", timeout: 30 });
    expect(exercises[0]!.tests[0]).to.include({ state: "error", message: "no result within 0.03 s" });
    expect(exercises.map(({ points }) => points)).to.deep.equal([0, 1, 1]);
  });

  it("what comes after the end of a test makes no tensor that nobody owns", async () => {
    const answers = inProcess({ ...right });
    const late: (() => void)[] = [];
    const tensors = tf.memory().numTensors;
    const subject: Subject = {
      ...answers,
      call: (_, args) => new Promise((resolve) => late.push(() => resolve(answers.call("double", args)))),
    };
    const { exercises } = await judge(lesson, subject, { seed: "1", timeout: 30, only: ["double"] });
    expect(exercises[0]!.points).to.equal(0);
    expect(late).to.have.length(2);
    for (const settle of late) settle();
    await nextTurn();
    expect(tf.memory().numTensors).to.equal(tensors);
  });

  it("a Promise that fails later fails silently: its answer has been judged", async () => {
    const surfaced: unknown[] = [];
    const note = (reason: unknown) => surfaced.push(reason);
    process.on("unhandledRejection", note);
    try {
      await judged("double", () => nextTurn().then(() => Promise.reject(new Error("late"))));
      for (let turn = 0; turn < 3; turn++) await nextTurn();
    } finally {
      process.off("unhandledRejection", note);
    }
    expect(surfaced).to.deep.equal([]);
  });

  it("leaves no tensor behind, whether answers are right, wrong, throwing or leaking", async () => {
    const answers: unknown[] = [
      right.double,
      (x: tf.Tensor1D) => tf.mul(x, 3),
      (x: tf.Tensor1D) => {
        tf.mul(x, x);
        throw new Error("after a tensor");
      },
      (x: tf.Tensor1D) => {
        tf.tensor1d([1, 2, 3]);
        return tf.add(tf.mul(x, 2), tf.zeros([3]));
      },
      async (x: tf.Tensor1D) => tf.mul(x, 2),
    ];
    for (const answer of answers) {
      const tensors = tf.memory().numTensors;
      await judged("double", answer);
      expect(tf.memory().numTensors, String(answer)).to.equal(tensors);
    }
  });

  it("runs inside mocha without a trace: no output, globals or listeners", async () => {
    const globals = Object.getOwnPropertyNames(globalThis);
    const listeners = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const written: unknown[] = [];
    const { stdout, stderr } = process;
    const original = [stdout.write, stderr.write] as const;
    stdout.write = stderr.write = ((text: unknown) => written.push(text) > 0) as typeof stdout.write;
    try {
      await judged("double", () => 3);
    } finally {
      [stdout.write, stderr.write] = original;
    }
    expect(written).to.deep.equal([]);
    expect(Object.getOwnPropertyNames(globalThis)).to.deep.equal(globals);
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).to.deep.equal(listeners);
  });

  it("leaves the settings of a mocha around it as they are", async () => {
    const settings = Mocha.reporters.Base as unknown as Record<string, unknown>;
    const { hideDiff, inlineDiffs } = settings;
    try {
      for (const value of [true, false]) {
        Object.assign(settings, { hideDiff: value, inlineDiffs: value });
        await judged("double", right.double);
        expect(settings).to.include({ hideDiff: value, inlineDiffs: value });
      }
    } finally {
      Object.assign(settings, { hideDiff, inlineDiffs });
    }
  });

  it("judgements that are asked for at the same time wait for each other", async () => {
    const answers = inProcess({ ...right });
    const delayed = (turns: number): Subject => ({
      ...answers,
      call: async (name, args) => {
        for (let turn = 0; turn < turns; turn++) await nextTurn();
        return answers.call(name, args);
      },
    });
    const tensors = tf.memory().numTensors;
    const reports = await Promise.all([1, 9].map((turns) => judge(lesson, delayed(turns), { seed: "1" })));
    expect(reports.map(({ score }) => score)).to.deep.equal([5, 5]);
    expect(tf.memory().numTensors).to.equal(tensors);
  });
});

/** Lets everything run that is ready to. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function disposed(): tf.Tensor {
  const tensor = tf.zeros([3]);
  tensor.dispose();
  return tensor;
}

function cyclic(): object {
  const object: Record<string, unknown> = {};
  object.self = object;
  return object;
}
