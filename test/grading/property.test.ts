import { AssertionError, expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type GradedTest, graded } from "workbook/grading/graded";
import { judge } from "workbook/grading/judge";
import { type PropertyOptions, property } from "workbook/grading/property";
import { inProcess, OutOfTimeError, type Subject } from "workbook/grading/subject";
import { Todo } from "workbook/grading/todo";

type Product = (T: number, D: number) => number;
type Inputs = { T: number; D: number };

async function judged(answer: unknown, options: Partial<PropertyOptions<Product, Inputs>> = {}, seed = "1") {
  const test: GradedTest<Product> = property<Product, Inputs>({
    sentence: "f(T, D) = T D",
    inputs: ({ integer }) => ({ T: integer({ min: 0, max: 100 }), D: integer({ min: 0, max: 100 }) }),
    holds: async ({ answer: product }, { T, D }) => {
      expect(await product(T, D)).to.equal(T * D);
    },
    ...options,
  });
  const lesson = graded<{ f: Product }>("lesson", { f: { title: "F", returns: "number", tests: [test] } });
  let calls = 0;
  const subject = inProcess({ f: answer });
  const counting: Subject = {
    ...subject,
    call: (name, args) => {
      calls++;
      return subject.call(name, args);
    },
  };
  const report = await judge(lesson, counting, { seed });
  return { ...report.exercises[0]!.tests[0]!, calls };
}

describe("property", () => {
  before(() => useBackend());

  it("passes what holds for every input, after the asked number of runs", async () => {
    expect(await judged((T: number, D: number) => T * D)).to.include({ state: "passed", calls: 20 });
    expect(await judged((T: number, D: number) => T * D, { runs: 7 })).to.include({ calls: 7 });
  });

  it("names the smallest input that fails, with expected and got", async () => {
    const { state, message, expected, got } = await judged((T: number, D: number) =>
      T >= 3 && D >= 1 ? 0 : T * D,
    );
    expect(state).to.equal("failed");
    expect(message).to.equal("for T = 3, D = 1: expected 3, got 0");
    expect([expected, got]).to.deep.equal(["3", "0"]);
  });

  it("an answer that throws at some inputs is an error at the smallest of them", async () => {
    const { state, message } = await judged((T: number, D: number) => {
      if (T > 1) throw new RangeError("no");
      return T * D;
    });
    expect(state).to.equal("error");
    expect(message).to.equal("for T = 2, D = 0: f threw RangeError: no");
  });

  it("same seed, same inputs and tensors; another seed, others", async () => {
    const draw = async (seed: string) => {
      const seen: unknown[] = [];
      const holds: PropertyOptions<Product, Inputs>["holds"] = async ({ random }, inputs) => {
        seen.push(inputs, random.uniform());
      };
      await judged(() => 0, { holds }, seed);
      return JSON.stringify(seen);
    };
    expect(await draw("1")).to.equal(await draw("1"));
    expect(await draw("1")).to.not.equal(await draw("2"));
  });

  it("makes a counterexample smaller with a bounded number of calls", async () => {
    // Of 300 numbers each can be made smaller by itself, and every input fails.
    const inputs: PropertyOptions<Product, Inputs>["inputs"] = ({ array, integer, constant }) => ({
      T: array(integer(), { minLength: 300, maxLength: 300 }).map((all) => all.reduce((a, b) => a + b)),
      D: constant(1),
    });
    const { calls, state } = await judged(() => 0.5, { inputs });
    expect(state).to.equal("failed");
    expect(calls).to.be.at.most(1 + 50);
  });

  it("an unanswered exercise is to do, after one call", async () => {
    const stub = () => {
      throw new Todo("f");
    };
    expect(await judged(stub)).to.include({ state: "todo", message: "f is not answered yet", calls: 1 });
  });

  it("the end of the time is nothing about the inputs: no smaller ones are tried, none are named", async () => {
    const message = "no result within 10 s";
    const holds = async () => {
      throw new OutOfTimeError(message);
    };
    expect(await judged(() => 0, { holds })).to.include({ state: "error", message });
  });

  it("a mistake in the test itself is not searched for smaller inputs", async () => {
    let runs = 0;
    const holds = async () => {
      runs++;
      throw new TypeError("of the test");
    };
    const { state, message } = await judged(() => 0, { holds });
    expect([state, runs]).to.deep.equal(["error", 1]);
    expect(message).to.include("TypeError: of the test");
  });

  it("keeps points, hint and hidden of its test", () => {
    const test = property<Product, Inputs>({
      sentence: "s",
      points: 2,
      hint: "h",
      hidden: true,
      inputs: ({ constant }) => ({ T: constant(1), D: constant(1) }),
      holds: async () => {
        throw new AssertionError("never run");
      },
    });
    expect(test).to.include({ sentence: "s", points: 2, hint: "h", hidden: true });
    expect(test).to.not.have.any.keys("inputs", "holds", "runs");
  });
});
