import { readFileSync } from "node:fs";
import path from "node:path";
import { AssertionError, expect } from "chai";
import { describe, it } from "mocha";
import { AnswerError } from "workbook/grading/subject";
import { isTodo } from "workbook/grading/todo";
import { PlainTensor } from "workbook/grading/values";
import { bundle } from "workbook/grading/wall/bundle";
import {
  type IsolatedOptions,
  type IsolatedSubject,
  isolated,
  WallError,
} from "workbook/grading/wall/isolated";
import { command } from "workbook/grading/wall/jail";

const vector = new PlainTensor([3], "float32", new Float32Array([1, 2, 3]));

async function behind<T>(
  code: string,
  use: (subject: IsolatedSubject) => Promise<T>,
  options: IsolatedOptions = {},
): Promise<T> {
  const subject = isolated(`const tf = require("@tensorflow/tfjs"); ${code}`, options);
  try {
    return await use(subject);
  } finally {
    await subject.close();
  }
}

/** What a promise rejects with. */
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: Error) => error,
  );

describe("an isolated subject", function () {
  this.timeout(120_000);

  it("calls functions on copies of tensors and reads constants", () =>
    behind("exports.twice = (x) => tf.mul(x, 2); exports.width = 64;", async (subject) => {
      const twice = (await subject.call("twice", [vector])) as PlainTensor;
      expect(twice).to.deep.equal(new PlainTensor([3], "float32", new Float32Array([2, 4, 6])));
      expect(await subject.read("width")).to.equal(64);
    }));

  it("calls made at once are answered one after the other", () =>
    behind("let calls = 0; exports.next = () => ++calls;", async (subject) => {
      const all = await Promise.all(Array.from({ length: 20 }, () => subject.call("next", [])));
      expect(all).to.deep.equal(Array.from({ length: 20 }, (_, i) => i + 1));
    }));

  it("a module imports tfjs and what the workbook offers, and nothing else", () =>
    behind(
      `exports.keys = () => Object.keys(require("workbook/attention")).join();
       exports.fs = () => require("node:fs");
       exports.judge = () => require("workbook/grading/judge");`,
      async (subject) => {
        expect(await subject.call("keys", [])).to.contain("attention");
        for (const name of ["fs", "judge"]) {
          const error = await failure(subject.call(name, []));
          expect(error.message).to.match(/cannot be imported by an answer$/);
        }
      },
    ));

  it("offers what computes, not what judges, shows, needs Node or is a paper's code", () => {
    const { modules } = bundle();
    expect(modules).to.include.members(["workbook/attention", "workbook/random", "workbook/grading/todo"]);
    const others = [
      "backend",
      "display",
      "root",
      "cli",
      "grading/judge",
      "grading/wall/wire",
      "jupyter/wire",
      "variants/transformer",
      "learn/mixer",
    ];
    for (const name of others) expect(modules).not.to.include(`workbook/${name}`);
  });

  it("withholds what an exercise asks for", () =>
    behind(
      'exports.f = () => require("workbook/attention");',
      async (subject) => {
        const error = await failure(subject.call("f", []));
        expect(error.message).to.match(/"workbook\/attention" is withheld from answers to these exercises$/);
      },
      { withheld: ["workbook/attention"] },
    ));

  it("tells an unanswered exercise, a broken rule and a thrown error apart, and where it was thrown", () =>
    behind(
      `const { Todo, todo } = require("workbook/grading/todo");
       exports.stub = () => { throw new Todo("stub"); }; exports.constant = todo("constant");
       exports.bad = () => { throw new RangeError("no\\n such"); };`,
      async (subject) => {
        expect(isTodo(await failure(subject.call("stub", [])))).to.equal(true);
        expect(isTodo(await failure(subject.read("constant")))).to.equal(true);
        const missing = await failure(subject.call("nothing", []));
        expect(missing).to.be.instanceOf(AssertionError);
        expect(missing.message).to.equal("there is no nothing: nothing of that name is exported");
        const thrown = await failure(subject.call("bad", []));
        expect(thrown).to.be.instanceOf(AnswerError);
        expect(thrown.message).to.equal("bad threw RangeError: no such (line 3)");
      },
      { locate: ({ stack }) => `line ${/submission\.js:(\d+):/.exec(stack ?? "")?.[1]}` },
    ));

  it("a file that throws while it is loaded says so once and for all", () =>
    behind('throw new Error("at once");', async (subject) => {
      for (const promise of [subject.load(), subject.read("x"), subject.call("x", [])]) {
        const error = await failure(promise);
        expect(error).to.be.instanceOf(AnswerError);
        expect(error.message).to.equal("the file threw Error: at once");
      }
    }));

  it("an exercise that has used up its time fails at once, and the next one gets a fresh process", () =>
    behind(
      "let calls = 0; exports.loop = () => { for (;;); }; exports.count = () => ++calls;",
      async (subject) => {
        expect(await subject.call("count", [])).to.equal(1);
        expect((await failure(subject.call("loop", []))).message).to.equal("no result within 2 s");
        expect((await failure(subject.call("loop", []))).message).to.equal("no result within 2 s");
        expect(await subject.call("count", [])).to.equal(1);
      },
      { limits: { seconds: 2 } },
    ));

  it("after a crash the next call is answered by a fresh process", () =>
    behind(
      "let calls = 0; exports.die = () => process.exit(3); exports.count = () => ++calls;",
      async (subject) => {
        expect((await failure(subject.call("die", []))).message).to.equal(
          "die ended its process (exit code 3)",
        );
        expect(await subject.call("count", [])).to.equal(1);
      },
    ));

  it("passes on what is printed, all of it before close returns", async () => {
    let printed = "";
    const onOutput = (text: string) => {
      printed += text;
    };
    await behind(
      'exports.f = () => { console.log("one ✓"); process.stdout.write("two"); };',
      (subject) => subject.call("f", []),
      { onOutput },
    );
    expect(printed).to.equal("one ✓\ntwo");
  });

  it("the environment says nothing about this machine", () =>
    behind("exports.env = () => Object.values(process.env).join();", async (subject) => {
      // Bubblewrap tells it that it stands in its root folder.
      expect(await subject.call("env", [])).to.be.oneOf(["", "/"]);
    }));

  it("what cannot be started is the grader's fault, and no judgement", async () => {
    const subject = isolated("", { command: () => ({ file: "/nonexistent/node", args: [] }) });
    expect(await failure(subject.load())).to.be.instanceOf(WallError);
    expect(await failure(subject.close())).to.be.instanceOf(WallError);
    const failing = isolated("", {
      command: () => ({ file: process.execPath, args: ["-e", "process.exit(9)"] }),
    });
    expect((await failure(failing.load())).message).to.match(
      /does not start: it ended its process \(exit code 9\)$/,
    );
    await failure(failing.close());
  });

  for (const namespaces of ["unshare", "none"] as const) {
    it(`works behind fewer walls too: ${namespaces}`, async function () {
      if (namespaces === "unshare" && process.platform !== "linux") this.skip();
      await behind(
        "exports.twice = (x) => tf.mul(x, 2);",
        async (subject) => {
          const twice = (await subject.call("twice", [vector])) as PlainTensor;
          expect([...twice.data]).to.deep.equal([2, 4, 6]);
        },
        { command: (folder, limits) => command(folder, limits, namespaces) },
      );
    });
  }

  it("the bundle holds no graded test, and no solution", () => {
    const text = readFileSync(path.join(bundle().folder, "child.cjs"), "utf8");
    expect(text).not.to.contain("causalPairs");
  });
});
