/** Exercises whose answer is WGSL: what is judged, what is said, and what happens where no GPU is. */

import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type Graded, graded } from "workbook/grading/graded";
import { judge } from "workbook/grading/judge";
import { judgeSubmission } from "workbook/grading/judge-submission";
import { type Material, prove } from "workbook/grading/prove";
import { reportText } from "workbook/grading/report-view";
import { Skip } from "workbook/grading/skip";
import { studentReport } from "workbook/grading/student-report";
import { inProcess } from "workbook/grading/subject";
import { closeTypes } from "workbook/grading/submissions/types";
import { Todo, todo } from "workbook/grading/todo";
import { gradedWgsl } from "workbook/grading/wgsl";
import { endPlayground, findPlayground } from "workbook/kernels/playground/run";
import { skipWithoutGpu } from "../gpu.js";
import { accepted } from "./submissions/material.js";

interface Answers {
  readonly doubleWgsl: string;
  scaleWgsl(width: number): string;
}

const header = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4u;
`;
const main = (width: number, body: string) =>
  `${header}@compute @workgroup_size(${width})
fn main(@builtin(global_invocation_id) id: vec3u) { let i = id.x; ${body} }`;
const solution = {
  doubleWgsl: main(64, "if (i < n.x) { y[i] = 2 * x[i]; }"),
  scaleWgsl: (width: number) => main(width, "if (i < n.x) { y[i] = 3 * x[i]; }"),
};

const rounding = { tolerance: 1e-6, because: "one rounding" };
const launched = (T: number, width: number, x: Float32Array, factor: number) => ({
  inputs: [x],
  output: [T],
  sizes: [T],
  workgroups: [Math.ceil(T / width)] as const,
  expected: Float64Array.from(x, (value) => factor * value),
});

const lesson: Graded = graded<Answers>("lesson", {
  doubleWgsl: {
    title: "Doubling",
    is: "text",
    tests: [
      gradedWgsl<string, { T: number }>({
        sentence: "2x at lengths that fill their workgroups",
        sizes: [{ T: 64 }, { T: 128 }],
        launch: ({ T }, r) =>
          launched(
            T,
            64,
            Float32Array.from({ length: T }, () => r.normal()),
            2,
          ),
        ...rounding,
      }),
      gradedWgsl<string, { T: number }>({
        sentence: "2x at lengths that do not",
        points: 2,
        sizes: [{ T: 1 }, { T: 65 }],
        launch: ({ T }, r) =>
          launched(
            T,
            64,
            Float32Array.from({ length: T }, () => r.normal()),
            2,
          ),
        seconds: 2,
        ...rounding,
      }),
    ],
  },
  scaleWgsl: {
    title: "Tripling, with a workgroup of a given width",
    returns: "text",
    tests: [
      gradedWgsl<Answers["scaleWgsl"], { T: number; width: number }>({
        sentence: "3x",
        sizes: [
          { T: 63, width: 32 },
          { T: 65, width: 64 },
        ],
        args: ({ width }) => [width],
        launch: ({ T, width }, r) =>
          launched(
            T,
            width,
            Float32Array.from({ length: T }, () => r.normal()),
            3,
          ),
        ...rounding,
      }),
    ],
  },
});

describe("an exercise whose answer is WGSL", () => {
  before(async function () {
    await useBackend();
    await findPlayground().catch((error: Error) => skipWithoutGpu(this, error));
  });
  after(async () => {
    endPlayground();
    await closeTypes();
  });

  const judged = async (answer: unknown, seed = "1") =>
    (await judge(lesson, inProcess({ doubleWgsl: answer }), { seed, only: ["doubleWgsl"] })).exercises[0]!;
  const messages = async (body: string) =>
    (await judged(main(64, body))).tests.map(({ state, message }) => `${state} ${message}`.trim());

  it("gets every point for a right text, and for a function that returns one", async () => {
    const { score, maxScore } = await judge(lesson, inProcess({ ...solution }), { seed: "1" });
    expect([score, maxScore]).to.deep.equal([4, 4]);
  });

  it("loses the tests at whose sizes it is wrong, and hears at which", async () => {
    const [round, awkward] = await messages("if (i < n.x && i < 64 * (n.x / 64)) { y[i] = 2 * x[i]; }");
    expect(round).to.equal("passed");
    expect(awkward).to.equal("failed at T = 1: it never writes [0] of y, which holds NaN");
    const [wrong] = await messages("if (i < n.x) { y[i] = x[i]; }");
    expect(wrong).to.match(/^failed at T = 64: largest error .* at \[\d+\]: expected .*, got /);
  });

  it("loses for an index that nothing bounds, although WebGPU lets nothing happen", async () => {
    const unbounded = "let k = min(i, n.x - 1); y[i] = 2 * x[k];";
    const said =
      "failed at T = 1: it writes outside of y: number 1, where 0 is the last (is every index held against its size?)";
    expect(await messages(unbounded)).to.deep.equal(["passed", said]);
  });

  it("that does not compile hears the compiler, and sees its line", async () => {
    const { tests } = await judged(main(64, "y[i] = z;"));
    expect(tests[0]!.message).to.equal(
      "the WGSL does not compile: unresolved value 'z' (line 5 of the WGSL)\n" +
        "fn main(@builtin(global_invocation_id) id: vec3u) { let i = id.x; y[i] = z; }",
    );
  });

  it("that does not end loses that test, and the next one is judged", async () => {
    const endless = "if (i < n.x) { y[i] = 2 * x[i]; } while (n.x == 1) { y[0] += 1; }";
    expect(await messages(endless)).to.deep.equal([
      "passed",
      "failed at T = 1: the kernel (is there a loop that does not end?) took longer than 2 s and was ended",
    ]);
    expect((await judged(solution.doubleWgsl)).points).to.equal(3);
  });

  it("is judged the same on the same seed", async () => {
    const wrong = main(64, "if (i < n.x) { y[i] = x[i]; }");
    expect(await judged(wrong, "5")).to.deep.equal(await judged(wrong, "5"));
    expect(await judged(wrong, "5")).to.not.deep.equal(await judged(wrong, "6"));
  });

  it("is to do until somebody answers it, and a number is no answer", async () => {
    expect((await judged(todo("doubleWgsl"))).tests[0]!.state).to.equal("todo");
    expect((await judged(3)).tests[0]!.message).to.equal("doubleWgsl is the number 3; expected a text");
  });

  it("is skipped, whatever was answered, where Vulkan finds no driver", async function () {
    if (process.platform !== "linux") this.skip();
    const before = process.env.VK_DRIVER_FILES;
    endPlayground();
    process.env.VK_DRIVER_FILES = "/dev/null";
    try {
      for (const answer of [solution.doubleWgsl, "nonsense", todo("doubleWgsl")]) {
        const { points, maxPoints, tests } = await judged(answer);
        expect([points, maxPoints]).to.deep.equal([0, 0]);
        expect(tests[0]).to.include({ state: "skipped", skippedPoints: 1 });
        expect(tests[0]!.message).to.match(/^no GPU was found; install the driver of your GPU/);
      }
    } finally {
      if (before === undefined) delete process.env.VK_DRIVER_FILES;
      else process.env.VK_DRIVER_FILES = before;
    }
  });

  it("is judged from a file as well: the text comes from behind the wall, and runs outside of it", async () => {
    const text = JSON.stringify(main(0, "if (i < n.x) { y[i] = FACTOR * x[i]; }"));
    const file = (doubled: string) => `const kernel = (width: number, factor: number) =>
  ${text}.replace("size(0)", "size(" + width + ")").replace("FACTOR", String(factor));
export const doubleWgsl: string = ${doubled};
export function scaleWgsl(width: number): string {
  return kernel(width, 3);
}
`;
    const signatures = {
      slug: "start-here",
      names: ["doubleWgsl", "scaleWgsl"],
      text: `import { Todo, todo } from "workbook/grading/todo";
export const doubleWgsl: string = todo("doubleWgsl");
export function scaleWgsl(width: number): string { throw new Todo("scaleWgsl"); }
`,
    };
    const report = async (doubled: string) =>
      judgeSubmission(lesson, await accepted("start-here.ts", file(doubled), "start-here"), {
        seed: "1",
        signatures,
      });
    const right = await report("kernel(64, 2)");
    expect(right, reportText(right)).to.include({ state: "graded", score: 4, maxScore: 4 });
    const wrong = await report("kernel(64, 3)");
    expect(wrong, reportText(wrong)).to.include({ state: "graded", score: 1, maxScore: 4 });
  }).timeout(60_000);

  it("is proven with mutants like every other", async () => {
    const material = provable(lesson);
    const proofs = await prove(material, ["1", "2"]);
    expect(proofs.map(({ exercise, violations, skipped }) => [exercise, violations, skipped])).to.deep.equal([
      ["doubleWgsl", [], undefined],
      ["scaleWgsl", [], undefined],
    ]);
  });
});

describe("a test that cannot be run here", () => {
  const skipping = graded<{ f(): number }>("lesson", {
    f: {
      title: "F",
      returns: "number",
      tests: [
        { sentence: "1", run: async ({ answer }) => expect(await answer()).to.equal(1) as never },
        {
          sentence: "needs what is not there",
          points: 2.5,
          hidden: true,
          run: () => Promise.reject(new Skip("there is no such thing; get one")),
        },
      ],
    },
  });
  const report = () => judge(skipping, inProcess({ f: () => 1 }), { seed: "1" });

  before(() => useBackend());

  it("counts neither way, and the report says how many points that are", async () => {
    const { score, maxScore, notes, exercises } = await report();
    expect([score, maxScore]).to.deep.equal([1, 1]);
    expect(notes).to.deep.equal([
      "One test was skipped, with 2.5 points that count neither way: there is no such thing; get one",
    ]);
    expect(exercises[0]!.tests[1]).to.include({
      state: "skipped",
      points: 0,
      maxPoints: 0,
      skippedPoints: 2.5,
    });
  });

  it("is seen as skipped by students, hidden or not, and nobody is told that everything passed", async () => {
    const text = reportText(studentReport(await report()));
    expect(text).to.contain("◌ skipped: a hidden test (2.5, not counted)");
    expect(text).to.not.contain("everything passed");
  });

  it("proves nothing, and the proof says so", async () => {
    const [proof] = await prove(provable(skipping, { f: () => 1 }), ["1"]);
    expect(proof!.skipped).to.equal("there is no such thing; get one");
    expect(proof!.violations.filter((text) => text.includes("needs what is not there"))).to.be.empty;
  });
});

/** What a proof needs, without files. */
function provable(of: Graded, right: Readonly<Record<string, unknown>> = { ...solution }): Material {
  const wrong = (answer: unknown, name: string, ...loses: string[]) => ({ name, loses, answer });
  const [round, awkward] = ["2x at lengths that fill their workgroups", "2x at lengths that do not"];
  return {
    graded: of,
    solution: inProcess(right),
    stub: inProcess({
      doubleWgsl: todo("doubleWgsl"),
      ...Object.fromEntries(
        ["scaleWgsl", "f"].map((name) => [
          name,
          () => {
            throw new Todo(name);
          },
        ]),
      ),
    }),
    released: Object.keys(right),
    withAnswer: (name, answer) => inProcess({ ...right, [name]: answer }),
    mutants: {
      ...("doubleWgsl" in right && {
        doubleWgsl: [
          wrong(main(64, "if (i < n.x) { y[i] = x[i]; }"), "does not double", round, awkward),
          wrong(main(64, "y[i] = 2 * x[min(i, n.x - 1)];"), "bounds nothing that it writes", awkward),
        ],
        scaleWgsl: [
          wrong(() => solution.scaleWgsl(32), "is always 32 wide", "3x"),
          wrong(
            (width: number) => main(width, "if (i < n.x) { y[i] = 3 * x[i + 1]; }"),
            "is off by one",
            "3x",
          ),
        ],
      }),
    },
    graderSays: (seed) => judge(of, inProcess(right), { seed }),
  };
}
