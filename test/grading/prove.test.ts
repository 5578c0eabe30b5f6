import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { judge } from "workbook/grading/judge";
import { type Material, proofMaterial, prove } from "workbook/grading/prove";
import { inProcess } from "workbook/grading/subject";
import { Todo, todo } from "workbook/grading/todo";
import { lesson, right } from "./lesson.js";

const stub = {
  double: () => {
    throw new Todo("double");
  },
  square: () => {
    throw new Todo("square");
  },
  width: todo<number>("width"),
};
const wrongWidths = [32, 128].map((answer) => ({ name: String(answer), loses: ["it is 64"], answer }));
const wrongSquares = [
  { name: "twice n, plus one", loses: ["n²"], answer: (n: number) => 2 * n + 1 },
  { name: "nothing", loses: ["n²"], answer: () => 0 },
];
const wrongDoubles = [
  { name: "triples", loses: ["2x"], answer: (x: tf.Tensor1D) => tf.mul(x, 3) },
  { name: "adds one", loses: ["2x", "0 stays 0"], answer: (x: tf.Tensor1D) => tf.add(x, 1) },
];

const sound: Material = {
  graded: lesson,
  solution: inProcess({ ...right }),
  stub: inProcess(stub),
  released: ["double", "square", "width"],
  withAnswer: (name, answer) => inProcess({ ...right, [name]: answer }),
  mutants: { double: wrongDoubles, square: wrongSquares, width: wrongWidths },
  graderSays: (seed) => judge(lesson, inProcess({ ...right }), { seed }),
};

async function violations(change: Partial<Material>): Promise<string[]> {
  const proofs = await prove({ ...sound, ...change }, ["1", "2"]);
  return proofs.flatMap((proof) => proof.violations);
}

describe("prove", () => {
  before(() => useBackend());

  it("holds for a sound lesson, with a line for each exercise", async () => {
    const proofs = await prove(sound, ["1", "2"]);
    expect(proofs).to.deep.equal([
      { exercise: "double", points: 3, tests: 2, mutants: 2, violations: [] },
      { exercise: "square", points: 1, tests: 1, mutants: 2, violations: [] },
      { exercise: "width", points: 1, tests: 1, mutants: 2, violations: [] },
    ]);
  });

  it("holds for the exercises of start-here", async () => {
    const proofs = await prove(await proofMaterial("start-here"), ["1", "2"]);
    expect(proofs.map(({ exercise }) => exercise)).to.deep.equal(["softmax", "causalPairs"]);
    expect(proofs.flatMap((proof) => proof.violations)).to.deep.equal([]);
  });

  it("a solution that loses a point is a violation", async () => {
    const found = await violations({ solution: inProcess({ ...right, width: 65 }) });
    expect(found).to.deep.equal(['the solution failed "it is 64": expected 64, got 65 (seed 1 and 1 more)']);
  });

  it("a stub that answers, or says another's Todo, is a violation", async () => {
    const answering = await violations({ stub: inProcess({ ...stub, width: 64 }) });
    expect(answering).to.deep.equal(['the stub passed "it is 64", not its own Todo']);
    const confused = await violations({ stub: inProcess({ ...stub, width: todo("double") }) });
    expect(confused[0]).to.match(/^the stub left to do "it is 64": width needs double/);
  });

  it("a mutant that keeps what it should lose, or loses what it should keep, is a violation", async () => {
    const survivor = { name: "right after all", loses: ["n²"], answer: (n: number) => n ** 2 };
    expect(
      (await violations({ mutants: { ...sound.mutants, square: [...wrongSquares, survivor] } }))[0],
    ).to.equal('mutant "right after all" should have failed, and passed "n²" (seed 1 and 1 more)');
    const greedy = { name: "adds one", loses: ["2x"], answer: (x: tf.Tensor1D) => tf.add(x, 1) };
    const found = await violations({ mutants: { ...sound.mutants, double: [...wrongDoubles, greedy] } });
    expect(found[0]).to.match(/^mutant "adds one" should have passed, and failed "0 stays 0"/);
  });

  it("a mutant that throws proves nothing about the comparison: a violation", async () => {
    const thrower = {
      name: "throws",
      loses: ["n²"],
      answer: () => {
        throw new Error("no");
      },
    };
    const found = await violations({ mutants: { ...sound.mutants, square: [...wrongSquares, thrower] } });
    expect(found[0]).to.match(
      /^mutant "throws" should have failed, and stopped at "n²": square threw Error: no/,
    );
  });

  it("a grader that takes something from the solution, or cannot grade it, is a violation", async () => {
    const strict = await violations({
      graderSays: (seed) => judge(lesson, inProcess({ ...right, width: 65 }), { seed }),
    });
    expect(strict).to.deep.equal([
      'the solution, handed to the grader, failed "it is 64": expected 64, got 65',
    ]);
    const refusing = await violations({
      graderSays: async (seed) => ({
        ...(await judge(lesson, inProcess({ ...right }), { seed })),
        state: "could not be graded",
        message: "it imports node:fs",
        exercises: [],
      }),
    });
    expect(refusing).to.deep.equal(["lesson could not be graded: it imports node:fs"]);
  });

  it("mistakes in the declarations are violations", async () => {
    const misnamed = [
      ...wrongSquares,
      { name: "m", loses: ["n^2"], answer: () => 0 },
      { name: "e", loses: [], answer: () => 0 },
    ];
    const found = await violations({ mutants: { ...sound.mutants, square: misnamed } });
    expect(found).to.include('mutant "m" should lose "n^2", which is no test');
    expect(found).to.include('mutant "e" names no test that it loses');
    expect(await violations({ mutants: { ...sound.mutants, square: [] } })).to.deep.equal([
      "it has 0 mutants, expected 2 or more",
    ]);
    expect(await violations({ released: ["double", "square"] })).to.deep.equal([
      "the release leaves nothing of it to answer",
    ]);
    expect(await violations({ released: [...sound.released, "more"] })).to.deep.equal([
      "more is released, and nothing grades it",
    ]);
  });
});
